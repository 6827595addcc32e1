"""Whatever the statistics say, a trace is well-formed: rows, arrows, counters keep their rules."""

import json
from typing import Any
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

import penstock as ps
from tests.timeline.stats import Steps
from tests.timeline.test_chrome import assert_rows_are_disjoint, events, of_kind, slice_at

NAMES = ("a", "b", "c/_1", "d")
LABELS = (
    "",
    "no label at all",
    "{0} = Op()",
    "{0} = Op({1}, {1}:1, ^{2})",
    "[CPU:0→CPU:1 edge_{1} 8B] {0} = _Send({1})",
    "[CPU:0→CPU:1 edge_{1} 8B waited 3us] {0} = _Recv()",
    "[malformed note] {0} = _Recv()",
)


@st.composite
def step_stats(draw: st.DrawFn) -> Any:
    """Return statistics of some nodes on two devices, sane or not."""
    made = Steps("CPU:0", "CPU:1")
    for _ in range(draw(st.integers(0, 12))):
        names = [draw(st.sampled_from(NAMES)) for _ in range(3)]
        node = made.node(
            draw(st.sampled_from(("CPU:0", "CPU:1"))),
            "x = X()",
            draw(st.integers(0, 40)) * 100,
            draw(st.integers(0, 30)) * 100,
            draw(st.integers(0, 3)) * 8,
            draw(st.integers(0, 2)),
        )
        node.node_name = names[0]
        node.timeline_label = draw(st.sampled_from(LABELS)).format(*names)
        if draw(st.booleans()):
            used = draw(st.integers(-64, 64))
            memory = node.memory.add(allocator_name="m", allocator_bytes_in_use=used)
            for _ in range(draw(st.integers(0, 2))):
                change, when = draw(st.integers(-64, 64)), draw(st.integers(-3, 3))
                memory.allocation_records.add(
                    alloc_micros=node.all_start_micros + when, alloc_bytes=change
                )
    return made.stats


@given(st.lists(step_stats(), min_size=1, max_size=3))
def test_every_trace_keeps_the_rules(steps: list[Any]) -> None:
    timeline = ps.timeline.Timeline.merge(steps)
    found = events(timeline)
    assert_rows_are_disjoint(found)
    arrows: dict[int, list[dict[str, Any]]] = {}
    for event in (e for phase in "sf" for e in of_kind(found, phase)):
        slice_at(found, event)
        arrows.setdefault(event["id"], []).append(event)
    assert all(start["ts"] <= end["ts"] for start, end in arrows.values())
    last: dict[tuple[int, str], float] = {}
    for counter in of_kind(found, "C"):
        assert counter["args"]["bytes"] >= 0
        place = counter["pid"], counter["name"]
        assert last.get(place, 0.0) <= counter["ts"]
        last[place] = counter["ts"]
    ElementTree.fromstring(timeline.svg())
    assert json.loads(timeline.generate_chrome_trace_format(False, False))
