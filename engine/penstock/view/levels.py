"""What is seen of a picture when some scopes are open: items, and the bundles between them.

An item is a node, a closed scope or an open one; it is told by a number: nodes count from 0,
scopes follow them. Each open scope is a level of its own. An edge is drawn on the lowest level
that holds both ends; where an end lies deeper, in open scopes, the edge goes on through a port on
their border. Edges with the same ends form one bundle. `levels.js` does the same.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from penstock.view.picture import Picture


@dataclass
class Bundle:
    """Edges between two items of a level, or between an item and a port (negative numbers).

    `flipped` says that it is laid out the other way round, because its level has a cycle.
    """

    level: int
    source: int
    target: int
    flipped: bool = False
    is_transfer: bool = False
    tensors: dict[tuple[int, int], None] = field(default_factory=dict)
    edges: list[tuple[int, int]] = field(default_factory=list)

    @property
    def is_control(self) -> bool:
        """True when it carries no tensor."""
        return not self.tensors


@dataclass
class Level:
    """An open scope: the items in it, its bundles, its ports on the upper and lower border."""

    number: int
    items: list[int] = field(default_factory=list)
    bundles: list[Bundle] = field(default_factory=list)
    upper: list[int] = field(default_factory=list)
    lower: list[int] = field(default_factory=list)


class Seen:
    """The levels of a picture whose scopes in `opened` are open (the whole always is)."""

    def __init__(self, picture: Picture, opened: Collection[int]) -> None:
        self.picture = picture
        self.count = len(picture.nodes)
        self.opened = {0, *opened}
        self.levels: dict[int, Level] = {0: Level(0)}
        self.ports: dict[tuple[int, int, int, int], int] = {}
        self._bundles: dict[tuple[int, int, int], Bundle] = {}
        self.chains = [self._chain(i) for i in range(self.count)]
        self._collect_items()
        self._collect_bundles()

    def _chain(self, node: int) -> list[int]:
        """Return the items that hold a node, from the outermost to the one that shows it."""
        picture, scopes = self.picture, []
        if picture.within[node] >= 0:
            node = picture.within[node]
        scope = picture.home[node]
        while scope > 0:
            scopes.append(scope)
            scope = picture.scopes[scope].parent
        chain = []
        for scope in reversed(scopes):
            chain.append(self.count + scope)
            if scope not in self.opened:
                return chain
        return [*chain, node]

    def _collect_items(self) -> None:
        seen = set()
        for chain in self.chains:
            level = 0
            for item in chain:
                if item not in seen:
                    seen.add(item)
                    self.levels[level].items.append(item)
                    if self.is_open(item):
                        self.levels[item - self.count] = Level(item - self.count)
                level = item - self.count

    def is_open(self, item: int) -> bool:
        """Return True for an open scope."""
        return item >= self.count and item - self.count in self.opened

    def _collect_bundles(self) -> None:
        links: dict[tuple[int, int], Bundle] = {}
        for node, reads in enumerate(self.picture.reads()):
            for source, output in reads:
                ends = (self.chains[source][-1], self.chains[node][-1])
                if ends[0] == ends[1]:
                    continue
                link = links.setdefault(ends, Bundle(0, *ends))
                link.edges.append((source, node))
                if output >= 0:
                    link.tensors[source, output] = None
        crossing = [(self._join(link), link) for link in links.values()]
        for level in self.levels.values():
            order = _order_without_cycles(level.items, level.bundles)
            for bundle in level.bundles:
                bundle.flipped = order[bundle.source] > order[bundle.target]
        for bundle, link in crossing:
            self._descend(bundle, link, self.chains[link.edges[0][0]], True)
            self._descend(bundle, link, self.chains[link.edges[0][1]], False)

    def _bundle(self, level: int, source: int, target: int, link: Bundle) -> Bundle:
        key = (level, source, target)
        if key not in self._bundles:
            self._bundles[key] = Bundle(*key)
            self.levels[level].bundles.append(self._bundles[key])
        bundle = self._bundles[key]
        bundle.tensors.update(link.tensors)
        bundle.edges += link.edges
        return bundle

    def _join(self, link: Bundle) -> Bundle:
        """Return the bundle on the lowest level that holds both ends of a link."""
        source, target = (self.chains[end] for end in link.edges[0])
        depth, level = 0, 0
        while source[depth] == target[depth]:
            level = source[depth] - self.count
            depth += 1
        return self._bundle(level, source[depth], target[depth], link)

    def _descend(self, bundle: Bundle, link: Bundle, chain: list[int], outwards: bool) -> None:
        """Carry a link on through ports into the open scopes around one of its ends."""
        item = bundle.source if outwards else bundle.target
        for inner in chain[chain.index(item) + 1 :]:
            level = item - self.count
            key = (bundle.level, bundle.source, bundle.target, level)
            port = self.ports.get(key)
            if port is None:
                port = self.ports[key] = -1 - len(self.ports)
                upper = bundle.flipped if outwards else not bundle.flipped
                place = self.levels[level]
                (place.upper if upper else place.lower).append(port)
            ends = (inner, port) if outwards else (port, inner)
            flipped = bundle.flipped
            bundle = self._bundle(level, *ends, link)
            bundle.flipped = flipped
            item = inner


def _order_without_cycles(items: list[int], bundles: list[Bundle]) -> dict[int, int]:
    """Return a place for each item such that few edges go back; none where there is no cycle."""
    targets: dict[int, list[int]] = {item: [] for item in items}
    waits = dict.fromkeys(items, 0)
    for bundle in bundles:
        targets[bundle.source].append(bundle.target)
        waits[bundle.target] += 1
    left = dict.fromkeys(items)
    ready = [item for item in items if not waits[item]]
    order: dict[int, int] = {}
    while left:
        if not ready:
            best = min(left, key=lambda item: waits[item] - sum(t in left for t in targets[item]))
            ready.append(best)
        for item in ready:
            del left[item]
        following: list[int] = []
        for item in ready:
            order[item] = len(order)
            for target in targets[item]:
                waits[target] -= 1
                if not waits[target] and target in left:
                    following.append(target)
        ready = following
    return order
