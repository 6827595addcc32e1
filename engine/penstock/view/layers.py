"""Layered layout of one level: sizes and directed edges in, positions and routes out.

Four steps, each a function: ranks (longest path, wide ranks spread out), crossings (barycentre
sweeps over the order within ranks), columns (each rank takes the places nearest to what its
neighbours wish, which keep its order and its gaps), routes (an edge passes a rank between its
boxes). Only sums, products and comparisons in a fixed order: the same input gives the same
picture, and `layers.js`, which does the same, gives it too.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

GAP_X, GAP_Y, GAP_ROUTE, GAP_PORT = 22.0, 26.0, 12.0, 16.0
WIDE = 900.0  # ranks wider than this are spread out, unless the level is large
SWEEPS, PLACINGS = 8, 16


class Edge(NamedTuple):
    """An edge from an upper to a lower vertex, and where it leaves and enters, from the centre."""

    source: int
    target: int
    leaves: float = 0.0
    enters: float = 0.0


class Flat(NamedTuple):
    """A finished layout: centres of the vertices, and for each edge the places it passes.

    A passing is (x, top of the rank, bottom of the rank); `ranks` are (top, bottom) by vertex.
    """

    x: list[float]
    y: list[float]
    routes: list[list[tuple[float, float, float]]]
    ranks: list[tuple[float, float]]
    width: float
    height: float


class _Vertices:
    """Real vertices first, then one for each rank that an edge only passes."""

    def __init__(self, sizes: Sequence[tuple[float, float]], rank: list[int]) -> None:
        self.real = len(sizes)
        self.width = [w for w, _ in sizes]
        self.height = [h for _, h in sizes]
        self.rank = rank
        self.up: list[list[tuple[int, float]]] = [[] for _ in sizes]
        self.down: list[list[tuple[int, float]]] = [[] for _ in sizes]

    def add_passing(self, rank: int) -> int:
        self.width.append(1.0)
        self.height.append(0.0)
        self.rank.append(rank)
        self.up.append([])
        self.down.append([])
        return len(self.width) - 1

    def join(self, upper: int, lower: int, shift: float) -> None:
        """Join neighbours; the lower centre wishes to stand `shift` right of the upper one."""
        self.down[upper].append((lower, shift))
        self.up[lower].append((upper, shift))

    def gap(self, left: int, right: int) -> float:
        """Return the least distance of two centres in a rank."""
        both_real = left < self.real and right < self.real
        space = GAP_X if both_real else GAP_ROUTE
        return (self.width[left] + self.width[right]) / 2 + space


def arrange(
    sizes: Sequence[tuple[float, float]],
    edges: Sequence[Edge],
    upper: Sequence[int],
    lower: Sequence[int],
) -> Flat:
    """Lay out vertices of given sizes; `upper` and `lower` stand on the borders."""
    joined = {v for e in edges for v in (e.source, e.target)}
    alone = [v for v in range(len(sizes)) if v not in joined]
    rank = ranks(sizes, edges, upper, lower, joined)
    vertices = _Vertices(sizes, rank)
    chains = [_chain(vertices, edge) for edge in edges]
    rows: list[list[int]] = [[] for _ in range(max(rank, default=-1) + 1)]
    for v in range(len(vertices.rank)):
        if v >= vertices.real or v in joined:
            rows[vertices.rank[v]].append(v)
    rows = uncross(rows, vertices)
    x = columns(rows, vertices)
    straighten(rows, chains, edges, vertices, x)
    return _finish(vertices, rows, x, chains, alone)


def ranks(
    sizes: Sequence[tuple[float, float]],
    edges: Sequence[Edge],
    upper: Sequence[int],
    lower: Sequence[int],
    joined: set[int],
) -> list[int]:
    """Return the rank of each vertex: below all it comes from, near those it goes to."""
    below: list[list[int]] = [[] for _ in sizes]
    above: list[list[int]] = [[] for _ in sizes]
    for edge in edges:
        below[edge.source].append(edge.target)
        above[edge.target].append(edge.source)
    borders = {*upper, *lower}
    inner = [v for v in range(len(sizes)) if v in joined and v not in borders]
    order = _downwards(inner, above, below)
    natural = [0] * len(sizes)
    for v in order:
        natural[v] = max([natural[u] + 1 for u in above[v] if u not in borders], default=0)
    for v in reversed(order):
        nearest = min([natural[t] - 1 for t in below[v] if t not in borders], default=-1)
        if nearest > natural[v] and len(below[v]) > len(above[v]):
            natural[v] = nearest
    rank = _spread(sizes, order, natural, above, borders)
    last = max([rank[v] for v in inner], default=-1) + 1
    shift = 1 if upper else 0
    result = [r + shift for r in rank]
    for v in upper:
        result[v] = 0
    for v in lower:
        result[v] = last + shift
    return result


def _downwards(inner: list[int], above: list[list[int]], below: list[list[int]]) -> list[int]:
    waits = {v: 0 for v in inner}
    for v in inner:
        waits[v] = sum(u in waits for u in above[v])
    order = [v for v in inner if not waits[v]]
    for v in order:
        for t in below[v]:
            if t in waits:
                waits[t] -= 1
                if not waits[t]:
                    order.append(t)
    return order


def _spread(
    sizes: Sequence[tuple[float, float]],
    order: list[int],
    natural: list[int],
    above: list[list[int]],
    borders: set[int],
) -> list[int]:
    """Move vertices of ranks that are too wide into lower ones."""
    area = sum((sizes[v][0] + GAP_X) * (sizes[v][1] + GAP_Y) for v in order)
    room = max(WIDE, 1.7 * math.sqrt(area))
    used: list[float] = []
    rank = [0] * len(sizes)
    for v in sorted(order, key=lambda v: natural[v]):
        r = max([natural[v], *[rank[u] + 1 for u in above[v] if u not in borders]])
        width = sizes[v][0] + GAP_X
        while r < len(used) and used[r] > 0 and used[r] + width > room:
            r += 1
        while len(used) <= r:
            used.append(0.0)
        used[r] += width
        rank[v] = r
    return rank


def _chain(vertices: _Vertices, edge: Edge) -> list[int]:
    """Return the vertices an edge visits, with a new one in each rank between its ends."""
    chain = [edge.source]
    first, last = vertices.rank[edge.source], vertices.rank[edge.target]
    chain += [vertices.add_passing(r) for r in range(first + 1, last)]
    chain.append(edge.target)
    for k in range(len(chain) - 1):
        shift = edge.leaves if k == 0 else 0.0
        shift -= edge.enters if k == len(chain) - 2 else 0.0
        vertices.join(chain[k], chain[k + 1], shift)
    return chain


def uncross(rows: list[list[int]], vertices: _Vertices) -> list[list[int]]:
    """Return the rows in the order with the fewest crossings that the sweeps came across."""
    place = [0.0] * len(vertices.rank)
    for row in rows:
        _number(row, place)
    best, fewest = rows, crossings(rows, vertices, place)
    for sweep in range(SWEEPS):
        if not fewest:
            break
        downwards = sweep % 2 == 0
        near = vertices.up if downwards else vertices.down
        rows = [list(row) for row in rows]
        for row in rows if downwards else reversed(rows):
            wish = {v: _middle(near[v], place, place[v]) for v in row}
            row.sort(key=wish.__getitem__)
            _number(row, place)
        count = crossings(rows, vertices, place)
        if count < fewest:
            best, fewest = rows, count
    return best


def _number(row: list[int], place: list[float]) -> None:
    for k, v in enumerate(row):
        place[v] = float(k)


def _middle(near: list[tuple[int, float]], place: list[float], otherwise: float) -> float:
    if not near:
        return otherwise
    total = 0.0
    for v, shift in near:
        total += place[v] + shift * 0.001  # ports of one box keep their order
    return total / len(near)


def crossings(rows: list[list[int]], vertices: _Vertices, place: list[float]) -> int:
    """Return how many pairs of edges between neighbouring rows cross."""
    count = 0
    for row in rows:
        seen: list[float] = []
        for v in row:
            ends = sorted(place[t] for t, _ in vertices.down[v])
            for end in ends:
                count += len(seen) - bisect_right(seen, end)
            for end in ends:
                seen.insert(bisect_left(seen, end), end)
    return count


def columns(rows: list[list[int]], vertices: _Vertices) -> list[float]:
    """Return the centre of each vertex: near its neighbours, in the order of its row."""
    x = [0.0] * len(vertices.rank)
    for row in rows:
        for k in range(1, len(row)):
            x[row[k]] = x[row[k - 1]] + vertices.gap(row[k - 1], row[k])
        middle = x[row[-1]] / 2 if row else 0.0
        for v in row:
            x[v] -= middle
    for turn in range(PLACINGS):
        downwards = turn % 2 == 0
        for row in rows if downwards else reversed(rows):
            _place(row, vertices, x, downwards, turn >= PLACINGS - 2)
    return x


def _place(
    row: list[int], vertices: _Vertices, x: list[float], downwards: bool, both: bool
) -> None:
    """Move a row to where its neighbours wish, as far as order and gaps let it."""
    wishes, weights = [], []
    for v in row:
        total, weight = 0.0, 0.0
        if downwards or both:
            for u, shift in vertices.up[v]:
                w = _weight(vertices, v, u)
                total += w * (x[u] + shift)
                weight += w
        if not downwards or both:
            for t, shift in vertices.down[v]:
                w = _weight(vertices, v, t)
                total += w * (x[t] - shift)
                weight += w
        wishes.append(total / weight if weight else x[v])
        weights.append(weight if weight else 0.1)
    starts = [0.0] * len(row)
    for k in range(1, len(row)):
        starts[k] = starts[k - 1] + vertices.gap(row[k - 1], row[k])
    moved = _rising([wish - start for wish, start in zip(wishes, starts, strict=True)], weights)
    for k, v in enumerate(row):
        x[v] = moved[k] + starts[k]


def _weight(vertices: _Vertices, a: int, b: int) -> float:
    """Long edges wish to be straight more than short ones."""
    passing = (a >= vertices.real) + (b >= vertices.real)
    return (1.0, 2.0, 8.0)[passing]


def _rising(wishes: list[float], weights: list[float]) -> list[float]:
    """Return the values nearest to `wishes` that never fall (pool adjacent violators)."""
    pools: list[tuple[float, float, int]] = []
    for wish, weight in zip(wishes, weights, strict=True):
        mean, total, size = wish, weight, 1
        while pools and pools[-1][0] > mean:
            other, heavy, count = pools.pop()
            mean = (mean * total + other * heavy) / (total + heavy)
            total += heavy
            size += count
        pools.append((mean, total, size))
    return [mean for mean, _, size in pools for _ in range(size)]


def straighten(
    rows: list[list[int]],
    chains: list[list[int]],
    edges: Sequence[Edge],
    vertices: _Vertices,
    x: list[float],
) -> None:
    """Let long edges run straight down as far as their neighbours leave room, longest first."""
    left: dict[int, int] = {}
    right: dict[int, int] = {}
    for row in rows:
        for a, b in pairwise(row):
            right[a], left[b] = b, a
    for k in sorted(range(len(chains)), key=lambda k: -len(chains[k])):
        chain = chains[k]
        start, last = 1, len(chain) - 1
        while start < last:
            low, high, end = -math.inf, math.inf, start
            while end < last:
                v = chain[end]
                least = x[left[v]] + vertices.gap(left[v], v) if v in left else -math.inf
                most = x[right[v]] - vertices.gap(v, right[v]) if v in right else math.inf
                if max(low, least) > min(high, most):
                    break
                low, high, end = max(low, least), min(high, most), end + 1
            wish = x[chain[start]]
            if start == 1:
                wish = x[chain[0]] + edges[k].leaves
            elif end == last:
                wish = x[chain[last]] + edges[k].enters
            for v in chain[start:end]:
                x[v] = max(low, min(high, wish))
            start = max(end, start + 1)


def _finish(
    vertices: _Vertices,
    rows: list[list[int]],
    x: list[float],
    chains: list[list[int]],
    alone: list[int],
) -> Flat:
    """Give rows their heights, put vertices without edges beside, move all to the origin."""
    tops: list[float] = []
    bottoms: list[float] = []
    y = [0.0] * len(x)
    at = gap = 0.0
    for row in rows:
        height = max([vertices.height[v] for v in row], default=0.0)
        tops.append(at)
        bottoms.append(at + height)
        for v in row:  # what nothing follows stands near what it comes from
            y[v] = at + (height if vertices.down[v] else vertices.height[v]) / 2
        gap = _gap_below(vertices, row)
        at += height + gap
    height = max(0.0, at - gap)
    low = min([x[v] - vertices.width[v] / 2 for row in rows for v in row], default=0.0)
    high = max([x[v] + vertices.width[v] / 2 for row in rows for v in row], default=0.0)
    width, height = _shelve(alone, vertices, x, y, low, high - low, height)
    real = range(vertices.real)
    routes = [
        [(x[v] - low, tops[vertices.rank[v]], bottoms[vertices.rank[v]]) for v in chain[1:-1]]
        for chain in chains
    ]
    free = set(alone)
    span = [
        (0.0, 0.0) if v in free else (tops[vertices.rank[v]], bottoms[vertices.rank[v]])
        for v in real
    ]
    return Flat([x[v] - low for v in real], [y[v] for v in real], routes, span, width, height)


def _gap_below(vertices: _Vertices, row: list[int]) -> float:
    """Return the space under a row: more where many edges bend, less beside a border."""
    bends = sum(
        vertices.height[v] + vertices.height[t] > 0 for v in row for t, _ in vertices.down[v]
    )
    border = row and all(v < vertices.real and not vertices.height[v] for v in row)
    return GAP_PORT + min(12.0, bends) if border else GAP_Y + min(24.0, 3.0 * bends)


def _shelve(
    alone: list[int],
    vertices: _Vertices,
    x: list[float],
    y: list[float],
    low: float,
    width: float,
    height: float,
) -> tuple[float, float]:
    """Stand vertices without edges on shelves right of the rest; return the new extent."""
    if not alone:
        return width, height
    area = sum((vertices.width[v] + GAP_X) * (vertices.height[v] + GAP_X) for v in alone)
    room = min(1.5 * math.sqrt(area), 2.0 * area / height if height else math.inf)
    start = width + 2 * GAP_X if width else 0.0
    left, top, tall = 0.0, 0.0, 0.0
    for v in alone:
        if left and left + vertices.width[v] > room:
            left, top, tall = 0.0, top + tall + GAP_X, 0.0
        x[v] = low + start + left + vertices.width[v] / 2
        y[v] = top + vertices.height[v] / 2
        left += vertices.width[v] + GAP_X
        tall = max(tall, vertices.height[v])
        width = max(width, start + left - GAP_X)
    return width, max(height, top + tall)
