"""View: what `Graph.visualize` and `PlanExplanation.visualize` return.

A view holds pictures and renders them when asked. In a notebook it shows itself; `save` writes a
page or a static picture. The same graph gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penstock.graph import walk
from penstock.graph.ir import IR
from penstock.graph.tensor import Operation, Tensor
from penstock.passes.context import Note
from penstock.view.drawing import default_open, draw
from penstock.view.page import document, fragment
from penstock.view.picture import Picture, bounded, picture_of, picture_of_partitions
from penstock.view.stages import Stage, pictures_of
from penstock.view.svg import svg_of

if TYPE_CHECKING:
    from penstock.graph.graph import Graph


class View:
    """A graph, or a plan with its stages, to be looked at.

    >>> with ps.Graph().as_default() as graph:
    ...     total = ps.add(1.0, 2.0, name="total")
    >>> view = graph.visualize()
    >>> view
    <View of 'graph': 3 nodes>
    >>> view.svg().startswith("<svg"), view.html().startswith("<!DOCTYPE html>")
    (True, True)
    """

    def __init__(
        self, title: str, pictures: Sequence[Picture], opened: Collection[int] | None = None
    ) -> None:
        """Take pictures, the last of which is shown first, with these of its scopes open."""
        self.title = title
        self.pictures = tuple(pictures)
        self.opened = default_open(pictures[-1]) if opened is None else {0, *opened}

    def html(self) -> str:
        """Return a page that works by itself: nothing is fetched from anywhere."""
        return document(self.title, self.pictures, self.opened)

    def svg(self, stage: str | None = None) -> str:
        """Return a static picture of the last stage, or of the one named.

        Raises `ValueError` when there is no such stage.
        """
        if stage is None:
            return svg_of(self.pictures[-1], draw(self.pictures[-1], self.opened))
        for picture in self.pictures:
            if picture.title == stage:
                return svg_of(picture, draw(picture, default_open(picture)))
        names = ", ".join(picture.title for picture in self.pictures)
        raise ValueError(f"there is no stage {stage!r}; there are {names}")

    def save(self, path: str | Path) -> None:
        """Write a page (`.html`) or a static picture (`.svg`); `ValueError` for other names."""
        path = Path(path)
        render = {".html": self.html, ".svg": self.svg}.get(path.suffix)
        if render is None:
            raise ValueError(f"a view is saved as .html or .svg, not as {path.name!r}")
        path.write_text(render(), encoding="utf-8")

    def _repr_html_(self) -> str:
        return fragment(self.title, self.pictures, self.opened)

    def __repr__(self) -> str:
        """Show what it is of, and how large."""
        stages = f", {len(self.pictures)} stages" if len(self.pictures) > 1 else ""
        return f"<View of {self.title!r}: {len(self.pictures[-1].nodes)} nodes{stages}>"


def view_graph(
    graph: Graph, fetches: Any = None, max_nodes: int = 2000, title: str | None = None
) -> View:
    """Return the view of a graph, or of what `fetches` need of it."""
    if fetches is None:
        operations = graph.get_operations()
    else:
        wanted = fetches if isinstance(fetches, (list, tuple)) else [fetches]
        ends = [_operation(graph.as_graph_element(element)) for element in wanted]
        operations = walk.ancestors(ends, lambda tensor: False)
    ir = IR([operation.to_node() for operation in operations], ())
    title = title or "graph"
    return View(title, [picture_of(bounded(ir, max_nodes), title)])


def _operation(element: Tensor | Operation) -> Operation:
    return element.op if isinstance(element, Tensor) else element


def view_stages(
    stages: Sequence[Stage],
    notes: Sequence[Note] = (),
    *,
    max_nodes: int = 2000,
    title: str | None = None,
) -> View:
    """Return the view of a plan, stage by stage."""
    return View(title or "plan", pictures_of(stages, notes, max_nodes))


def view_partitions(parts: Mapping[str, IR], title: str = "partitions") -> View:
    """Return the view of a partitioned plan: a lane per device, sends joined to receives."""
    return View(title, [picture_of_partitions(parts, title)])
