"""A run that is stepped through, as a picture.

Enter: the partitions of the plan and a `Moment`, which says of each node whether it is done, ready
or waiting. Nodes that no kernel runs (feeds, constants, fetches) are told by what is around them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from penstock.graph.devices import short_name
from penstock.graph.ir import IR, Node
from penstock.view.picture import (
    Picture,
    merged,
    picture_of,
    picture_of_partitions,
    scopes_of,
    shorten,
)
from penstock.view.view import View

Key: TypeAlias = tuple[str, str]
"""A node of a plan: its device and its name."""
LISTED = 8
_TELLING = ("failed", "running", "ready", "waiting", "done")
"""States, the one first that tells most of several nodes."""


class Moment(NamedTuple):
    """Where a run stands between two nodes.

    `states` says waiting, ready, running, done or failed; `waits` what a waiting node lacks;
    `values` what the outputs of a node hold, in short; `live` the bytes in use on each device.
    """

    states: Mapping[Key, str]
    waits: Mapping[Key, Sequence[Key]] = {}
    values: Mapping[Key, Sequence[str]] = {}
    live: Mapping[str, int] = {}
    last: Key | None = None


def _named(key: Key) -> str:
    return f"{key[1]} on {short_name(key[0])}"


def _listed(key: Key, others: Sequence[Key]) -> str:
    """Return names, with the device of those that are elsewhere."""
    names = [name if device == key[0] else _named((device, name)) for device, name in others]
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more


def _live(moment: Moment) -> str:
    return ", ".join(f"{short_name(d)} {size_text(n)}" for d, n in moment.live.items())


def size_text(count: int) -> str:
    """Return bytes in a unit that suits them.

    >>> size_text(100), size_text(3 << 20)
    ('100 B', '3.0 MiB')
    """
    size, units = float(count), ["B", "KiB", "MiB", "GiB"]
    while size >= 1024 and len(units) > 1:
        size /= 1024
        units.pop(0)
    return f"{count} B" if units[0] == "B" else f"{size:.1f} {units[0]}"


def value_text(value: Any) -> str:
    """Return dtype, shape and what matters of a value: the few elements, or range and NaNs.

    >>> value_text(np.float32([1, 2])), value_text(np.arange(100))
    ('float32[2] = [1.0, 2.0]', 'int64[100] from 0 to 99')
    """
    array = np.asarray(value)
    text = f"{array.dtype.name}{list(array.shape)}"
    if array.dtype.kind == "f" and array.size and not np.isfinite(array).all():
        counts = (int(np.isnan(array).sum()), int(np.isinf(array).sum()))
        words = [f"{n} {word}" for n, word in zip(counts, ("NaN", "infinite"), strict=True) if n]
        return f"{text} with {' and '.join(words)}"
    if array.size <= 6 or array.dtype.kind not in "iuf":
        return shorten(f"{text} = {array.ravel()[:6].tolist()}", 100)
    low, high = array.min(), array.max()
    return f"{text} all {low:.6g}" if low == high else f"{text} from {low:.6g} to {high:.6g}"


def picture_of_moment(parts: Mapping[str, IR], moment: Moment, title: str) -> Picture:
    """Return the picture of a plan at a moment: what is done, ready, waiting, failed."""
    if len(parts) == 1:
        picture = picture_of(next(iter(parts.values())), title)
    else:
        picture = picture_of_partitions(parts, title)
    keys = [(device, node.name) for device, ir in parts.items() for node in ir]
    marks = tuple(
        _state(key, node, parts, moment) for key, node in zip(keys, _nodes(parts), strict=True)
    )
    remarks = {
        node.name: text
        for key, node in zip(keys, picture.nodes, strict=True)
        if (text := _remark(key, moment))
    }
    about = f"live memory: {_live(moment)}" if moment.live else ""
    if moment.last is not None:
        about = "; ".join(filter(None, (f"after {_named(moment.last)}", about)))
    return picture._replace(marks=marks, remarks=remarks, about=about)


def _nodes(parts: Mapping[str, IR]) -> list[Node]:
    return [node for ir in parts.values() for node in ir]


def _state(key: Key, node: Node, parts: Mapping[str, IR], moment: Moment) -> str:
    """Return the state of a node; of one that is not run, whether its inputs are there."""
    if key in moment.states:
        return moment.states[key]
    ir = parts[key[0]]
    inputs = [_state((key[0], n), ir[n], parts, moment) for n, _ in node.inputs if n in ir]
    return "done" if all(state == "done" for state in inputs) else "waiting"


def _remark(key: Key, moment: Moment) -> str:
    if moment.waits.get(key):
        return f"waits for {_listed(key, moment.waits[key])}"
    return "; ".join(moment.values.get(key, ()))


def _collapsed(
    parts: Mapping[str, IR], moment: Moment, max_nodes: int
) -> tuple[dict[str, IR], Moment]:
    """Return a large plan by its scopes, each in the state that tells most of its nodes."""
    small: dict[str, IR] = {}
    states: dict[Key, str] = {}
    counts: dict[Key, list[str]] = {}
    last = moment.last
    for device, ir in parts.items():
        group = scopes_of(ir, max_nodes // len(parts))
        inside: dict[str, list[str]] = {}
        for node in ir:
            state = _state((device, node.name), node, parts, moment)
            inside.setdefault(group[node.name], []).append(state)
        small[device] = merged(ir, group)
        for name, found in inside.items():
            states[device, name] = next((s for s in _TELLING if s in found), found[0])
            if len(found) > 1:
                counts[device, name] = [f"{found.count('done')} of {len(found)} done"]
        if last is not None and last[0] == device and last[1] in group:
            last = device, group[last[1]]
    return small, Moment(states, {}, counts, moment.live, last)


def view_moment(
    parts: Mapping[str, IR], moment: Moment, title: str = "a run", max_nodes: int = 2000
) -> View:
    """Return the view of a plan at a moment of its run, by scopes where it has more nodes."""
    if sum(map(len, parts.values())) > max_nodes:
        small, seen = _collapsed(parts, moment, max_nodes)
        return View(title, [picture_of_moment(small, seen, title)])
    return View(title, [picture_of_moment(parts, moment, title)])
