"""simulated_annealing: change a good placement at random, keep what the simulator finds better.

Starts from the better of the heuristics' placement and `greedy_earliest_finish`. A move takes a
group that has a choice, or a small neighbourhood of groups on one device, to another device; a
worse placement is accepted with a probability that falls with how much worse it is and with
the moves made. The best one seen is returned, so the result is never worse than the start.
The generator has a fixed seed and the number of moves follows from the size of the graph: the
same graph gets the same placement on any machine. `MOVES` bounds the moves, `VISITS` the nodes
simulated in all: about five seconds.
"""

from __future__ import annotations

import math
import random

from penstock.graph.ir import IR
from penstock.passes.context import PassContext
from penstock.passes.placement.greedy_earliest_finish import better_start
from penstock.passes.placement.groups import Group, Groups
from penstock.passes.placement.heuristics import heuristics
from penstock.passes.placement.judge import Judge, Verdict, keep_reasons

MOVES = 1000
VISITS = 400_000
SEED = 20_151_109
_WARM, _COLD = 0.05, 0.0005  # of the start's step time: how much worse is accepted easily
_NEIGHBOURHOOD = 12


def simulated_annealing(ir: IR, groups: Groups, context: PassContext) -> dict[Group, str]:
    """Return a device for each group: the best placement that was tried."""
    default = heuristics(ir, groups, context)
    judge = Judge(ir, groups, context)
    start, verdict = better_start(judge, judge.numbers(default))
    moves = max(10, min(MOVES, VISITS // max(1, len(judge.tasks))))
    answer = judge.answer(anneal(judge, start, verdict, moves, SEED))
    keep_reasons(groups, default, answer)
    return answer


def anneal(judge: Judge, start: list[int], verdict: Verdict, moves: int, seed: int) -> list[int]:
    """Return the best placement of `moves` random moves from `start`, which has that verdict."""
    if not judge.free:
        return start
    rng = random.Random(seed)
    neighbours = _neighbours(judge)
    now, now_verdict = start, verdict
    best, best_verdict = start, verdict
    for move in range(moves):
        tried = _moved(judge, neighbours, now, rng)
        tried_verdict = judge.verdict(tried)
        heat = verdict.step_time * _WARM * (_COLD / _WARM) ** (move / moves)
        if _accepts(now_verdict, tried_verdict, heat, rng):
            now, now_verdict = tried, tried_verdict
            if now_verdict < best_verdict:
                best, best_verdict = now, now_verdict
    return best


def _accepts(now: Verdict, tried: Verdict, heat: float, rng: random.Random) -> bool:
    """Tell whether to go on from `tried`; more bytes that do not fit are never accepted."""
    chance = rng.random()
    if tried <= now:
        return True
    if tried.overflow > now.overflow or heat <= 0:
        return False
    return chance < math.exp((now.step_time - tried.step_time) / heat)


def _neighbours(judge: Judge) -> list[list[int]]:
    """Return, for each group, the groups with a choice that it exchanges values with."""
    found: list[set[int]] = [set() for _ in judge.candidates]
    choice = set(judge.free)
    for node, readers in enumerate(judge.tasks.readers):
        a = judge.group_of[node]
        for _, reader in readers:
            b = judge.group_of[reader]
            if a != b and a in choice and b in choice:
                found[a].add(b)
                found[b].add(a)
    return [sorted(groups) for groups in found]


def _moved(
    judge: Judge, neighbours: list[list[int]], now: list[int], rng: random.Random
) -> list[int]:
    """Return `now` with a group, and maybe its neighbourhood on the same device, elsewhere."""
    first = rng.choice(judge.free)
    home = now[first]
    target = rng.choice([d for d in judge.candidates[first] if d != home])
    size = rng.randint(1, _NEIGHBOURHOOD)
    taken, edge = {first: None}, [first]
    while edge and len(taken) < size:
        group = edge.pop(0)
        for other in neighbours[group]:
            may = target in judge.candidates[other] and now[other] == home
            if may and other not in taken and len(taken) < size:
                taken[other] = None
                edge.append(other)
    after = now.copy()
    for group in taken:
        after[group] = target
    return after
