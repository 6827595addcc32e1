"""The arithmetic on arrays says what the simulator says."""

import random

from hypothesis import given, settings

from penstock.remat.evaluate import evaluate
from penstock.remat.measure import measure
from penstock.remat.problem import Problem, Task, Value
from penstock.remat.schedule import from_sequence
from tests.remat.problems import random_problem, seeds


def with_kept(problem: Problem, dice: random.Random) -> Problem:
    """Return the problem with some values wanted at the end and some scratch."""
    values = [Value(v.name, v.bytes, kept=dice.random() < 0.2) for v in problem.values]
    tasks = [
        Task(t.name, t.cost, t.inputs, t.outputs, dice.randint(0, 2), t.recomputable, t.forward,
             t.in_place, (i - 1,) if i and dice.random() < 0.1 else ())
        for i, t in enumerate(problem.tasks)
    ]  # fmt: skip
    return Problem(tuple(tasks), tuple(values))


@given(seeds)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_it_agrees_with_the_simulator(seed: int) -> None:
    dice = random.Random(seed)
    problem = with_kept(random_problem(seed, 8), dice)
    sequence = list(range(len(problem.tasks)))
    for _ in range(dice.randint(0, 12)):
        t = dice.randrange(len(problem.tasks))
        if problem.tasks[t].recomputable or dice.random() < 0.02:
            sequence.insert(dice.randint(sequence.index(t), len(sequence)), t)
    if dice.random() < 0.1:
        sequence.pop(dice.randrange(len(sequence)))
    schedule = from_sequence(problem, sequence)
    slow, quick = evaluate(problem, schedule), measure(problem, sequence)
    assert slow.valid == quick.valid, slow.reason
    if slow.valid:
        assert tuple(quick.profile) == slow.profile and quick.peak == slow.peak
        assert tuple(quick.sequence) == schedule.sequence and quick.clones == schedule.clones
        assert abs(quick.recomputed - slow.recomputed) < 1e-9
        assert abs(quick.cost - slow.cost) < 1e-6
