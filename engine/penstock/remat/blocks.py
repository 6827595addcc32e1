"""A chain of blocks: the forward tasks between cuts, and the backward tasks that undo each.

The backward order is divided into phases, one a block: a block's phase ends with the last task
that reads something the block made. Each block knows the bytes that cross into it, what it needs
forward and backward beside its input, and options: sets of values to save for the backward pass,
from everything it reads down to little, with the work to make the others again.
"""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heappop, heappush

from penstock.remat.articulation import Cut, find_cuts
from penstock.remat.measure import measure
from penstock.remat.problem import Problem
from penstock.remat.recompute import lacking

MOST_OPTIONS = 6
TRIED_EACH = 12  # beyond so many values, the order of dropping is found in one go
FEW = 8  # with fewer cuts that one value crosses, wider ones are used
WIDEST = 3  # values across a cut
Known = dict[object, tuple[tuple[frozenset[int], float], ...]]  # savings by structure


@dataclass(frozen=True, slots=True)
class Saving:
    """Save `values` of a block; `work` makes the others again. `bytes` includes the output."""

    values: frozenset[int]
    bytes: int
    work: float


@dataclass(frozen=True, slots=True)
class Block:
    """One link: its tasks, its phase of the backward order, bytes and work.

    `light`: the backward phase reads nothing the block made but its output.
    `gradient` is about what arrives while blocks before are recomputed.
    """

    forward: tuple[int, ...]
    backward: tuple[int, ...]
    made: frozenset[int]
    output: frozenset[int]
    input_bytes: int
    work: float
    forward_peak: int
    backward_peak: int
    gradient: int
    light: bool
    savings: tuple[Saving, ...]


@dataclass(frozen=True, slots=True)
class Chain:
    """Blocks in order; `prologue` runs once before, leaving `base`, `epilogue` once behind.

    `thinned`: there were more cuts than blocks were allowed.
    """

    prologue: tuple[int, ...]
    epilogue: tuple[int, ...]
    base: int
    blocks: tuple[Block, ...]
    thinned: bool


def find_chain(problem: Problem, longest: int = 64) -> Chain | None:
    """Return the chain of at most `longest` blocks, or None when there are fewer than three."""
    cuts = find_cuts(problem, 1)
    for width in range(2, WIDEST + 1):
        cuts = cuts if len(cuts) >= FEW else find_cuts(problem, width)
    order = [t for t, task in enumerate(problem.tasks) if task.forward]
    if len(cuts) < 3 or order[-1] - order[0] + 1 != len(order):
        return None
    head = [t for t in order if t <= cuts[0].after]
    once = not any(problem.tasks[t].recomputable for t in head)
    found = len(cuts)
    cuts = _thinned(cuts, longest, once)
    thinned = len(cuts) < found
    ends = [cut.after for cut in cuts]
    groups = _groups(order, ends if ends[-1] == order[-1] else [*ends, order[-1]])
    phases = _phases(problem, groups)
    crossing = [frozenset(cut.crossing) for cut in cuts]
    if len(crossing) < len(groups):
        crossing.append(frozenset(problem.tasks[order[-1]].outputs))
    blocks = _blocks(problem, groups, phases, crossing)
    if once:
        return Chain(tuple(head), tuple(phases[0]), cuts[0].bytes, blocks[1:], thinned)
    return Chain((), (), 0, blocks, thinned)


def _thinned(cuts: list[Cut], longest: int, prologue: bool) -> list[Cut]:
    first, rest = (cuts[:1], cuts[1:]) if prologue else ([], cuts)
    stride = -(-len(rest) // longest)
    return first + rest[stride - 1 :: stride]


def _groups(order: list[int], ends: list[int]) -> list[list[int]]:
    """Divide the forward tasks behind each of `ends`."""
    groups: list[list[int]] = [[] for _ in ends]
    place = 0
    for t in order:
        while t > ends[place]:
            place += 1
        groups[place].append(t)
    return groups


def _blocks(
    problem: Problem,
    groups: list[list[int]],
    phases: list[list[int]],
    crossing: list[frozenset[int]],
) -> tuple[Block, ...]:
    entering = [frozenset[int](), *crossing]
    profile = measure(problem, range(len(problem.tasks))).profile.tolist()
    held = _held(problem, groups, phases)
    known: Known = {}
    peaks = [
        max((profile[t] - below for t in phase), default=0)
        for phase, below in zip(phases, held, strict=True)
    ]
    return tuple(
        _block(problem, groups[b], phases[b], entering[b], crossing[b], peaks[b], known)
        for b in range(len(groups))
    )


def _phases(problem: Problem, groups: list[list[int]]) -> list[list[int]]:
    """Divide the backward tasks: the phase of a task is the last block anything behind reads."""
    block_of = {v: b for b, group in enumerate(groups) for t in group for v in _made(problem, t)}
    phases: list[list[int]] = [[] for _ in groups]
    current = 0
    for t in range(len(problem.tasks) - 1, -1, -1):
        if not problem.tasks[t].forward:
            current = max([current, *(block_of.get(v, 0) for v in problem.tasks[t].inputs)])
            phases[current].append(t)
    for phase in phases:
        phase.reverse()
    return phases


def _held(problem: Problem, groups: list[list[int]], phases: list[list[int]]) -> list[int]:
    """Return the bytes of earlier blocks' values that the plain order holds in each phase."""
    held: list[int] = []
    waiting: list[tuple[int, int]] = []
    total, begins = 0, len(problem.tasks)
    for group, phase in zip(groups, phases, strict=True):
        begins = phase[0] if phase else begins
        while waiting and -waiting[0][0] >= begins:
            total += heappop(waiting)[1]
        held.append(total)
        for v in (v for t in group for v in _made(problem, t)):
            if problem.readers[v]:
                heappush(waiting, (-problem.readers[v][-1], problem.values[v].bytes))
    return held


def _made(problem: Problem, t: int) -> tuple[int, ...]:
    return problem.tasks[t].outputs


def _block(
    problem: Problem,
    group: list[int],
    phase: list[int],
    entering: frozenset[int],
    leaving: frozenset[int],
    backward_peak: int,
    known: Known,
) -> Block:
    made = [v for t in group for v in _made(problem, t)]
    read = {v for t in phase for v in problem.tasks[t].inputs}
    needed = [v for v in made if v in read and v not in leaving]
    size = problem.values
    passing = frozenset(v for v in leaving if v in set(made))
    key = _signature(problem, group, made, set(needed), passing)
    if key not in known:
        indexed = {v: i for i, v in enumerate(made)}
        found = _savings(problem, needed, passing | entering)
        known[key] = tuple((frozenset(indexed[v] for v in kept), work) for kept, work in found)
    out_bytes = sum(size[v].bytes for v in passing)
    savings = []
    for places, work in known[key]:
        kept = frozenset(made[i] for i in places)
        savings.append(Saving(kept, out_bytes + sum(size[v].bytes for v in kept), work))
    return Block(
        tuple(group),
        tuple(phase),
        frozenset(made),
        leaving,
        sum(size[v].bytes for v in entering),
        sum(problem.tasks[t].cost for t in group),
        _forward_peak(problem, group, leaving),
        backward_peak,
        out_bytes,
        not needed,
        tuple(savings),
    )


def _signature(
    problem: Problem,
    group: list[int],
    made: list[int],
    needed: set[int],
    passing: frozenset[int],
) -> object:
    """Equal for blocks of equal structure, so that their savings are found once."""
    place = {v: i for i, v in enumerate(made)}
    return tuple(
        (
            problem.tasks[t].cost,
            problem.tasks[t].recomputable,
            tuple(place.get(v, -1) for v in problem.tasks[t].inputs),
            tuple(
                (problem.values[v].bytes, v in needed, v in passing)
                for v in problem.tasks[t].outputs
            ),
        )
        for t in group
    )


def _savings(
    problem: Problem, needed: list[int], present: frozenset[int]
) -> list[tuple[frozenset[int], float]]:
    """Return sets to save, each with the work it leaves, dropping the best value each time."""

    def left_over(kept: set[int]) -> float:
        gone = (v for v in needed if v not in kept)
        again = lacking(problem, gone, kept | present)
        return sum(problem.tasks[t].cost for t in again)

    able = [
        v
        for v in needed
        if problem.values[v].bytes and problem.tasks[problem.producer[v]].recomputable
    ]
    ratio = {v: left_over(set(needed) - {v}) / problem.values[v].bytes for v in able}
    kept, work = set(needed), 0.0
    result = [(frozenset(kept), 0.0)]
    in_one_go = sorted(able, key=lambda v: (-ratio[v], v))
    while in_one_go if len(able) > TRIED_EACH else kept.intersection(able):
        if len(able) > TRIED_EACH:
            stride = -(-len(able) // MOST_OPTIONS)
            kept.difference_update(in_one_go.pop() for _ in range(min(stride, len(in_one_go))))
            work = left_over(kept)
        else:
            trials = ((left_over(kept - {v}), v) for v in sorted(kept.intersection(able)))
            work, gone = min(
                trials,
                key=lambda trial: ((trial[0] - work) / problem.values[trial[1]].bytes, trial),
            )
            kept.discard(gone)
        result.append((frozenset(kept), work))
    stride = max(1, -(-len(result) // MOST_OPTIONS))
    return result[::-stride][::-1] if stride > 1 else result


def _forward_peak(problem: Problem, group: list[int], leaving: frozenset[int]) -> int:
    """Return the bytes of the block's own values while it runs and saves nothing."""
    inside = set(group)
    live: dict[int, int] = {}
    peak = 0
    for t in group:
        task = problem.tasks[t]
        for v in task.outputs:
            live[v] = max((r for r in problem.readers[v] if r in inside), default=t)
        dying = {v for v, last in live.items() if last <= t and v not in leaving}
        over = {v for _, v in task.in_place if v in dying and v not in task.outputs}
        held = sum(problem.values[v].bytes for v in live if v not in over)
        peak = max(peak, held + task.scratch)
        for v in dying:
            del live[v]
    return peak
