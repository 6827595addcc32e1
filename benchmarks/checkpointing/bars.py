"""The bars that cost models decide, as rows: what was asked, what we plan, what the anchor would.

The anchor is the published heuristic, `sqrt_n_per_segment`. Repeated work r is a part of one
forward pass; backward costs twice forward in these models, so time is 1 + r/3 of plain. A unit is
one activation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from benchmarks.checkpointing import networks
from benchmarks.checkpointing.figures import Bar
from penstock.remat.articulation import bottlenecks
from penstock.remat.evaluate import Evaluation, evaluate
from penstock.remat.infeasible import Infeasible
from penstock.remat.options import PlanOptions
from penstock.remat.portfolio import plan_budget
from penstock.remat.problem import Problem
from penstock.remat.recompute import saved_values
from penstock.remat.schedule import plain_schedule
from penstock.remat.strategies.keep_values import keep_values
from penstock.remat.strategies.sqrt_n_per_segment import sqrt_n_per_segment

OPTIONS = PlanOptions(smallest=False)
OPTIMA = {16: 0.859, 15: 0.869, 14: 0.970, 10: 1.475, 6: 2.778}  # of 100 values
SHALLOW = 19  # blocks of the plain residual chain


def all_bars(quick: bool) -> Iterator[Bar]:
    """Yield the rows; with `quick` only those that take no time."""
    yield from _chain_bars()
    if quick:
        return
    yield _growth()
    yield _depth()
    deep = networks.resnet((3, 8, 36, 3))
    yield from _shares("B5 ResNet, 50 blocks", deep, ((0.25, 1.12), (0.50, 1.03)))
    yield from _shares("B6 U-Net of depth 5", networks.unet(), ((0.70, 1.05), (0.50, 1.16)))
    asked = ((0.25, 1.14), (0.117, 1.24), (0.10, 1.27))
    yield from _shares("B7 Transformer, 24 layers", networks.transformer(), asked)
    yield from _shares("B8 LSTM, 1000 steps", networks.lstm(1000), ((0.05, 1 + 1 / 3),))


def planned(problem: Problem, budget: int) -> Evaluation | None:
    """Return what the portfolio makes of a budget; None when it finds nothing."""
    try:
        return plan_budget(problem, budget, OPTIONS).evaluation
    except Infeasible:
        return None


def anchor(problem: Problem) -> Evaluation:
    """Return what the published heuristic needs, or it with any bottleneck where that is less.

    As published, only tensors that gradients read are kept, which the sums of residual blocks
    are not.
    """
    large = bottlenecks(problem)
    stride = math.ceil(len(large) / math.ceil(math.sqrt(len(saved_values(problem)))))
    tried = (
        sqrt_n_per_segment(problem, None, OPTIONS),
        keep_values(problem, large[:: stride or 1]),
    )
    return min((evaluate(problem, schedule) for schedule in tried), key=lambda e: e.peak)


def plain(problem: Problem) -> int:
    """Return the peak without repetitions."""
    return evaluate(problem, plain_schedule(problem)).peak


def _chain_bars() -> Iterator[Bar]:
    problem = networks.tanh_chain(99)
    theirs = anchor(problem)
    said = f"{theirs.peak} units, r {theirs.recomputed:.3f}"
    for units, least in OPTIMA.items():
        found = planned(problem, units)
        ours = f"r {found.recomputed:.3f}" if found else "none found"
        met = found is not None and found.recomputed <= 1.01 * least
        asked = f"{units} units: r ≤ {least:.3f} (the optimum) + 1%"
        yield Bar("B2 tanh, 100 values", asked, ours, said, met)


def _growth() -> Bar:
    lengths, most = (64, 256, 1024, 4096), (14, 26, 48, 93)
    units, theirs = [], []
    for length, limit in zip(lengths, most, strict=True):
        problem = networks.tanh_chain(length - 1)
        units.append(_fewest(problem, limit))
        theirs.append(anchor(problem).peak)
    asked_for, found = (
        float(np.polyfit(np.log(lengths), np.log(grown), 1)[0]) for grown in (most, units)
    )
    said = f"{'/'.join(map(str, theirs))}"
    asked = f"{'/'.join(map(str, lengths))} values at r ≤ 1: {'/'.join(map(str, most))} units"
    met = all(u <= m for u, m in zip(units, most, strict=True)) and asked_for <= 0.50
    ours = f"{'/'.join(map(str, units))} units at the fewest"
    note = f"exponent of the units asked for {asked_for:.3f}, of the fewest {found:.3f}"
    return Bar("B3 growth", f"{asked}, exponent ≤ 0.50", ours, said, met, note)


def _fewest(problem: Problem, start: int) -> int:
    """Return the fewest units at r ≤ 1, looking upwards or downwards from a guess."""
    units = start
    while not _within_one(problem, units):
        units += 1
    while _within_one(problem, units - 1):
        units -= 1
    return units


def _within_one(problem: Problem, budget: int) -> bool:
    found = planned(problem, budget)
    return found is not None and found.recomputed <= 1


def _depth() -> Bar:
    memory = plain(networks.residual_chain(SHALLOW))
    theirs = _deepest(lambda n: _anchor_within(n, memory))
    ours = _deepest(lambda n: _within_one(networks.residual_chain(n), memory))
    asked = f"≥ 15x the depth of {SHALLOW} plain blocks, r ≤ 1"
    text = f"{ours / SHALLOW:.1f}x ({ours} blocks)"
    return Bar("B4 residual chain", asked, text, f"{theirs / SHALLOW:.1f}x", ours >= 15 * SHALLOW)


def _anchor_within(blocks: int, memory: int) -> bool:
    result = anchor(networks.residual_chain(blocks))
    return result.peak <= memory and result.recomputed <= 1


def _deepest(fits: Callable[[int], bool]) -> int:
    """Return about the most blocks that fit, by steps of one shallow network and then finer."""
    blocks, step = SHALLOW, SHALLOW
    while step:
        while fits(blocks + step):
            blocks += step
        step //= 4
    return blocks


def _shares(bar: str, problem: Problem, asked: tuple[tuple[float, float], ...]) -> Iterator[Bar]:
    whole = plain(problem)
    theirs = anchor(problem)
    said = f"{theirs.peak / whole:.3f} at {_percent(1 + theirs.recomputed / 3)}"
    for part, most in asked:
        found = planned(problem, int(part * whole))
        wish = f"{part:g} of plain at ≤ {_percent(most)}"
        if found is None:
            yield Bar(bar, wish, "none found", said, False)
            continue
        time = 1 + found.recomputed / 3
        ours = f"{found.peak / whole:.3f} at {_percent(time)} (r {found.recomputed:.3f})"
        yield Bar(bar, wish, ours, said, time <= most + 1e-9)


def _percent(time: float) -> str:
    return f"+{math.ceil(1000 * (time - 1) - 1e-6) / 10:g}%"
