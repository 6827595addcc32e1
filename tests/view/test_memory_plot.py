"""Pictures of memory: they are XML, tell what they are given, and stay small for large runs."""

import re
from xml.etree import ElementTree

import pytest

from penstock.runtime.memory_explanation import DeviceMemory, LiveTensor, Moment
from penstock.runtime.memory_log import GROUPS
from penstock.view import MemoryPlot
from penstock.view.memory_svg import amount, columns

SVG = "{http://www.w3.org/2000/svg}"


def device(nodes: int, name: str = "CPU:0", limit: int = 0) -> DeviceMemory:
    """A device that fills up until the middle and empties again."""
    moments = []
    for i in range(-1, nodes):
        held = 1000 * (1 + min(i + 1, nodes - i))
        groups = {"parameters": 5000, "activations": held}
        node = f"layer<{i}>" if i >= 0 else ""
        live = 5000 + held
        moments.append(Moment(i, node, "Relu" if node else "", live, live + 7, live, groups))
    peak = max(moments, key=lambda m: m.peak)
    tensor = LiveTensor("a<b>", "Relu", "float32", (2, 3), 24, "activations", 0, 3, "c", "t.py:1")
    return DeviceMemory(
        device=name,
        peak=peak.peak,
        at=peak.position,
        node=peak.node,
        before=0,
        after=0,
        planned=None,
        limit=limit,
        groups=peak.groups,
        outside={},
        live=(tensor,) * 20,
        timeline=tuple(moments),
    )


def test_an_svg_of_two_runs_on_two_devices():
    runs = {
        "plain": {"CPU:0": device(30), "GPU:0": device(30, "GPU:0")},
        "sparing & short": {"CPU:0": device(10, limit=22_000)},
    }
    plot = MemoryPlot(runs, GROUPS)
    root = ElementTree.fromstring(plot.svg(800))
    texts = [t.text or "" for t in root.iter(f"{SVG}text")]
    assert {"plain · CPU:0", "plain · GPU:0", "sparing & short · CPU:0"} <= set(texts)
    assert sum(t.startswith("peak ") for t in texts) == 3
    assert "limit 21.48 KiB" in texts and {"parameters", "activations", "scratch"} <= set(texts)
    assert "recomputed" not in texts
    titles = [t.text or "" for t in root.iter(f"{SVG}title")]
    assert any(t.startswith("#3 Relu layer<3>\n") and "activations" in t for t in titles)
    assert root.get("width") == "800" and "script" not in plot.svg()
    assert repr(plot) == "<MemoryPlot of 'plain', 'sparing & short': 30 nodes on 2 devices>"


def test_coordinates_stay_inside():
    root = ElementTree.fromstring(MemoryPlot({"run": {"CPU:0": device(37)}}, GROUPS).svg(600))
    for path in root.iter(f"{SVG}path"):
        numbers = [float(n) for n in re.findall(r"-?\d+\.?\d*", path.get("d", ""))]
        assert numbers and all(0 <= x <= 600 for x in numbers[::2])
        assert all(-0.1 <= y <= 190.1 for y in numbers[1::2])


def test_many_nodes_become_few_columns_that_keep_the_peak():
    memory = device(20_000)
    bars = columns(memory.timeline, 0.04)
    assert len(bars) < 1000 and bars[0].first == 0 and bars[-1].last == 20_001
    assert max(bar.moment.peak for bar in bars) == memory.peak
    assert len(MemoryPlot({"run": {"CPU:0": memory}}, GROUPS).svg()) < 600_000


def test_pages_and_files(tmp_path):
    plot = MemoryPlot({"<run>": {"CPU:0": device(5)}}, GROUPS)
    page = plot.html(tables=True)
    assert "&lt;run&gt;" in page and "<run>" not in page and "5 smaller ones" in page
    assert "<table>" not in plot._repr_html_() and "http" not in page.replace("http://www.w3", "")
    for name in ("a.svg", "a.html"):
        plot.save(tmp_path / name)
    assert (tmp_path / "a.html").read_text().startswith("<!DOCTYPE html>")
    with pytest.raises(ValueError, match=r"\.svg or \.html"):
        plot.save(tmp_path / "a.png")


def test_amounts():
    assert [amount(n) for n in (0, 1023, 1 << 20, 5 << 30)] == ["0 B", "1023 B", "1 MiB", "5 GiB"]
