"""Pages and static pictures: well-formed, bounded, the same each time, deaf to hostile names."""

import html.parser
import json
import re
import xml.etree.ElementTree as ET

import pytest

import penstock as ps
from penstock.graph.ir import IR, Node
from penstock.view.picture import bounded, picture_of
from penstock.view.view import View, view_partitions
from tests.view.graphs import layers_ir, network, node, random_ir, two_devices, whole

HOSTILE = [
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(2)>",
    '"><svg onload=alert(3)>',
    "<!--<script>",
    "]]>&amp;&lt;",
    "a\0b\x1b\u2028\u2029",
    "\udc80\udcff",
    "../../etc",
    "a//b/",
    "__proto__",
    "constructor",
    "'; DROP TABLE nodes; --",
]
VOID = {"meta", "br", "img", "input", "link"}


class Parser(html.parser.HTMLParser):
    """Remembers tags and attributes; fails when an end tag does not fit."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.data: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.update(name for name, _ in attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.update(name for name, _ in attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag, tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.data.append(data)


def parse(text: str) -> Parser:
    parser = Parser()
    parser.feed(text)
    parser.close()
    assert not parser.open
    return parser


def view_of(ir: IR) -> View:
    return View("graph", [picture_of(ir)])


def test_a_page_is_well_formed_and_needs_nothing_from_outside() -> None:
    graph, _, _ = network()
    text = graph.visualize(title="a network").html()
    parser = parse(text)
    assert parser.tags.count("script") == 2 and parser.tags.count("svg") == 1
    assert not {"src", "href"} & parser.attributes and "link" not in parser.tags
    urls = set(re.findall(r"[a-z]+://[^\"'\s<)]+", text))
    assert urls == {"http://www.w3.org/2000/svg"}
    assert "@import" not in text and "url(" not in text
    data = json.loads(parser.data[0])
    assert len(data["stages"]) == 1 and len(data["records"]) == len(graph.get_operations())


def test_static_pictures_are_xml() -> None:
    graph, _, _ = network()
    root = ET.fromstring(graph.visualize().svg())
    assert root.tag.endswith("svg")
    ET.fromstring(view_partitions(two_devices()).svg())


def test_hostile_names_stay_text() -> None:
    nodes = [Node("x", "Neg", (), (), {"payload": HOSTILE[0].encode()}, HOSTILE[1], (), ())]
    nodes += [node(f"{name}{i}", name, ("x",)) for i, name in enumerate(HOSTILE)]
    nodes += [node(f"scope{i}/{a}/{b}", "Neg") for i, a in enumerate(HOSTILE) for b in "ab"]
    ir = IR(nodes, ())
    view = View(HOSTILE[0], [picture_of(ir, HOSTILE[0])])
    harmless = parse(view_of(random_ir(20, 0)).html())
    parser = parse(view.html())
    assert set(parser.tags) <= set(harmless.tags) | {"line"}
    assert not [name for name in parser.attributes if name.startswith("on")]
    assert parser.tags.count("script") == 2
    names = json.loads(parser.data[0])["texts"]
    assert all(f"{name}{i}" in names for i, name in enumerate(HOSTILE))
    ET.fromstring(view.svg().encode("utf-8"))
    view.html().encode("utf-8")


def test_the_same_graph_gives_the_same_bytes() -> None:
    first, second = network()[0], network()[0]
    assert first.visualize().html() == second.visualize().html()
    assert first.visualize().svg() == second.visualize().svg()


def test_two_thousand_nodes_are_a_page_of_bounded_size() -> None:
    ir = layers_ir(2000)
    assert len(ir) > 1990
    assert len(view_of(ir).html()) < 1_500_000


@pytest.mark.parametrize("count", [2001, 7000])
def test_larger_graphs_are_told_by_their_scopes(count: int) -> None:
    small = bounded(layers_ir(count), 300)
    assert 1 < len(small) <= 300
    assert "nodes" in next(n.op for n in small if n.name.startswith("block0"))
    flat = bounded(IR([node(f"n{i}", "Neg") for i in range(count)], ()), 300)
    assert 1 < len(flat) <= 300


def test_a_notebook_shows_a_graph_of_any_size() -> None:
    with ps.Graph().as_default() as graph:
        value = ps.constant(1.0)
        for _ in range(3000):
            value = ps.negative(value)
    text = graph._repr_html_()
    parse(text)
    assert len(text) < 1_500_000 and text.isascii()


def test_fetches_choose_what_is_shown() -> None:
    graph, update, (x, _) = network()
    names = [n.name for n in graph.visualize("hidden/Relu").pictures[0].nodes]
    assert names == [n.name for n in graph.visualize(["hidden/Relu:0"]).pictures[0].nodes]
    assert x.op.name in names and update.name not in names
    with pytest.raises(KeyError, match="no operation 'nowhere'"):
        graph.visualize("nowhere")


def test_an_empty_graph_has_a_picture() -> None:
    view = ps.Graph().visualize()
    parse(view.html())
    ET.fromstring(view.svg())


def test_views_are_saved_by_suffix(tmp_path) -> None:
    view = view_of(whole(network()[0]))
    view.save(tmp_path / "graph.html")
    view.save(str(tmp_path / "graph.svg"))
    assert (tmp_path / "graph.html").read_text(encoding="utf-8") == view.html()
    assert (tmp_path / "graph.svg").read_text(encoding="utf-8") == view.svg()
    with pytest.raises(ValueError, match=r"saved as \.html or \.svg, not as 'graph\.pdf'"):
        view.save("graph.pdf")
