"""A picture with some scopes open → boxes and wires with coordinates.

Levels are laid out from the innermost outwards, each by `layers.arrange`; an open scope is then a
box of its parent, with its ports as the places where edges go on. `drawing.js` does the same,
number for number, and draws what Python draws when a reader opens a scope.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from penstock.view.layers import Edge, Flat, arrange
from penstock.view.levels import Bundle, Level, Seen
from penstock.view.picture import Picture, constant_row, output_texts, shorten, title_of

LETTER, LETTER_SMALL = 7.7, 6.3  # widths of letters, generous
PAD, HEAD, ROW = 18.0, 32.0, 15.0
ROWS_CAP = 3
LANE_GAP = 70.0
CELL = 128.0
TIMES = "\N{MULTIPLICATION SIGN}"


class Box(NamedTuple):
    """A node, a closed or an open scope, by its item number; x and y are the upper left corner."""

    item: int
    x: float
    y: float
    width: float
    height: float
    is_open: bool
    rows: tuple[int, ...] = ()


class Wire(NamedTuple):
    """A bundle as drawn: points where it starts, passes and ends, and what it carries."""

    points: tuple[tuple[float, float], ...]
    bundle: Bundle
    has_arrow: bool
    label: str
    label_at: tuple[float, float] | None = None


class Drawing(NamedTuple):
    """All boxes, outer ones before inner ones, and all wires."""

    boxes: tuple[Box, ...]
    wires: tuple[Wire, ...]
    arcs: tuple[Wire, ...]
    width: float
    height: float


def draw(picture: Picture, opened: Collection[int]) -> Drawing:
    """Lay out a picture whose scopes in `opened` are open."""
    return _Drawer(picture, opened).drawing()


def default_open(picture: Picture, limit: int = 30) -> set[int]:
    """Return the scopes to open at first, outer and small ones first, to `limit` boxes in all."""
    inside: list[set[tuple[str, int]]] = [set() for _ in picture.scopes]
    for node, home in enumerate(picture.home):
        if picture.within[node] < 0:
            inside[home].add(("node", node))
        item, scope = ("scope", home), picture.scopes[home].parent
        while scope >= 0 and item not in inside[scope]:
            inside[scope].add(item)
            item, scope = ("scope", scope), picture.scopes[scope].parent
    opened = {0} | {i for i, scope in enumerate(picture.scopes) if scope.is_lane}
    count = sum(len(inside[scope]) for scope in opened)
    front = [s for scope in sorted(opened) for s in _scopes_of(inside[scope], opened)]
    while front:
        front.sort(key=lambda s: (len(inside[s]), s))
        following = []
        for scope in front:
            if count + len(inside[scope]) <= limit:
                opened.add(scope)
                count += len(inside[scope])
                following += _scopes_of(inside[scope], opened)
        front = following
    return opened


def _scopes_of(items: set[tuple[str, int]], opened: set[int]) -> list[int]:
    return sorted(i for kind, i in items if kind == "scope" and i not in opened)


class _Drawer:
    def __init__(self, picture: Picture, opened: Collection[int]) -> None:
        self.picture = picture
        self.seen = Seen(picture, opened)
        self.count = len(picture.nodes)
        self.rows: dict[int, list[int]] = {}
        for node, reader in enumerate(picture.within):
            if reader >= 0:
                self.rows.setdefault(reader, []).append(node)
        self.sizes = {n: 0 for n in range(len(picture.scopes))}
        for home in picture.home:
            scope = home
            while scope >= 0:
                self.sizes[scope] += 1
                scope = picture.scopes[scope].parent
        self.flat: dict[int, Flat] = {}
        self.place: dict[int, dict[int, int]] = {}
        self.port_x: dict[int, float] = {}
        self.size: dict[int, tuple[float, float]] = {}
        self.box_of: dict[int, Box] = {}
        self.boxes: list[Box] = []
        self.wires: list[Wire] = []

    def drawing(self) -> Drawing:
        width, height = self._measure(0)
        self._emit(0, 0.0, 0.0)
        arcs = self._arcs()
        wires = _with_labels([*self.wires, *arcs], self.boxes)
        split = len(self.wires)
        boxes = tuple(self.boxes)
        return Drawing(boxes, tuple(wires[:split]), tuple(wires[split:]), width, height)

    # ---- sizes, innermost first

    def _size(self, item: int) -> tuple[float, float]:
        if item < 0:
            return (8.0, 0.0)
        if self.seen.is_open(item):
            width, height = self._measure(item - self.count)
            head = 44.0 + LETTER * len(self._scope_label(item - self.count))
            return max(width + 2 * PAD, head), height + PAD + HEAD
        if item >= self.count:
            label = self._scope_label(item - self.count)
            return max(92.0, 36.0 + LETTER * len(label)), 42.0
        around = self.picture.scopes[self.picture.home[item]].path
        first, second = title_of(self.picture.nodes[item], around)
        width = max(LETTER * len(first), LETTER_SMALL * len(second))
        rows = self.rows.get(item, [])
        for row in rows[:ROWS_CAP]:
            width = max(width, 10.0 + LETTER_SMALL * len(constant_row(self.picture.nodes[row])))
        count = min(len(rows), ROWS_CAP + 1)
        height = (38.0 if second else 26.0) + (count * ROW + 4.0 if count else 0.0)
        return max(46.0, width + 20.0), height

    def _scope_label(self, scope: int) -> str:
        return shorten(self.picture.scopes[scope].label, 30)

    def _measure(self, number: int) -> tuple[float, float]:
        """Lay out a level (once) and return its extent."""
        level = self.seen.levels[number]
        items = [*level.items, *level.upper, *level.lower]
        place = self.place[number] = {item: k for k, item in enumerate(items)}
        sizes = [self._size(item) for item in items]
        self.size.update(zip(items, sizes, strict=True))
        if level.items and self._is_lane(level.items[0]):
            self.flat[number] = _side_by_side(sizes)
        else:
            edges = [self._edge(bundle, place) for bundle in level.bundles]
            self.flat[number] = arrange(
                sizes,
                edges,
                [place[port] for port in level.upper],
                [place[port] for port in level.lower],
            )
        flat = self.flat[number]
        for port in [*level.upper, *level.lower]:
            self.port_x[port] = flat.x[place[port]]
        return flat.width, flat.height

    def _is_lane(self, item: int) -> bool:
        return item >= self.count and self.picture.scopes[item - self.count].is_lane

    def _edge(self, bundle: Bundle, place: Mapping[int, int]) -> Edge:
        source, target = bundle.source, bundle.target
        leaves, enters = self._at(bundle, source), self._at(bundle, target)
        if bundle.flipped:
            return Edge(place[target], place[source], enters, leaves)
        return Edge(place[source], place[target], leaves, enters)

    def _at(self, bundle: Bundle, item: int) -> float:
        """Return where a bundle meets an open scope's border, from the centre of its box."""
        if item < self.count or not self.seen.is_open(item):
            return 0.0
        key = (bundle.level, bundle.source, bundle.target, item - self.count)
        inner = self.flat[item - self.count]
        return self.port_x[self.seen.ports[key]] - inner.width / 2

    # ---- coordinates, outermost first

    def _emit(self, number: int, left: float, top: float) -> None:
        level, flat, place = self.seen.levels[number], self.flat[number], self.place[number]
        for item in level.items:
            width, height = self.size[item]
            x = left + flat.x[place[item]] - width / 2
            y = top + flat.y[place[item]] - height / 2
            rows = tuple(self.rows.get(item, ()))
            box = Box(item, x, y, width, height, self.seen.is_open(item), rows)
            self.box_of[item] = box
            self.boxes.append(box)
            if box.is_open:
                inner = self.flat[item - self.count]
                self._emit(item - self.count, x + (width - inner.width) / 2, y + HEAD)
        self._emit_wires(number, left, top)

    def _emit_wires(self, number: int, left: float, top: float) -> None:
        level, flat, place = self.seen.levels[number], self.flat[number], self.place[number]
        ends = [(b.target, b.source) if b.flipped else (b.source, b.target) for b in level.bundles]
        exits, entries = self._spread(level, ends, left)
        for k, bundle in enumerate(level.bundles):
            upper, lower = ends[k]
            rank = flat.ranks[place[upper]] if upper >= 0 else (0.0, 0.0)
            points = [(exits[k], self._border(upper, False, top, flat))]
            points.append((exits[k], top + rank[1]))
            for x, above, below in flat.routes[k]:
                points += [(left + x, top + above), (left + x, top + below)]
            rank = flat.ranks[place[lower]] if lower >= 0 else (flat.height, 0.0)
            points.append((entries[k], top + rank[0]))
            points.append((entries[k], self._border(lower, True, top, flat)))
            if bundle.flipped:
                points.reverse()
            touches_port = bundle.source < 0 or bundle.target < 0
            label = "" if touches_port else self._label(bundle)
            ends_open = bundle.target < 0 or self.seen.is_open(bundle.target)
            self.wires.append(Wire(_distinct(points), bundle, not ends_open, label))

    def _border(self, item: int, upper: bool, top: float, flat: Flat) -> float:
        """Return the height at which a wire meets an item: its box, or the border of its level."""
        if item < 0:
            return top - HEAD if not upper else top + flat.height + PAD
        box = self.box_of[item]
        return box.y if upper else box.y + box.height

    def _spread(
        self, level: Level, ends: list[tuple[int, int]], left: float
    ) -> tuple[list[float], list[float]]:
        """Return the x at which each bundle leaves its upper and enters its lower item."""
        flat, place = self.flat[level.number], self.place[level.number]
        result: list[list[float]] = []
        for side in (0, 1):
            xs = [0.0] * len(ends)
            groups: dict[int, list[int]] = {}
            for k, pair in enumerate(ends):
                groups.setdefault(pair[side], []).append(k)
            for item, group in groups.items():
                middle = left + flat.x[place[item]]
                if item < 0 or self.seen.is_open(item):
                    for k in group:
                        xs[k] = middle + self._at(level.bundles[k], item)
                    continue
                step = min(14.0, (self.size[item][0] - 20.0) / len(group))
                group.sort(key=lambda k: self._towards(flat, place, ends[k], k, side))
                for n, k in enumerate(group):
                    xs[k] = middle + (n - (len(group) - 1) / 2) * step
            result.append(xs)
        return result[0], result[1]

    def _towards(
        self, flat: Flat, place: dict[int, int], ends: tuple[int, int], k: int, side: int
    ) -> float:
        """Return the x of what comes next on a bundle, seen from one of its ends."""
        route = flat.routes[k]
        if route:
            return route[0 if side == 0 else -1][0]
        return flat.x[place[ends[1 - side]]]

    def _label(self, bundle: Bundle) -> str:
        texts = []
        for node, output in bundle.tensors:
            outputs = output_texts(self.picture.nodes[node])
            texts.append(outputs[output] if output < len(outputs) else "")
        if not texts:
            return ""
        if len(set(texts)) > 1:
            return f"{len(texts)} tensors"
        return texts[0] if len(texts) == 1 else f"{len(texts)} {TIMES} {texts[0]}"

    def _arcs(self) -> list[Wire]:
        """Return the transfers between what shows the sends and what shows the receives."""
        found: dict[tuple[int, int], Bundle] = {}
        for source, target in self.picture.transfers:
            ends = (self.seen.chains[source][-1], self.seen.chains[target][-1])
            if ends[0] != ends[1]:
                arc = found.setdefault(ends, Bundle(0, *ends, is_transfer=True))
                arc.edges.append((source, target))
                arc.tensors[target, 0] = None
        return [
            Wire(_arc(self.box_of[a], self.box_of[b]), arc, True, self._label(arc))
            for (a, b), arc in found.items()
        ]


def _distinct(points: list[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    kept = points[:1]
    for point in points[1:]:
        if point != kept[-1]:
            kept.append(point)
    return tuple(kept)


def _with_labels(wires: list[Wire], boxes: list[Box]) -> list[Wire]:
    """Give labels their places, as long as they cover no node and no other label."""
    taken = _Taken()
    for box in boxes:
        if not box.is_open:
            taken.add((box.x, box.y, box.x + box.width, box.y + box.height))
    result = []
    for wire in wires:
        for x, y in label_places(wire) if wire.label else ():
            half = len(wire.label) * 2.7
            spot = (x - half, y - 9.0, x + half, y + 2.0)
            if taken.is_free(spot):
                taken.add(spot)
                wire = wire._replace(label_at=(x, y))
                break
        result.append(wire)
    return result


class _Taken:
    """Rectangles (left, top, right, bottom), by the cells of a grid that they touch."""

    def __init__(self) -> None:
        self.cells: dict[tuple[int, int], list[tuple[float, float, float, float]]] = {}

    def _touched(self, r: tuple[float, float, float, float]) -> Iterator[tuple[int, int]]:
        for column in range(int(r[0] // CELL), int(r[2] // CELL) + 1):
            for row in range(int(r[1] // CELL), int(r[3] // CELL) + 1):
                yield column, row

    def add(self, r: tuple[float, float, float, float]) -> None:
        for cell in self._touched(r):
            self.cells.setdefault(cell, []).append(r)

    def is_free(self, r: tuple[float, float, float, float]) -> bool:
        return not any(
            r[0] < o[2] and o[0] < r[2] and r[1] < o[3] and o[1] < r[3]
            for cell in self._touched(r)
            for o in self.cells.get(cell, ())
        )


def label_places(wire: Wire) -> list[tuple[float, float]]:
    """Return where a wire's label may stand: amid its parts, those next to its ends first."""
    points = wire.points
    if wire.bundle.is_transfer:
        return [((points[0][0] + points[3][0]) / 2, (points[0][1] + points[3][1]) / 2 - 3)]
    middles = [
        ((x0 + x1) / 2, (y0 + y1) / 2 + 3)
        for (x0, y0), (x1, y1) in pairwise(points)
        if abs(y1 - y0) > 14
    ]
    return [*middles[:1], *middles[:0:-1]]


def _arc(source: Box, target: Box) -> tuple[tuple[float, float], ...]:
    """Return start, two control points and end of a curve from side to side."""
    y1, y2 = source.y + source.height / 2, target.y + target.height / 2
    right1, right2 = source.x + source.width, target.x + target.width
    if right1 < target.x:
        x1, x2 = right1, target.x
    elif right2 < source.x:
        x1, x2 = source.x, right2
    else:
        bulge = max(right1, right2) + 40.0
        return (right1, y1), (bulge, y1), (bulge, y2), (right2, y2)
    middle = (x1 + x2) / 2
    return (x1, y1), (middle, y1), (middle, y2), (x2, y2)


def _side_by_side(sizes: Sequence[tuple[float, float]]) -> Flat:
    """Stand lanes beside each other, all from the same height."""
    xs, left = [], 0.0
    for width, _ in sizes:
        xs.append(left + width / 2)
        left += width + LANE_GAP
    ys = [height / 2 for _, height in sizes]
    tall = max([height for _, height in sizes], default=0.0)
    return Flat(xs, ys, [], [(0.0, h) for _, h in sizes], max(0.0, left - LANE_GAP), tall)
