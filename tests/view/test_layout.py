"""Layouts: no boxes overlap, edges go down, scripts and Python agree to the last digit."""

import itertools
import json
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.graph.ir import IR
from penstock.view.drawing import Box, Drawing, default_open, draw
from penstock.view.page import SCRIPTS, data_of
from penstock.view.picture import Picture, picture_of, picture_of_partitions
from penstock.view.svg import asset
from tests.view.graphs import layers_ir, network, node, random_ir, two_devices, whole

LAYOUT = ("levels.js", "layers.js", "drawing.js", "shapes.js")


def overlap(a: Box, b: Box) -> bool:
    return (
        a.x < b.x + b.width
        and b.x < a.x + a.width
        and a.y < b.y + b.height
        and b.y < a.y + a.height
    )


def inside(a: Box, b: Box) -> bool:
    return (
        b.x <= a.x
        and a.x + a.width <= b.x + b.width
        and b.y <= a.y
        and a.y + a.height <= b.y + b.height
    )


def check(drawing: Drawing) -> None:
    """Boxes are apart or one, an open scope, holds the other; the drawing holds them all."""
    for a, b in itertools.combinations(drawing.boxes, 2):
        if overlap(a, b):
            assert (a.is_open and inside(b, a)) or (b.is_open and inside(a, b)), (a, b)
    for box in drawing.boxes:
        assert box.x >= -0.001 and box.x + box.width <= drawing.width + 0.001
        assert box.y >= -0.001 and box.y + box.height <= drawing.height + 0.001
    for wire in drawing.wires:
        heights = [y for _, y in wire.points]
        order = sorted(heights, reverse=wire.bundle.flipped)
        assert heights == order, "a wire goes down, or up where its level has a cycle"


@given(st.integers(1, 60), st.integers(0, 10**6), st.data())
def test_random_pictures_are_sound(count: int, seed: int, data: st.DataObject) -> None:
    picture = picture_of(random_ir(count, seed))
    scopes = range(len(picture.scopes))
    opened = data.draw(st.sets(st.sampled_from(scopes)))
    drawing = draw(picture, opened)
    check(drawing)
    assert drawing == draw(picture, opened)
    shown = {box.item for box in drawing.boxes}
    assert len(shown) == len(drawing.boxes)


def test_without_scopes_every_edge_goes_down() -> None:
    picture = picture_of(random_ir(60, 7, depth=0))
    drawing = draw(picture, ())
    boxes = {box.item: box for box in drawing.boxes}
    for wire in drawing.wires:
        above, below = boxes[wire.bundle.source], boxes[wire.bundle.target]
        assert above.y + above.height < below.y
        assert wire.points[0][1] == above.y + above.height
        assert wire.points[-1][1] == below.y


def test_edges_between_closed_scopes_are_bundled() -> None:
    nodes = [node(f"a/n{i}", "Neg") for i in range(3)]
    nodes += [node(f"b/n{i}", "Neg", (f"a/n{i}",)) for i in range(3)]
    picture = picture_of(IR(nodes, ()))
    (wire,) = draw(picture, ()).wires
    assert wire.label == "3 \N{MULTIPLICATION SIGN} float32[2]"
    assert len(wire.bundle.edges) == 3
    opened = draw(picture, {1})
    assert len(opened.wires) == 4, "three to the port, one on from there"


def test_scopes_that_need_each_other_are_drawn() -> None:
    nodes = [node("a/n", "Neg"), node("b/n", "Neg", ("a/n",)), node("a/m", "Neg", ("b/n",))]
    nodes += [node("b/m", "Neg", ("a/m",))]
    picture = picture_of(IR(nodes, ()))
    for opened in ((), (1,), (1, 2)):
        drawing = draw(picture, opened)
        check(drawing)
        assert any(wire.bundle.flipped for wire in drawing.wires)


def test_two_thousand_nodes_collapsed_and_open() -> None:
    picture = picture_of(layers_ir(2000))
    assert len(draw(picture, default_open(picture)).boxes) <= 45
    everything = draw(picture, range(len(picture.scopes)))
    assert len(everything.boxes) > 2000


def test_a_flat_crowd_is_cut_into_groups() -> None:
    picture = picture_of(IR([node(f"n{i}", "Neg") for i in range(1000)], ()))
    assert len(draw(picture, ()).boxes) == 25
    crowd = [node(f"s{i}/{k}", "Neg") for i in range(5000) for k in "ab"]
    picture = picture_of(IR(crowd, ()))
    assert len(draw(picture, ()).boxes) <= 80


def test_lanes_stand_side_by_side() -> None:
    picture = picture_of_partitions(two_devices())
    assert [s.label for s in picture.scopes if s.is_lane] == ["CPU:0", "CPU:1"]
    drawing = draw(picture, default_open(picture))
    check(drawing)
    lanes = [box for box in drawing.boxes if box.is_open and box.y == 0]
    assert len(lanes) == 2 and lanes[0].x + lanes[0].width < lanes[1].x
    assert len(picture.transfers) == sum(n.op == "_Recv" for n in picture.nodes) > 1
    assert len(drawing.arcs) >= 2


def drawn_by_scripts(picture: Picture, opened: set[int]) -> list[list[float]]:
    """Return boxes and points as the scripts compute them from the page's data."""
    data = json.dumps([data_of("t", [picture], opened), sorted(opened)])
    program = "".join(map(asset, LAYOUT)) + (
        "const [data, opened] = JSON.parse(require('fs').readFileSync(0, 'utf8'));"
        "const picture = penstockShapes.pictureOf("
        "  data.stages[0], penstockShapes.nodesOf(data), data.texts);"
        "const d = penstockDrawing.draw(picture, new Set(opened));"
        "console.log(JSON.stringify([[d.width, d.height],"
        "  ...d.boxes.map(b => [b.item, b.x, b.y, b.width, b.height]),"
        "  ...[...d.wires, ...d.arcs].map(w => [...w.points.flat(), ...(w.labelAt || [])])]));"
    )
    run = subprocess.run(
        ["node", "-e", program], input=data, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    result: list[list[float]] = json.loads(run.stdout)
    return result


def drawn_by_python(picture: Picture, opened: set[int]) -> list[list[float]]:
    drawing = draw(picture, opened)
    return [
        [drawing.width, drawing.height],
        *[[b.item, b.x, b.y, b.width, b.height] for b in drawing.boxes],
        *[
            [*itertools.chain.from_iterable(w.points), *(w.label_at or ())]
            for w in (*drawing.wires, *drawing.arcs)
        ],
    ]


@pytest.mark.skipif(not shutil.which("node"), reason="compares with the scripts, which need node")
@pytest.mark.parametrize("form", ["network", "random", "lanes", "hostile"])
def test_scripts_draw_what_python_draws(form: str) -> None:
    if form == "network":
        picture = picture_of(whole(network()[0]))
    elif form == "random":
        picture = picture_of(random_ir(150, 3))
    elif form == "lanes":
        picture = picture_of_partitions(two_devices())
    else:
        picture = picture_of(IR([node("\N{GRINNING FACE}" * 40, "Neg"), node("//", "Neg")], ()))
    for opened in ({0}, default_open(picture), set(range(len(picture.scopes)))):
        opened |= {s for s, scope in enumerate(picture.scopes) if scope.is_lane}
        assert drawn_by_scripts(picture, opened) == drawn_by_python(picture, opened)


@pytest.mark.skipif(not shutil.which("node"), reason="node checks the syntax")
@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_are_well_formed(name: str) -> None:
    subprocess.run(["node", "--check", "-"], input=asset(name), text=True, check=True)
