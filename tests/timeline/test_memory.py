"""Memory curves: from the allocator's counts, from allocations alone, from lifetimes."""

from typing import Any

from penstock.timeline.memory import Curve, read_memory
from penstock.timeline.slices import read_step
from tests.timeline.stats import BEGIN, Steps, two_devices


def curves(stats: Any) -> list[Curve]:
    """Return the curves with times after BEGIN, which must ascend and never go below zero."""
    found = read_memory(stats, read_step(stats))
    for curve in found:
        times = [time for time, _ in curve.points]
        assert times == sorted(times) and min(size for _, size in curve.points) >= 0
    return [c._replace(points=tuple((time - BEGIN, n) for time, n in c.points)) for c in found]


def test_counts_of_the_allocator() -> None:
    made = Steps("CPU:0")
    node = made.node("CPU:0", "a = MatMul(x, x)", 1000, 5000)
    memory = node.memory.add(allocator_name="CPU:0", allocator_bytes_in_use=140)
    memory.allocation_records.add(alloc_micros=BEGIN // 1000 + 2, alloc_bytes=64)
    memory.allocation_records.add(alloc_micros=BEGIN // 1000 + 5, alloc_bytes=-24)
    assert curves(made.stats) == [
        Curve("CPU:0", "CPU:0", ((1000, 100), (2000, 164), (5000, 140))),
    ]


def test_allocations_alone_stay_positive() -> None:
    made = Steps("GPU:0")
    node = made.node("GPU:0", "a = Neg(x)", 0, 5000)
    memory = node.memory.add(allocator_name="pool")
    memory.allocation_records.add(alloc_micros=BEGIN // 1000 + 1, alloc_bytes=-50)
    memory.allocation_records.add(alloc_micros=BEGIN // 1000 + 2, alloc_bytes=80)
    assert curves(made.stats) == [Curve("GPU:0", "pool", ((1000, 0), (2000, 80)))]


def test_lifetimes_of_tensors() -> None:
    (first, second) = curves(two_devices())
    assert first.device == "CPU:0" and second.device == "CPU:1"
    # a lives until d has read it, b/recv from when its memory is asked for.
    assert first.points == ((0, 16), (4400, 32), (6100, 48), (7000, 0))
    assert first.peak == 48


def test_two_allocators_of_one_device() -> None:
    made = Steps("GPU:0")
    node = made.node("GPU:0", "a = Neg(x)", 0, 5000)
    node.memory.add(allocator_name="pool", allocator_bytes_in_use=8)
    node.memory.add(allocator_name="host", allocator_bytes_in_use=4)
    assert [(c.allocator, c.peak) for c in curves(made.stats)] == [("host", 4), ("pool", 8)]
