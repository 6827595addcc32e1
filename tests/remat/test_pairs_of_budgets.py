"""Pairs of budgets that can be kept are kept; of others it is told which can."""

import pytest

from penstock.remat.by_device import plan_by_device
from penstock.remat.evaluate import evaluate
from penstock.remat.infeasible import Infeasible
from penstock.remat.joint import Joint
from penstock.remat.schedule import plain_schedule
from tests.remat.devices import can_keep, part_of, random_joint

HERE = "/job:localhost/replica:0/task:0/device:"
ONE_MEMORY = (HERE + "CPU:0", HERE + "CPU:1")
TWO_MEMORIES = (HERE + "CPU:0", HERE + "SIM_GPU:0")
OPERATIONS = 5
PAIRS = [  # a sum of both devices' bytes does not lead there
    (ONE_MEMORY, 3, 0.9, 1.0),
    (ONE_MEMORY, 12, 0.8, 0.8),
    (TWO_MEMORIES, 2, 1.0, 0.7),
    (TWO_MEMORIES, 3, 1.0, 0.9),
]


def parts_of_plain(joint: Joint, *parts: float) -> dict[str, int]:
    """Return budgets: parts of what a plain run needs, by device."""
    peaks = {}
    for device in dict.fromkeys(node.device for node in joint.tasks):
        peaks[device] = evaluate(part_of(joint, device), plain_schedule(joint.problem)).peak
    return {name: int(peaks[name] * part) for name, part in zip(sorted(peaks), parts, strict=True)}


@pytest.mark.parametrize(("devices", "seed", "first", "second"), PAIRS)
def test_a_pair_that_can_be_kept_is_kept(
    devices: tuple[str, str], seed: int, first: float, second: float
) -> None:
    joint = random_joint(seed, OPERATIONS, devices)
    budgets = parts_of_plain(joint, first, second)
    plan = plan_by_device(joint, budgets)
    assert plan.evaluation.valid and plan.schedule.clones
    for name, budget, planned in plan.devices:
        assert budget == budgets[name]
        assert evaluate(part_of(joint, name), plan.schedule).peak == planned <= budget


@pytest.mark.slow
@pytest.mark.parametrize("devices", [ONE_MEMORY, TWO_MEMORIES])
def test_no_pair_that_can_be_kept_is_refused(devices: tuple[str, str]) -> None:
    tried = 0
    for seed in range(12):
        joint = random_joint(seed, OPERATIONS, devices)
        if len({node.device for node in joint.tasks}) < 2:
            continue
        for pair in ((0.9, 1.0), (0.9, 0.8), (1.0, 0.8), (0.7, 0.7)):
            budgets = parts_of_plain(joint, *pair)
            if can_keep(joint, budgets):
                plan_by_device(joint, budgets)
                tried += 1
    assert tried > 4  # most random pairs cannot be kept


def test_plans_repeat() -> None:
    joint = random_joint(3, OPERATIONS, ONE_MEMORY)
    budgets = parts_of_plain(joint, 0.9, 1.0)
    one, other = (plan_by_device(joint, budgets) for _ in range(2))
    assert one.schedule == other.schedule and one.devices == other.devices


@pytest.mark.parametrize("seed", [1, 3])
def test_a_refusal_tells_budgets_that_work(seed: int) -> None:
    joint = random_joint(seed, OPERATIONS, TWO_MEMORIES)
    budgets = parts_of_plain(joint, 0.3, 0.3)
    with pytest.raises(Infeasible, match=r"work together: [\d,]+ on CPU:0") as caught:
        plan_by_device(joint, budgets)
    told = {HERE + name: size for name, size in caught.value.devices.items()}
    assert caught.value.smallest in told.values()
    assert all(told[name] >= budget for name, budget in budgets.items())
    plan_by_device(joint, told)
