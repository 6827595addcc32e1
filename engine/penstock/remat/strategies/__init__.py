"""Strategies: one file each, one function each, `(problem, budget, options) -> Schedule`."""
