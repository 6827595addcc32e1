"""Order optimisation: what frees memory runs early, and nothing else moves."""

from hypothesis import given, settings

from penstock.remat.evaluate import evaluate
from penstock.remat.portfolio import plan_budget
from penstock.remat.problem import Problem, Task, Value
from penstock.remat.reorder import eager_order, in_given_order, reordered
from penstock.remat.schedule import plain_schedule
from tests.remat.problems import plain_peak, random_problem, seeds


def updates_at_the_end(layers: int) -> Problem:
    """Return a backward pass whose weight gradients wait for updates at the end."""
    tasks = [Task("top", 1.0, (), (0,))]
    values = [Value("d0", 1)]
    for i in range(layers):
        values += [Value(f"w{i}", 4), Value(f"d{i + 1}", 1)]
        below = 2 * i
        tasks.append(Task(f"grad{i}", 1.0, (below,), (below + 1, below + 2), forward=False))
    for i in range(layers):
        tasks.append(Task(f"update{i}", 1.0, (2 * i + 1,), (), recomputable=False, forward=False))
    return Problem(tuple(tasks), tuple(values))


def test_updates_run_as_soon_as_they_can() -> None:
    problem = updates_at_the_end(10)
    assert plain_peak(problem) > 40
    plan = plan_budget(problem, 6)
    assert plan.strategy == "order" and plan.schedule.clones == 0
    assert plan.evaluation.peak <= 6


def test_after_is_respected() -> None:
    tasks = (Task("a", 1, (), (0,)), Task("b", 1, (), ()), Task("free", 1, (0,), (), after=(1,)))
    problem = Problem(tasks, (Value("a", 9),))
    assert eager_order(problem) == [0, 1, 2]


@given(seeds)
@settings(max_examples=20, deadline=None, derandomize=True)
def test_orders_are_valid(seed: int) -> None:
    problem = random_problem(seed, 10)
    order = eager_order(problem)
    moved = reordered(problem, order)
    schedule = plain_schedule(moved)
    back = evaluate(problem, in_given_order(schedule, order))
    assert back.valid and back.peak == evaluate(moved, schedule).peak
