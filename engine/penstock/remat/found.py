"""A sequence that a strategy found, and the choice between two of them."""

from __future__ import annotations

from typing import NamedTuple

from penstock.remat.measure import Measured


class Found(NamedTuple):
    """A sequence, what made it, and a proven bound of the repeated work."""

    strategy: str
    needs: Measured
    bound: float = 0.0


def better(best: Found | None, found: Found | None, budget: int) -> Found | None:
    """Return the one with less work among those within the budget; the first on a tie."""
    if found is None or found.needs.peak > budget or not found.needs.valid:
        return best
    if best is None or found.needs.cost < best.needs.cost * (1 - 1e-12):
        return found
    return best
