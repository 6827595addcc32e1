"""Placements: valid whatever the items, never smaller than what lives, close to it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.memory.offsets import (
    ALIGNMENT,
    Item,
    Placement,
    improved,
    live_peak,
    place,
    problems,
)


def item(size: int, first: int, length: int) -> Item:
    return Item(size, first, first + length)


items = st.lists(
    st.builds(item, st.integers(1, 2000), st.integers(0, 20), st.integers(0, 12)),
    min_size=1,
    max_size=24,
)


@settings(max_examples=60, deadline=None)
@given(items)
def test_a_placement_is_valid_and_not_below_the_bound(wanted: list[Item]) -> None:
    found = place(wanted)
    assert problems(wanted, found) == []
    assert found.bytes >= live_peak(wanted)
    assert found.bytes <= sum(-(-i.bytes // ALIGNMENT) * ALIGNMENT for i in wanted)


@settings(max_examples=20, deadline=None)
@given(items)
def test_improving_never_makes_it_larger(wanted: list[Item]) -> None:
    start = place(wanted)
    better = improved(wanted, start, tries=20)
    assert problems(wanted, better) == []
    assert live_peak(wanted) <= better.bytes <= start.bytes


def test_the_bound_is_the_peak() -> None:
    assert live_peak([Item(64, 0, 1), Item(65, 1, 2), Item(64, 2, 3)]) == 192
    assert live_peak([Item(64, 0, 0), Item(64, 1, 1)]) == 64


def test_problems_are_told() -> None:
    wanted = [Item(64, 0, 1), Item(64, 1, 1)]
    assert problems(wanted, Placement((0, 0), 64, "")) == ["items 0 and 1 overlap"]
    assert "item 1 lies at 32" in " ".join(problems(wanted, Placement((0, 32), 128, "")))
    assert "of 64 bytes" in " ".join(problems(wanted, Placement((0, 64), 64, "")))


def test_the_same_items_lie_the_same() -> None:
    wanted = [Item(64 * (i % 7 + 1), i, i + i % 5) for i in range(60)]
    start = place(wanted)
    assert start == place(wanted)
    assert improved(wanted, start, tries=30) == improved(wanted, start, tries=30)


def test_a_search_finds_what_the_heuristics_miss() -> None:
    wanted = [item(*row) for row in _HARD]
    start = place(wanted)
    better = improved(wanted, start, tries=400)
    assert live_peak(wanted) <= better.bytes < start.bytes


_HARD = [
    *((640, 0, 2), (128, 0, 1), (384, 1, 3), (192, 2, 4), (448, 3, 2), (256, 4, 5), (576, 5, 1)),
    *((320, 6, 3), (512, 6, 2), (128, 7, 5), (704, 9, 1), (192, 8, 4), (384, 10, 3), (640, 11, 2)),
    *((256, 12, 1), (448, 12, 4), (320, 13, 2)),
]


def test_an_empty_gap_is_used() -> None:
    long, short, late = Item(64, 0, 9), Item(640, 0, 3), Item(64, 5, 9)
    found = place([long, short, late])
    assert found.bytes == 704


@pytest.mark.parametrize("count", [1, 7])
def test_items_that_never_meet_share_one_place(count: int) -> None:
    found = place([Item(1000, i, i) for i in range(count)])
    assert (found.bytes, set(found.offsets)) == (1024, {0})
