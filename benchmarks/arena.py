"""How much larger than what lives at once is the block of a memory plan?

`python -m benchmarks.arena [--seconds N]`: the networks of the recomputation bench, plain and with
schedules that a tight budget makes, by each heuristic, the best of them, and after N seconds of
search; then training steps as the planner sees them. Prints a table.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator

from benchmarks.checkpointing import networks
from penstock.memory.offsets import Item, improved, live_peak, place, placements
from penstock.remat.evaluate import evaluate
from penstock.remat.infeasible import Infeasible
from penstock.remat.portfolio import plan_budget
from penstock.remat.problem import Problem
from penstock.remat.schedule import Compute, Schedule, plain_schedule

UNIT = 1 << 16  # bytes of a unit, for networks that count in units

NETWORKS: dict[str, Callable[[], Problem]] = {
    "tanh chain 100": lambda: networks.tanh_chain(100, UNIT),
    "residual chain 32": lambda: networks.residual_chain(32, UNIT),
    "ResNet-50": lambda: networks.resnet(),
    "ResNet-152": lambda: networks.resnet((3, 8, 36, 3)),
    "U-Net": lambda: networks.unet(),
    "Transformer 24": lambda: networks.transformer(24),
    "LSTM 200": lambda: networks.lstm(200, UNIT),
}
PARTS = (1.0, 0.75, 0.5, 0.3)  # budgets, as parts of the plain peak


def items_of(problem: Problem, schedule: Schedule) -> list[Item]:
    """Return the blocks of memory of a schedule: an output may go on in an input's block."""
    block_of: dict[tuple[int, int], int] = {}
    blocks: list[list[int]] = []
    newest: dict[int, int] = {}
    time = -1
    steps = schedule.steps
    for position, step in enumerate(steps):
        if not isinstance(step, Compute):
            blocks[block_of[step.value, step.instance]][2] = time
            continue
        time += 1
        task = problem.tasks[step.task]
        dying = set()
        for after in steps[position + 1 :]:
            if isinstance(after, Compute):
                break
            dying.add((after.value, after.instance))
        for v in task.outputs:
            into = next(
                (
                    (old, newest[old])
                    for out, old in task.in_place
                    if out == v
                    and (old, newest.get(old, -1)) in dying
                    and problem.values[old].bytes == problem.values[v].bytes
                ),
                None,
            )
            if into is not None:
                dying.discard(into)
                block_of[v, step.instance] = block_of[into]
            else:
                block_of[v, step.instance] = len(blocks)
                blocks.append([problem.values[v].bytes, time, time])
            newest[v] = step.instance
    kept = {block_of[v, 0] for v, value in enumerate(problem.values) if value.kept}
    return [
        Item(size, first, time if b in kept else last)
        for b, (size, first, last) in enumerate(blocks)
        if size
    ]


def cases(names: list[str]) -> Iterator[tuple[str, list[Item]]]:
    """Yield every network, plain and within budgets that can be met."""
    for name, build in NETWORKS.items():
        if names and not any(n in name for n in names):
            continue
        problem = build()
        plain = plain_schedule(problem)
        peak = evaluate(problem, plain).peak
        for part in PARTS:
            try:
                schedule = plain if part == 1 else plan_budget(problem, int(part * peak)).schedule
            except Infeasible:
                continue
            again = schedule.clones
            kind = "plain" if part == 1 else f"{part:.2f} of its peak, {again} repeated"
            yield f"{name}, {kind}", items_of(problem, schedule)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0, help="of search for each row")
    parser.add_argument("networks", nargs="*", help="parts of names; all without any")
    given = parser.parse_args()
    print("| schedule | blocks | by size | worst | best of all | after a search |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, items in cases(given.networks):
        live = live_peak(items)
        every = [p.bytes / live for p in placements(items)]
        best = place(items)
        last = improved(items, best, given.seconds, tries=1_000_000)
        print(
            f"| {name} | {len(items)} | {every[0]:.3f} | {max(every):.3f} | {best.bytes / live:.3f}"
            f" | {last.bytes / live:.3f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
