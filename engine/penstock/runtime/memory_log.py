"""What a logged run recorded → who held which block of memory at each node.

Enters what `_native.Program.run_logged` left: the levels and holdings of each device at the run's
beginning and at each node, and which values each node was the last to need. `Replay` goes through
it once more, node by node. A block is live as long as somebody holds it: a value of the run, a
variable, a constant, a feed, or a transfer that is under way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from penstock.dtypes import DType, as_dtype
from penstock.graph.ir import IR, Node
from penstock.graph.source import Source
from penstock.simulate.work import VIEWS

GROUPS = (
    "elsewhere",
    "parameters",
    "slots",
    "variables",
    "constants",
    "feeds",
    "fetches",
    "activations",
    "recomputed",
    "scratch",
)
"""Kinds of memory, in the order in which they are stacked."""

Key: TypeAlias = tuple[int, int]  # device and block
Holder: TypeAlias = tuple[Any, ...]  # ("slot", program, slot), ("variable", ...), ("channel", ...)

_SENDS = frozenset({"_Send", "_HostSend"})
_RECEIVES = frozenset({"_Recv", "_HostRecv"})


class Holding(NamedTuple):
    """A tensor in a block. `owner` is a slot or a variable's name; device -1 is nobody's here."""

    owner: Any
    block: int
    bytes: int
    device: int
    dtype: int
    dims: tuple[int, ...]

    @property
    def key(self) -> Key:
        """Which block it is."""
        return self.device, self.block


class Level(NamedTuple):
    """The bytes live on a device, and the most there were since the level before."""

    live: int
    peak: int


class NodeRecord(NamedTuple):
    """What one node did to memory; `computed` and `ended` have a level for each device."""

    program: int
    name: str
    outputs: list[Any]
    variables: list[Any]
    dead: list[int]
    computed: list[Any]
    ended: list[Any]


class ProgramRecord(NamedTuple):
    """One device's part of the run, and what it held when the run began."""

    device: str
    slots: list[tuple[str, int]]
    fetches: list[int]
    feeds: list[Any]
    constants: list[Any]
    variables: list[Any]


@dataclass
class Living:
    """A block that is live: the tensor in it, when that was made and read last, who holds it."""

    name: str
    op: str
    dtype: DType
    dims: tuple[int, ...]
    bytes: int
    made_at: int
    source: Source | None
    recomputed: bool = False
    last_use: int = -1
    last_reader: str = ""
    group: str = ""
    holders: set[Holder] = field(default_factory=set)


class Replay:
    """The log of a run, read once more.

    `steps` yields the position of each node when it has computed, before its dead inputs are
    dropped; -1 is the beginning of the run. In between, `live` and `sums` are those of that moment.
    """

    def __init__(
        self, log: tuple[Any, Any, Any], partitions: Mapping[str, IR], roles: Mapping[str, str]
    ) -> None:
        """Take a log, the plan's IRs by device, and the groups of variables by name."""
        first, programs, nodes = log
        self.first = [Level(*level) for level in first]
        self.programs = [ProgramRecord(*program) for program in programs]
        self.nodes = [NodeRecord(*node) for node in nodes]
        self.irs = [partitions[p.device] for p in self.programs]
        self.live: dict[Key, Living] = {}
        self.sums: list[dict[str, int]] = [{} for _ in self.programs]
        self._roles = roles
        self._held: dict[Holder, Key] = {}
        self._slots = [_slot_numbers(p, ir) for p, ir in zip(self.programs, self.irs, strict=True)]
        self._fetched = set(self.programs[0].fetches)

    def steps(self) -> Iterator[int]:
        """Yield -1, then the position of each node, as they computed."""
        self._begin()
        yield -1
        for position, record in enumerate(self.nodes):
            self._compute(position, record)
            yield position
            for slot in record.dead:
                self._release(("slot", record.program, slot))

    def levels(self, position: int) -> Sequence[Level]:
        """Return the level of each device when the node at that position had computed."""
        if position < 0:
            return self.first
        return [Level(*level) for level in self.nodes[position].computed]

    def ended(self, position: int) -> Sequence[Level]:
        """Return the level of each device when that node had dropped its dead inputs."""
        if position < 0:
            return self.first
        return [Level(*level) for level in self.nodes[position].ended]

    def node(self, position: int) -> Node:
        """Return the node at that position."""
        record = self.nodes[position]
        return self.irs[record.program].nodes[record.name]

    def _begin(self) -> None:
        for number, (program, ir) in enumerate(zip(self.programs, self.irs, strict=True)):
            for variable in map(_holding, program.variables):
                holder = ("variable", number, variable.owner)
                handle = ir.nodes.get(variable.owner)
                source = handle.source if handle is not None else None
                self._hold(holder, variable, f'"{variable.owner}"', "variable", -1, source)
            for held in map(_holding, program.constants):
                name = program.slots[held.owner][0]
                source = ir.nodes[name].source if name in ir.nodes else None
                self._hold(("constant", number, held.owner), held, name, "Const", -1, source)
            for held in map(_holding, program.feeds):
                name = program.slots[held.owner][0]
                self._hold(("slot", number, held.owner), held, name, "fed", -1, None)

    def _compute(self, position: int, record: NodeRecord) -> None:
        node = self.irs[record.program].nodes[record.name]
        self._note_reads(position, record.program, node)
        for held in map(_holding, record.outputs):
            _, output = self.programs[record.program].slots[held.owner]
            name = f"{node.name}:{output}" if len(node.dtypes) > 1 else node.name
            holder = ("slot", record.program, held.owner)
            self._hold(holder, held, name, node.op, position, node.source)
            if "_recomputed" in node.attrs:
                self.live[held.key].recomputed = True
                self._regroup(held.key)
        for held in map(_holding, record.variables):
            holder = ("variable", record.program, held.owner)
            if self._held.get(holder) != held.key:
                self._release(holder)
                self._hold(holder, held, f'"{held.owner}"', "variable", position, node.source)
        self._note_transfer(record, node)

    def _note_reads(self, position: int, program: int, node: Node) -> None:
        for endpoint in node.inputs:
            slot = self._slots[program].get(endpoint, -1)
            key = self._held.get(("slot", program, slot)) or self._held.get(
                ("constant", program, slot)
            )
            if key is not None and key in self.live:
                self.live[key].last_use = position
                self.live[key].last_reader = node.name

    def _note_transfer(self, record: NodeRecord, node: Node) -> None:
        """Let the transfer hold what was sent until it is received."""
        if node.op in _SENDS:
            slot = self._slots[record.program].get(node.inputs[0], -1)
            key = self._held.get(("slot", record.program, slot))
            if key is not None:
                self._held[_channel(node)] = key
                self.live[key].holders.add(_channel(node))
        elif node.op in _RECEIVES:
            self._release(_channel(node))

    def _hold(
        self, holder: Holder, held: Holding, name: str, op: str, at: int, source: Source | None
    ) -> None:
        """Let `holder` hold a block, which gets that name if it is new or was written over."""
        living = self.live.get(held.key)
        if living is None or (op != "variable" and op not in VIEWS and op not in _RECEIVES):
            old = living
            living = self.live[held.key] = Living(
                name, op, as_dtype(held.dtype), held.dims, held.bytes, at, source
            )
            if old is not None:
                self._leave_group(held.key, old)
                living.holders = old.holders
        living.holders.add(holder)
        self._held[holder] = held.key
        self._regroup(held.key)

    def _release(self, holder: Holder) -> None:
        key = self._held.pop(holder, None)
        living = self.live.get(key) if key is not None else None
        if key is None or living is None:
            return
        living.holders.discard(holder)
        if living.holders:
            self._regroup(key)
        else:
            self._leave_group(key, living)
            del self.live[key]

    def _regroup(self, key: Key) -> None:
        living = self.live[key]
        group = self._group_of(living)
        if group != living.group:
            self._leave_group(key, living)
            living.group = group
            if key[0] >= 0:
                sums = self.sums[key[0]]
                sums[group] = sums.get(group, 0) + living.bytes

    def _leave_group(self, key: Key, living: Living) -> None:
        if living.group and key[0] >= 0:
            self.sums[key[0]][living.group] -= living.bytes
        living.group = ""

    def _group_of(self, living: Living) -> str:
        kinds = {holder[0]: holder for holder in living.holders}
        if "variable" in kinds:
            return self._roles.get(kinds["variable"][2], "variables")
        if "constant" in kinds:
            return "constants"
        if living.op == "fed":
            return "feeds"
        if any(h[0] == "slot" and h[1] == 0 and h[2] in self._fetched for h in living.holders):
            return "fetches"
        return "recomputed" if living.recomputed else "activations"


def _holding(record: Any) -> Holding:
    return Holding(*record)


def _channel(node: Node) -> Holder:
    attrs = node.attrs
    return "channel", attrs["send_device"], attrs["recv_device"], attrs["tensor_name"]


def _slot_numbers(program: ProgramRecord, ir: IR) -> dict[tuple[str, int], int]:
    """Return the slots by (node, output), as the IR names the nodes."""
    numbers = {place: slot for slot, place in enumerate(program.slots)}
    for node in ir:
        if node.op == "_Arg":
            fed = node.attrs["_fed"].decode()
            numbers[node.name, 0] = numbers.get((fed, 0), -1)
    return numbers
