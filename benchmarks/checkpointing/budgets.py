"""Plan against reality: what runs take under budgets, beside what was planned.

    python -m benchmarks.checkpointing.budgets [--networks mlp …] [--budgets 20] [--rounds 0]

For each network a row for each of so many budgets between the smallest feasible and the plain
peak: planned peak, the most that the run allocated (its share of the allocator), their ratio, and
the repeated work r. The last column says whether the row keeps the promises: measured is within
the budget and between 0.95 and 1.00 of the plan; neither peak nor r goes the wrong way.

With `--rounds`, the time of a run under a budget of the plain plan's peak is held against that of
a run without any, so many times in turns, instead.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from statistics import median
from time import perf_counter
from typing import Any, NamedTuple

import penstock as ps
from benchmarks.checkpointing.budgeted import NETWORKS, Built
from penstock.remat.infeasible import Infeasible

LEAST_SHARE = 0.95


class Row(NamedTuple):
    """One run: bytes of the budget, of the plan and of the run; work repeated; clones."""

    budget: int
    planned: int
    measured: int
    recomputed: float
    clones: int
    strategy: str

    @property
    def ratio(self) -> float:
        """Measured by planned."""
        return self.measured / self.planned


def run_once(build: Callable[..., Built], budget: int, config: Any = None) -> Row:
    """Build, plan and run under a budget. Raises `Infeasible`."""
    with ps.Graph().as_default():
        fetches, feed = build({"memory_budget": budget})
        with ps.Session(config=config) as session:
            session.run(ps.global_variables_initializer())
            plan = session._find_call(fetches, feed).plan
            _, memory = session.run_with_memory(fetches, feed)
            chosen = plan.log.recomputation
            assert chosen is not None
            result, clones = chosen.evaluation, chosen.schedule.clones
            peak, name = memory.share_peak, chosen.strategy
            return Row(budget, result.peak, peak, result.recomputed, clones, name)


def sweep(build: Callable[..., Built], count: int = 20) -> Iterator[Row]:
    """Yield rows from the smallest feasible budget up to the plain peak."""
    plain = run_once(build, 1 << 50)
    try:
        run_once(build, 1)
        least = 1
    except Infeasible as e:
        least = e.smallest
    for k in range(count - 1):
        yield run_once(build, least + (plain.planned - least) * k // (count - 1))
    yield run_once(build, plain.planned)


def faults(row: Row, before: Row | None) -> str:
    """Return which promises a row breaks, given the row of the next smaller budget."""
    broken = []
    if not row.measured <= row.planned <= row.budget:
        broken.append("over")
    if row.ratio < LEAST_SHARE:
        broken.append("loose")
    if before is not None and row.planned < before.planned:
        broken.append("peak not monotone")
    if before is not None and row.recomputed > before.recomputed + 1e-9:
        broken.append("r not monotone")
    return ", ".join(broken)


def time_ratio(build: Callable[..., Built], rounds: int) -> tuple[float, float]:
    """Return microseconds of a run without a budget, and the ratio of one that its peak fits.

    Both take turns, each going first every other time; figures are medians.
    """
    budget = run_once(build, 1 << 50).measured
    with ExitStack() as stack:
        steps = [_step(build, wish, stack) for wish in ({}, {"memory_budget": budget})]
        times: tuple[list[float], list[float]] = ([], [])
        for k in range(rounds + rounds // 10):
            for which in (k % 2, 1 - k % 2):
                begin = perf_counter()
                steps[which]()
                if k >= rounds // 10:
                    times[which].append(perf_counter() - begin)
    plain, bounded = map(median, times)
    return 1e6 * plain, bounded / plain


def _step(build: Callable[..., Built], wish: Any, stack: ExitStack) -> Callable[[], Any]:
    """Return a training step in a session of its own on one thread."""
    with ps.Graph().as_default():
        fetches, feed = build(wish)
        config = ps.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)
        session = stack.enter_context(ps.Session(config=config))
        session.run(ps.global_variables_initializer())
    return lambda: session.run(fetches, feed)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", nargs="*", default=list(NETWORKS), choices=list(NETWORKS))
    parser.add_argument("--budgets", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=0)
    arguments = parser.parse_args()
    if arguments.rounds:
        for name in arguments.networks:
            plain, ratio = time_ratio(NETWORKS[name], arguments.rounds)
            print(
                f"{name:<12}{plain:10.1f} us plain, {ratio:6.3f} of it under a budget", flush=True
            )
        return
    print("network        budget    planned   measured  ratio      r  clones  strategy  faults")
    for name in arguments.networks:
        before = None
        for row in sweep(NETWORKS[name], arguments.budgets):
            print(
                f"{name:<12}{row.budget:>9,}{row.planned:>11,}{row.measured:>11,}{row.ratio:7.3f}"
                f"{row.recomputed:7.3f}{row.clones:>8}  {row.strategy}  {faults(row, before)}",
                flush=True,
            )
            before = row


if __name__ == "__main__":
    main()
