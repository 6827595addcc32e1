"""Random problems over two devices, and which pairs of budgets any schedule can keep.

The search for that is like `exact`: slow, obvious, originals in the given order, no work in place.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace

from penstock.graph.ir import Node
from penstock.remat.by_device import _part
from penstock.remat.joint import Joint
from penstock.remat.problem import Problem
from tests.remat.problems import random_problem

KIB = 1024


def random_joint(seed: int, operations: int, devices: tuple[str, str]) -> Joint:
    """Return a random graph cut somewhere: what comes first on one device, the rest on another.

    A gradient stands where its operation does. One graph in three is not cut but mixed.
    """
    dice = random.Random(seed)
    given = random_problem(seed, operations, in_place=False)
    values = tuple(replace(v, bytes=v.bytes * KIB) for v in given.values)
    problem = Problem(given.tasks, values)
    cut = dice.randint(1, operations)
    place = {f"op{i}": devices[i >= cut] for i in range(operations)}
    if dice.random() < 1 / 3:
        place = {name: dice.choice(devices) for name in place}
    place |= {"x": devices[0], "ones": place[f"op{operations - 1}"]}
    nodes = []
    for task in problem.tasks:
        of = next(part for part in task.name.split("_") if part in place)
        nodes.append(Node(task.name, "NoOp", (), (), {}, place[of], (), ()))
    return Joint(problem, nodes, {}, {}, [], [], set())


def part_of(joint: Joint, device: str) -> Problem:
    """Return the problem with the bytes of one device only."""
    return _part(joint, {device: 1.0})


def can_keep(joint: Joint, budgets: Mapping[str, int]) -> bool:
    """Tell whether some schedule keeps all budgets."""
    tasks = joint.problem.tasks
    parts = [(part_of(joint, name), budget) for name, budget in budgets.items()]
    sizes = [([v.bytes for v in part.values], part, budget) for part, budget in parts]
    kept = {v for v, value in enumerate(joint.problem.values) if value.kept}
    stack = [(0, frozenset[int]())]
    done = set(stack)
    while stack:
        ran, live = stack.pop()
        if ran == len(tasks):
            return True
        states = [(ran, live - {v}) for v in live if v not in kept]
        for t in range(ran + 1):
            task = tasks[t]
            if t < ran and (not task.recomputable or live.issuperset(task.outputs)):
                continue
            if not live.issuperset(task.inputs):
                continue
            after = live | set(task.outputs)
            if all(sum(s[v] for v in after) + p.tasks[t].scratch <= b for s, p, b in sizes):
                states.append((ran + (t == ran), after))
        for state in states:
            if state not in done:
                done.add(state)
                stack.append(state)
    return False
