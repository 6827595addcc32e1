"""What `Session.explain_memory` returns: where the memory of a run was, and what held it.

Enters a logged run (`memory_log.py`); leaves figures by device: the peak, at which node it was,
everything that was live then, and how much of each kind was live after each node.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from penstock.graph.devices import short_name
from penstock.graph.viewer import viewer
from penstock.runtime.memory_log import GROUPS, Living, Replay
from penstock.runtime.planned_memory import planned_peak
from penstock.shapes import render

if TYPE_CHECKING:
    from penstock.view.memory import MemoryPlot


_USED = 26  # letters for the last reader in a line


class LiveTensor(NamedTuple):
    """A tensor that was live at the peak; `bytes` are those of its block.

    `made_at` and `last_use` are positions in the run, -1 before its first node; `last_use` is None
    for what the run does not let go of: variables, constants, feeds, fetches.
    """

    name: str
    op: str
    dtype: str
    shape: tuple[int, ...]
    bytes: int
    group: str
    made_at: int
    last_use: int | None
    last_reader: str
    source: str

    def __str__(self) -> str:
        """Show one line."""
        made = f"#{self.made_at}" if self.made_at >= 0 else "before"
        used = "" if self.last_use is None else f"#{self.last_use} {self.last_reader}"
        used = used if len(used) <= _USED else f"{used[: _USED - 1]}…"
        what = f"{self.dtype}{render(self.shape)}  {self.op} {self.name}"
        line = f"{self.bytes:>14,}  {made:>7}  {used:<{_USED}}  {what}"
        return f"{line}  {self.source}" if self.source else line


class Moment(NamedTuple):
    """The memory of a device at one node: live when it had computed, by kind, and the peak in it.

    `ended` is what was live when its dead inputs had been dropped. Position -1 is the beginning.
    """

    position: int
    node: str
    op: str
    live: int
    peak: int
    ended: int
    groups: dict[str, int]


class DeviceMemory(NamedTuple):
    """The memory of one device in one run, in bytes.

    `at` is the position of the peak, `groups` the kinds of memory at the peak and `live` the
    tensors, largest first; `timeline` has a moment for each node of the run, on whatever device.
    `outside` is what the host's part of the run uses of other memory, such as fed arrays that were
    not copied; it is in no other figure. `planned` is the peak by the planner's rules, for CPUs.
    `limit` is 0 where there is none.
    """

    device: str
    peak: int
    at: int
    node: str
    before: int
    after: int
    planned: int | None
    limit: int
    groups: dict[str, int]
    outside: dict[str, int]
    live: tuple[LiveTensor, ...]
    timeline: tuple[Moment, ...]


class MemoryExplanation:
    """One run's memory. Print it, or look at `devices`, by short name, and `results`.

    `nodes` are the names of the nodes in the order in which they ran.
    """

    def __init__(self, replay: Replay, limits: Mapping[str, int], results: Any) -> None:
        """Read a log, given the limits of devices by full name."""
        self.results = results
        self.nodes = [record.name for record in replay.nodes]
        self.devices = _read(replay, limits)

    @property
    def peak(self) -> dict[str, int]:
        """The peak of each device in bytes."""
        return {name: device.peak for name, device in self.devices.items()}

    @property
    def timeline(self) -> dict[str, tuple[Moment, ...]]:
        """For each device a moment for each node, the beginning of the run first."""
        return {name: device.timeline for name, device in self.devices.items()}

    def live_at_peak(self, device: str = "CPU:0", group: str | None = None) -> list[LiveTensor]:
        """Return what was live at a device's peak, largest first; of one kind if `group` is given.

        Raises `KeyError` for a device that the run did not use.
        """
        return [t for t in self.devices[device].live if group in (None, t.group)]

    def plot(
        self, title: str = "this run", others: Mapping[str, MemoryExplanation] | None = None
    ) -> MemoryPlot:
        """Return a picture of the memory over the run, beside that of `others` by their titles.

        >>> x = ps.placeholder(ps.float32, [100])
        >>> with ps.Session() as sess:
        ...     plot = sess.explain_memory(ps.exp(x) * x, {x: [0.0] * 100}).plot("exp")
        >>> plot
        <MemoryPlot of 'exp': 2 nodes on 1 device>
        """
        runs = {title: self.devices, **{t: other.devices for t, other in (others or {}).items()}}
        made: MemoryPlot = viewer().MemoryPlot(runs, GROUPS)
        return made

    def __str__(self) -> str:
        """Show for each device the peak, its kinds, and the largest tensors live then."""
        return "\n\n".join(
            "\n".join(_lines(device, len(self.nodes))) for device in self.devices.values()
        )

    def __repr__(self) -> str:
        """Show the peaks."""
        peaks = ", ".join(f"{name} {peak:,} bytes" for name, peak in self.peak.items())
        return f"<MemoryExplanation of {len(self.nodes)} nodes: peak {peaks}>"

    def _repr_html_(self) -> str:
        html: str = self.plot().html(tables=True)
        return html


def _read(replay: Replay, limits: Mapping[str, int]) -> dict[str, DeviceMemory]:
    """Replay the run; return the devices by short name."""
    readers = [_Reader(replay, number) for number in range(len(replay.programs))]
    for position in replay.steps():
        for reader in readers:
            reader.look(position)
    devices = [reader.device(limits) for reader in readers]
    return {device.device: device for device in devices}


class _Reader:
    """Looks at one device while a run is replayed."""

    def __init__(self, replay: Replay, number: int) -> None:
        self.replay, self.number = replay, number
        peaks = [replay.levels(p)[number].peak for p in range(-1, len(replay.nodes))]
        self.at = peaks.index(max(peaks)) - 1
        self.moments: list[Moment] = []
        self.live: list[tuple[Living, str]] = []
        self.outside: dict[str, int] = {}

    def look(self, position: int) -> None:
        """Note the moment at which the node at `position` has computed."""
        replay, number = self.replay, self.number
        level, ended = replay.levels(position)[number], replay.ended(position)[number]
        node = replay.node(position) if position >= 0 else None
        sums = {group: size for group, size in replay.sums[number].items() if size}
        rest = level.live - sum(sums.values())
        if rest > 0:
            sums["elsewhere"] = rest
        name, op = (node.name, node.op) if node else ("", "")
        moment = Moment(position, name, op, level.live, level.peak, ended.live, sums)
        self.moments.append(moment)
        if position == self.at:
            self.live = [(v, v.group) for key, v in replay.live.items() if key[0] == number]
        if position < 0 and not number:
            for key, living in replay.live.items():
                if key[0] < 0:
                    self.outside[living.group] = self.outside.get(living.group, 0) + living.bytes

    def device(self, limits: Mapping[str, int]) -> DeviceMemory:
        """Return what was seen, once the run has been replayed to its end."""
        full = self.replay.programs[self.number].device
        peak = self.moments[self.at + 1]
        own = planned_peak(self.replay, self.number)
        groups = {**peak.groups, "scratch": peak.peak - peak.live}
        found = [_tensor(living, group) for living, group in self.live]
        return DeviceMemory(
            device=short_name(full),
            peak=peak.peak,
            at=self.at,
            node=peak.node,
            before=self.moments[0].live,
            after=self.moments[-1].ended,
            planned=None if own is None else self.moments[0].live + own,
            limit=limits.get(full, 0),
            groups={g: groups[g] for g in GROUPS if groups.get(g, 0) > 0},
            outside=self.outside,
            live=tuple(sorted(found, key=lambda t: (-t.bytes, t.made_at, t.name))),
            timeline=tuple(self.moments),
        )


_STAYS = frozenset({"parameters", "slots", "variables", "constants", "fetches"})


def _tensor(living: Living, group: str) -> LiveTensor:
    source = living.source.render() if living.source is not None else ""
    last = None if group in _STAYS else living.last_use
    return LiveTensor(
        living.name,
        living.op,
        living.dtype.name,
        living.dims,
        living.bytes,
        group,
        living.made_at,
        last,
        "" if last is None else living.last_reader,
        source,
    )


_SHOWN = 20


def _lines(device: DeviceMemory, nodes: int) -> Iterator[str]:
    """Tell about one device, a line at a time."""
    where = "before its first node"
    if device.at >= 0:
        op = device.timeline[device.at + 1].op
        where = f'at #{device.at} of {nodes} nodes, {op} "{device.node}"'
    yield f"{device.device}: peak {device.peak:,} bytes {where}"
    bound = f", limit {device.limit:,}" if device.limit else ""
    bound += f", peak as planned {device.planned:,}" if device.planned is not None else ""
    yield f"  live before the run {device.before:,}, after it {device.after:,}{bound}"
    for group, size in device.groups.items():
        yield f"{size:>14,}  {size / max(device.peak, 1):4.0%}  {group}"
    for group, size in device.outside.items():
        yield f"{size:>14,}        {group} in memory that is not the device's: fed without a copy"
    if device.live:
        yield f"{'bytes':>14}  {'made':>7}  {'last use':<{_USED}}  live at the peak, largest first"
    for tensor in device.live[:_SHOWN]:
        yield str(tensor)
    if len(device.live) > _SHOWN:
        rest = device.live[_SHOWN:]
        yield f"{sum(t.bytes for t in rest):>14,}  {len(rest)} smaller ones"
