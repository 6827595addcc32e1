"""The picture: well-formed, complete, self-contained, saved by ending."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

import penstock as ps
from tests.timeline.stats import BEGIN, Steps, two_devices

SVG = "{http://www.w3.org/2000/svg}"


def titles(text: str) -> list[str]:
    return [t.text or "" for t in ElementTree.fromstring(text).iter(f"{SVG}title")]


def test_every_node_arrow_and_curve_is_drawn() -> None:
    timeline = ps.timeline.Timeline(two_devices())
    found = titles(timeline.svg())
    assert len(found) == 8 + 2 + 2  # nodes, arrows between devices, memory
    told = next(t for t in found if t.startswith("a/recv"))
    assert "edge_1_a: CPU:0 to CPU:1, 16 B" in told and "waited 3 us" in told
    assert "float32 [4] 16 B" in told


def test_nothing_is_loaded_from_elsewhere() -> None:
    text = ps.timeline.Timeline(two_devices()).svg()
    assert not re.search(r"href|url\(|<script|<image|@import", text)


def test_names_are_escaped() -> None:
    made = Steps("CPU:0")
    made.node("CPU:0", "<a&b> = Neg()", 0, 1000)
    assert titles(ps.timeline.Timeline(made.stats).svg())[0].startswith("<a&b> = Neg()")


def test_slices_stay_inside() -> None:
    steps = [two_devices(), two_devices(BEGIN + 10**9)]
    root = ElementTree.fromstring(ps.timeline.Timeline.merge(steps).svg(600))
    for bar in root.iter(f"{SVG}rect"):
        if "x" in bar.attrib:
            assert float(bar.attrib["x"]) + float(bar.attrib["width"]) <= 600


def test_saved_by_ending(tmp_path: Path) -> None:
    timeline = ps.timeline.Timeline(two_devices())
    for ending in ("json", "svg", "html"):
        timeline.save(tmp_path / f"step.{ending}")
    trace = json.loads((tmp_path / "step.json").read_text())
    assert {e["ph"] for e in trace["traceEvents"]} == set("MXsfC")
    assert (tmp_path / "step.svg").read_text() == timeline.svg()
    assert timeline.svg() in (tmp_path / "step.html").read_text()
    with pytest.raises(ValueError, match=r"saved as \.json, \.svg or \.html"):
        timeline.save(tmp_path / "step.png")


def test_notebooks_show_the_picture() -> None:
    timeline = ps.timeline.Timeline(two_devices())
    assert timeline.svg() in timeline._repr_html_()
    assert repr(timeline) == "<Timeline of 1 step: 8 nodes on 2 devices in 7.0 us>"
