"""Told or measured costs decide what a plan repeats, and the same costs lead to the same plan."""

from typing import Any

import penstock as ps
from benchmarks.checkpointing.budgeted import normal
from penstock.simulate import Costs, FixedCosts, ShapeCosts

SIDE = (32, 64)


def chain(session: ps.Session | None = None) -> tuple[Any, Any]:
    x = ps.placeholder(ps.float32, SIDE)
    h = x
    for _ in range(6):
        h = ps.tanh(ps.exp(h * 0.1))
    (g,) = ps.gradients(ps.reduce_sum(h), x, memory_budget=9 * 8192)
    return x, g


def repeated(costs: Costs | None) -> list[str]:
    with ps.Graph().as_default(), ps.Session() as session:
        x, g = chain()
        session.use_costs(costs)
        plan = session._find_call(g, {x: normal(*SIDE)}).plan
        return [node.op for node in plan.ir if "_recomputed" in node.attrs]


def test_what_is_dear_is_repeated_less() -> None:
    dear_exp = repeated(FixedCosts({"Exp": 1000.0}, default=1.0))
    dear_tanh = repeated(FixedCosts({"Tanh": 1000.0}, default=1.0))
    assert dear_exp.count("Exp") < dear_tanh.count("Exp")
    assert dear_tanh.count("Tanh") < dear_exp.count("Tanh") or not dear_tanh.count("Tanh")


def test_measured_costs_know_repetitions_and_give_one_plan() -> None:
    with ps.Graph().as_default(), ps.Session() as session:
        x = ps.placeholder(ps.float32, SIDE)
        y = ps.tanh(ps.exp(x))
        costs = session.measure_costs(y, {x: normal(*SIDE)}, runs=2)
    assert isinstance(costs, ShapeCosts)
    assert {op for op, *_ in costs.times} == {"Exp", "Tanh"}
    assert all(seconds > 0 for seconds in costs.times.values())
    assert repeated(costs) == repeated(costs)
