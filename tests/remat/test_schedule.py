"""The schedule form and the simulator: what is valid, what is counted."""

import pytest

from penstock.remat.evaluate import evaluate
from penstock.remat.problem import Problem, Task, Value
from penstock.remat.schedule import Compute, Free, Schedule, from_sequence, plain_schedule


def three_steps() -> Problem:
    """Return a → b → c, sizes 4, 2, 2, where c reads a as well."""
    tasks = (
        Task("a", 3.0, (), (0,)),
        Task("b", 1.0, (0,), (1,), scratch=1),
        Task("c", 2.0, (0, 1), (2,), forward=False),
    )
    return Problem(tasks, (Value("a", 4), Value("b", 2), Value("c", 2, kept=True)))


def test_plain_peak_counts_outputs_and_scratch() -> None:
    result = evaluate(three_steps(), plain_schedule(three_steps()))
    assert result.valid and result.profile == (4, 7, 8) and result.peak == 8
    assert result.live == ((0, 0), (1, 0), (2, 0)) and result.recomputed == 0


def test_a_repetition_is_counted_against_the_forward_pass() -> None:
    problem = three_steps()
    schedule = from_sequence(problem, [0, 1, 0, 2])
    assert schedule.clones == 1
    assert evaluate(problem, schedule).recomputed == pytest.approx(0.75)


def test_unread_repetitions_are_left_out() -> None:
    assert from_sequence(three_steps(), [0, 1, 2, 1, 0]).clones == 0


def test_a_kept_value_stays_the_original() -> None:
    values = (Value("a", 4, kept=True), Value("b", 1))
    problem = Problem((Task("a", 1, (), (0,)), Task("b", 1, (0,), (1,))), values)
    schedule = from_sequence(problem, [0, 0, 1])
    assert schedule.clones == 0 and Free(0, 0) not in schedule.steps


def test_in_place_outputs_take_over_dying_inputs() -> None:
    values = (Value("a", 4), Value("b", 4))
    tasks = (Task("a", 1, (), (0,)), Task("b", 1, (0,), (1,), in_place=((1, 0),)))
    problem = Problem(tasks, values)
    assert evaluate(problem, plain_schedule(problem)).profile == (4, 4)
    kept = Schedule((Compute(0), Compute(1), Free(1)))
    assert evaluate(problem, kept).profile == (4, 8)


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        ((Compute(0), Compute(1)), "'c' never runs"),
        ((Compute(1),), "reads 'a', which is not live"),
        ((Compute(0), Free(1)), "'b' is freed but not live"),
        ((Compute(0, 1),), "instance 1, expected 0"),
        ((Compute(0), Compute(1), Compute(2), Free(2)), "wanted at the end"),
    ],
)
def test_what_is_wrong_is_said(steps: tuple[Compute | Free, ...], reason: str) -> None:
    assert reason in evaluate(three_steps(), Schedule(steps)).reason


def test_tasks_that_run_once_are_not_repeated() -> None:
    problem = Problem((Task("a", 1, (), (0,), recomputable=False),), (Value("a", 1),))
    assert "only once" in evaluate(problem, Schedule((Compute(0), Compute(0, 1)))).reason


def test_a_task_waits_for_those_it_comes_after() -> None:
    tasks = (Task("a", 1, (), ()), Task("b", 1, (), (), after=(0,)))
    problem = Problem(tasks, ())
    assert "before 'a'" in evaluate(problem, Schedule((Compute(1), Compute(0)))).reason


def test_a_bad_problem_is_refused() -> None:
    with pytest.raises(ValueError, match="which no earlier task"):
        Problem((Task("b", 1, (0,), ()),), (Value("a", 1),))
    with pytest.raises(ValueError, match="made twice"):
        Problem((Task("a", 1, (), (0,)), Task("b", 1, (), (0,))), (Value("a", 1),))
