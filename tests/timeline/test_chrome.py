"""Chrome traces of hand-made statistics: exact text, the schema of the events, arrows, merging."""

import itertools
import json
from typing import Any

import pytest

import penstock as ps
from tests.timeline.stats import BEGIN, Steps, two_devices

Event = dict[str, Any]

# The events that we write: phase → the fields it must have, and those it may have besides.
SCHEMA: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "M": ({"name": str, "pid": int, "args": dict}, {"tid": int}),
    "X": (
        {"name": str, "cat": str, "pid": int, "tid": int, "ts": float, "dur": float},
        {"args": dict},
    ),
    "s": ({"name": str, "cat": str, "id": int, "pid": int, "tid": int, "ts": float}, {}),
    "f": (
        {"name": str, "cat": str, "id": int, "pid": int, "tid": int, "ts": float, "bp": str},
        {},
    ),
    "C": ({"name": str, "pid": int, "tid": int, "ts": float, "args": dict}, {}),
}


def events(timeline: ps.timeline.Timeline) -> list[Event]:
    """Return the events of a timeline's trace, each checked against the schema."""
    trace = json.loads(timeline.generate_chrome_trace_format(show_memory=True))
    assert set(trace) == {"displayTimeUnit", "traceEvents"}
    for event in trace["traceEvents"]:
        required, optional = SCHEMA[event["ph"]]
        fields = {**required, **optional, "ph": str}
        assert set(required) <= set(event) <= set(fields), event
        assert all(isinstance(value, fields[key]) for key, value in event.items()), event
        assert event.get("ts", 0.0) >= 0 and event.get("dur", 1.0) > 0, event
    found: list[Event] = trace["traceEvents"]
    return found


def of_kind(found: list[Event], phase: str) -> list[Event]:
    return [e for e in found if e["ph"] == phase]


def test_text_of_a_small_step() -> None:
    made = Steps("CPU:0")
    made.node("CPU:0", "x = Const()", 0, 1500, 8)
    node = made.node("CPU:0", "y = Neg(x)", 2000, 250, 8)
    node.scheduled_nanos = BEGIN + 1750
    assert ps.timeline.Timeline(made.stats).generate_chrome_trace_format(show_memory=True) == (
        """{"displayTimeUnit": "ns", "traceEvents": [
{"ph": "M", "name": "process_name", "pid": 1, "tid": 0, "args": {"name": "CPU:0"}},
{"ph": "M", "name": "process_sort_index", "pid": 1, "args": {"sort_index": 1}},
{"ph": "M", "name": "thread_name", "pid": 1, "tid": 1, "args": {"name": "lane 0"}},
{"ph": "M", "name": "thread_sort_index", "pid": 1, "tid": 1, "args": {"sort_index": 1}},
{"ph": "X", "cat": "op", "name": "Const", "pid": 1, "tid": 1, "ts": 0.0, "dur": 1.5, "args": \
{"name": "x", "op": "Const", "output0": "float32 [2] 8 B"}},
{"ph": "X", "cat": "op", "name": "Neg", "pid": 1, "tid": 1, "ts": 2.0, "dur": 0.25, "args": \
{"name": "y", "op": "Neg", "input0": "x", "output0": "float32 [2] 8 B", "ready_us_before": 0.25}},
{"ph": "s", "cat": "data", "name": "x", "id": 0, "pid": 1, "tid": 1, "ts": 1.499},
{"ph": "f", "bp": "e", "cat": "data", "name": "x", "id": 0, "pid": 1, "tid": 1, "ts": 2.0},
{"ph": "C", "name": "memory (tensors)", "pid": 1, "tid": 0, "ts": 0.0, "args": {"bytes": 8}},
{"ph": "C", "name": "memory (tensors)", "pid": 1, "tid": 0, "ts": 2.0, "args": {"bytes": 16}},
{"ph": "C", "name": "memory (tensors)", "pid": 1, "tid": 0, "ts": 2.25, "args": {"bytes": 0}}
]}
"""
    )


def test_what_is_not_asked_for_is_left_out() -> None:
    text = ps.timeline.Timeline(two_devices()).generate_chrome_trace_format(False)
    assert {e["ph"] for e in json.loads(text)["traceEvents"]} == {"M", "X"}


def test_devices_are_processes_and_transfers_have_rows() -> None:
    found = events(ps.timeline.Timeline(two_devices()))
    names = {e["pid"]: e["args"]["name"] for e in found if e["name"] == "process_name"}
    assert names == {1: "CPU:0", 2: "CPU:1"}
    rows = {(e["pid"], e["tid"]): e["args"]["name"] for e in found if e["name"] == "thread_name"}
    assert sorted(rows.values()) == ["main", "main", "transfers", "transfers"]
    for event in of_kind(found, "X"):
        on_transfers = rows[event["pid"], event["tid"]] == "transfers"
        assert on_transfers == (event["cat"] == "transfer") == (event["name"] in ("_Send", "_Recv"))
    received = next(e for e in found if e["name"] == "_Recv" and e["pid"] == 2)["args"]
    assert (received["from"], received["to"]) == ("CPU:0", "CPU:1")
    assert (received["bytes"], received["waited_us"]) == (16, 3)


def test_arrows_lead_from_sends_to_receives() -> None:
    found = events(ps.timeline.Timeline(two_devices()))
    starts = {e["id"]: e for e in of_kind(found, "s")}
    ends = {e["id"]: e for e in of_kind(found, "f")}
    assert starts.keys() == ends.keys()
    crossing = set()
    for number, start in starts.items():
        end = ends[number]
        assert start["ts"] <= end["ts"]
        source, target = slice_at(found, start), slice_at(found, end)
        if start["cat"] == "transfer":
            assert source["name"] == "_Send" and target["name"] == "_Recv"
            assert source["args"]["tensor"] == target["args"]["tensor"] == start["name"]
            crossing.add((start["pid"], end["pid"]))
        else:
            assert start["pid"] == end["pid"]
    assert crossing == {(1, 2), (2, 1)}
    assert [e["name"] for e in of_kind(found, "s") if e["cat"] == "control"] == ["c"]


def ns(*micros: float) -> int:
    """Return the sum in nanoseconds: whole, as sums of such fractions of a microsecond are not."""
    return sum(round(1000 * m) for m in micros)


def slice_at(found: list[Event], at: Event) -> Event:
    """Return the one slice of a row that encloses an event."""
    place = at["pid"], at["tid"]
    (only,) = [
        e
        for e in of_kind(found, "X")
        if (e["pid"], e["tid"]) == place and ns(e["ts"]) <= ns(at["ts"]) < ns(e["ts"], e["dur"])
    ]
    return only


def test_slices_of_a_row_do_not_overlap() -> None:
    made = Steps("CPU:0")
    for i in range(20):
        made.node("CPU:0", f"n{i} = Neg()", i * 37 % 100, 30, thread=i % 3)
    assert_rows_are_disjoint(events(ps.timeline.Timeline(made.stats)))


def assert_rows_are_disjoint(found: list[Event]) -> None:
    ordered = sorted(of_kind(found, "X"), key=lambda e: (e["pid"], e["tid"], e["ts"]))
    for a, b in itertools.pairwise(ordered):
        if (a["pid"], a["tid"]) == (b["pid"], b["tid"]):
            assert round(a["ts"] + a["dur"], 3) <= b["ts"]


def test_merged_steps_follow_each_other() -> None:
    steps = [two_devices(BEGIN + second * 10**9) for second in (5, 2, 9)]
    found = events(ps.timeline.Timeline.merge(steps, gap_micros=2.5))
    assert_rows_are_disjoint(found)
    marks = [e for e in found if e.get("cat") == "step"]
    assert [(m["name"], m["ts"], m["dur"]) for m in marks] == [
        *(("step 0", 0.0, 7.0), ("step 1", 9.5, 7.0), ("step 2", 19.0, 7.0)),
    ]
    for event in of_kind(found, "X"):
        if event["cat"] != "step":
            mark = marks[event["args"]["step"]]
            assert mark["ts"] <= event["ts"]
            assert event["ts"] + event["dur"] <= mark["ts"] + mark["dur"] + 1e-6
    assert len({e["pid"] for e in found}) == 3  # the steps' marks and two devices


def test_merged_steps_at_offsets() -> None:
    found = events(ps.timeline.Timeline.merge([two_devices(), two_devices()], offsets=[3.0, 40.0]))
    assert [e["ts"] for e in found if e.get("cat") == "step"] == [3.0, 40.0]


@pytest.mark.parametrize(
    ("steps", "offsets", "text"),
    [
        (0, None, "needs at least one StepStats"),
        (2, [1.0], "offsets must be 2 numbers"),
        (1, [-1.0], "offsets must be 1 numbers"),
    ],
)
def test_bad_merges(steps: int, offsets: list[float] | None, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        ps.timeline.Timeline.merge([two_devices()] * steps, offsets)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (ps.RunMetadata(), r"from run_metadata\.step_stats, not from run_metadata"),
        (ps.GraphDef(), "not from GraphDef"),
        (3, "not from int"),
    ],
)
def test_what_is_no_step_stats(given: Any, text: str) -> None:
    with pytest.raises(TypeError, match=text):
        ps.timeline.Timeline(given)


def test_nothing_recorded_gives_an_empty_trace() -> None:
    timeline = ps.timeline.Timeline(ps.protos.StepStats())
    assert events(timeline) == [] and "<svg" in timeline.svg()


def test_microseconds_serve_where_nanoseconds_are_missing() -> None:
    stats = ps.protos.StepStats()
    device = stats.dev_stats.add(device="/job:w/task:1/device:GPU:0")
    device.node_stats.add(node_name="a", all_start_micros=70, all_end_rel_micros=5)
    device.node_stats.add(node_name="b", all_start_micros=80)
    found = of_kind(events(ps.timeline.Timeline(stats)), "X")
    assert [(e["ts"], e["dur"]) for e in found] == [(0.0, 5.0), (10.0, 0.001)]


def test_graph_tells_what_labels_do_not() -> None:
    with ps.Graph().as_default() as graph:
        ps.negative(ps.constant(1.0, name="one"), name="minus")
    stats = ps.protos.StepStats()
    stats.dev_stats.add(device="CPU:0").node_stats.add(node_name="minus", all_start_micros=1)
    (only,) = of_kind(events(ps.timeline.Timeline(stats, graph)), "X")
    assert only["args"] == {"name": "minus", "op": "Neg", "input0": "one"}


def test_missing_transfers_give_arrows_from_the_sender() -> None:
    """TensorFlow records no transfers: a reader names the receive, x/_3, and nobody else does."""
    made = Steps("CPU:0", "CPU:1")
    made.node("CPU:0", "scope/x = Const()", 0, 10)
    made.node("CPU:1", "y = Neg(scope/x/_3)", 50, 10)
    (start,) = of_kind(events(ps.timeline.Timeline(made.stats)), "s")
    assert (start["pid"], start["name"]) == (1, "scope/x/_3")


def test_nodes_in_loops_are_met_by_their_latest_producer() -> None:
    made = Steps("CPU:0")
    for turn in range(3):
        made.node("CPU:0", "a = Neg()", turn * 100, 10)
        made.node("CPU:0", "b = Exp(a)", turn * 100 + 20, 10)
    starts = of_kind(events(ps.timeline.Timeline(made.stats)), "s")
    assert [e["ts"] for e in starts] == [0.009, 0.109, 0.209]


def test_same_statistics_same_text() -> None:
    first, second = (ps.timeline.Timeline(two_devices()) for _ in range(2))
    assert first.generate_chrome_trace_format(True, True) == second.generate_chrome_trace_format(
        True, True
    )
    assert first.svg() == second.svg()
