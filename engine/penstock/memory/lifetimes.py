"""From when to when each value of a partition needs memory, if its nodes run in their order.

Enters: the IR of one device in the order in which it runs. Leaves: `Lifetimes`: blocks of memory,
each with its bytes, its first and its last node, and the values in it. A value takes over the block
of an input that dies where it is made, or shares it, by the rules of `kernel_memory`. A node at
position p is the p-th of the IR; a block is there from the start of node `first` to the end of node
`last`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from penstock.graph.ir import IR, Endpoint, Node
from penstock.memory.kernel_memory import (
    Ask,
    KernelMemory,
    allocated,
    elementwise,
    fitting,
    from_tables,
    in_place,
    shows,
)
from penstock.simulate import Sizes

Kind: TypeAlias = Literal["step", "fetched", "handed", "unknown", "lasting"]
"""What becomes of a block.

`step`: the step makes it and lets go of it. `fetched`: it leaves with the results. `handed`: a
variable takes it, or another device. `unknown`: like `step`, but its size is not known and its
bytes a guess. `lasting`: it was there before the step (feeds, constants, variables as read).
"""


@dataclass
class Block:
    """A piece of memory with the values that are in it, in the order in which they are made."""

    values: list[Endpoint]
    bytes: int
    kind: Kind
    first: int
    last: int

    @property
    def name(self) -> Endpoint:
        """The value that the block is made for."""
        return self.values[0]


@dataclass(frozen=True)
class Lifetimes:
    """The blocks of a partition, in the order of their first nodes.

    `nodes` are the names of the nodes by position, `scratch` the bytes that a node's kernel takes
    for itself, `block_of` the number of the block of a value, `copies` (position, bytes) of what
    variables copy as they cannot take it, `before` what `KernelMemory` says, by position.
    """

    nodes: tuple[str, ...]
    blocks: tuple[Block, ...]
    scratch: tuple[int, ...]
    block_of: dict[Endpoint, int] = field(repr=False)
    copies: tuple[tuple[int, int], ...] = ()
    before: dict[int, int] = field(default_factory=dict, repr=False)

    def live(
        self, rounded: bool = True, kinds: Sequence[Kind] = ("step", "fetched", "handed")
    ) -> list[int]:
        """Return the bytes in blocks of these kinds while each node runs, without scratch.

        `rounded`: as the allocator rounds them.
        """
        change = [0] * (len(self.nodes) + 1)
        for block in self.blocks:
            if block.kind in kinds:
                size = allocated(block.bytes) if rounded else block.bytes
                change[block.first] += size
                change[block.last + 1] -= size
        level, levels = 0, []
        for delta in change[:-1]:
            level += delta
            levels.append(level)
        return levels

    def peak(self, rounded: bool = True) -> tuple[int, int]:
        """Return the most bytes, scratch included, and the position of the node that needs them."""
        levels = [a + b for a, b in zip(self.live(rounded), self.scratch, strict=True)]
        most = max(levels, default=0)
        return most, levels.index(most) if levels else -1

    def live_at(self, position: int) -> list[Block]:
        """Return the blocks of the step that are there while a node runs, the largest first."""
        there = [b for b in self.blocks if b.first <= position <= b.last and b.kind != "lasting"]
        return sorted(there, key=lambda b: -b.bytes)


_LASTING = frozenset({"Const", "_Arg", "VarHandleOp", "ReadVariableOp"})
_HANDING = {"AssignVariableOp": 1}
_FLEXIBLE = frozenset({"string", "variant"})


def lifetimes(
    ir: IR, sizes: Sizes | None = None, ask: Ask | None = None, guesses: bool = False
) -> Lifetimes:
    """Return the lifetimes of the values of a partition whose nodes run in their order.

    `sizes` are those of the static shapes if not given; a value whose shape is not known is
    `unknown`, unless `guesses` hold as well. `ask` has kernels tell what they do with memory; where
    it does not know, the tables do.
    """
    builder = _Builder(ir, sizes or Sizes(ir), ask, guesses)
    for position, node in enumerate(ir):
        builder.add(position, node)
    return builder.finish()


class _Builder:
    """The blocks while they grow, node by node."""

    def __init__(self, ir: IR, sizes: Sizes, ask: Ask | None, guesses: bool) -> None:
        self.ir, self.sizes, self.ask = ir, sizes, ask
        self.blocks: list[Block] = []
        self.block_of: dict[Endpoint, int] = {}
        self.last_read: dict[Endpoint, int] = {}
        self.reads_there: dict[Endpoint, int] = {}
        self.fetched: set[Endpoint] = set()
        self.unknown: set[Endpoint] = set()
        self.latest: list[Endpoint] = []  # by block, the value in it that is read last
        self.before_it: list[int] = []  # by block, where the others are read last
        self.scratch: list[int] = []
        self.copies: list[tuple[int, int]] = []
        self.before: dict[int, int] = {}
        for position, node in enumerate(ir):
            for e in node.inputs:
                if node.op == "_Retval":
                    self.fetched.add(e)
                elif self.last_read.get(e) == position:
                    self.reads_there[e] += 1
                else:
                    self.last_read[e], self.reads_there[e] = position, 1
            if not guesses:
                for output, dims in enumerate(node.shapes):
                    if dims is None or None in dims:
                        self.unknown.add((node.name, output))

    def add(self, position: int, node: Node) -> None:
        """Give the outputs of a node their blocks."""
        op, inputs = node.op, node.inputs
        for e in inputs:
            self.blocks[self.block_of[e]].last = position
        if op in _LASTING or not inputs:
            self.scratch.append(0)
            for output in range(len(node.dtypes)):
                self._begin(node, output, position)
            return
        if op == "_Retval":
            self._fetch(inputs)
        elif op in ("_Send", "_HostSend"):
            self._hand(inputs[0])
        elif op in _HANDING:
            self._assign(inputs[_HANDING[op]], position)
        memory = self._memory(node)
        self.scratch.append(memory.scratch)
        if memory.before:
            self.before[position] = memory.before
        if not node.dtypes:
            return
        shown = dict(shows(node, self.sizes))
        taken: set[int] = set()
        for output in range(len(node.dtypes)):
            if output in shown:
                self._join((node.name, output), self.block_of[inputs[shown[output]]])
            else:
                self._place(node, output, position, memory.in_place, taken)

    def _memory(self, node: Node) -> KernelMemory:
        """Return what the kernel does with memory besides leaving outputs."""
        if self.unknown and any(e in self.unknown for e in node.inputs):
            return KernelMemory(0, in_place(node, self.sizes))
        if self.ask is not None and not elementwise(node):
            asked = self.ask(node, self.ir, self.sizes)
            if asked is not None:
                return asked._replace(in_place=fitting(node, asked.in_place, self.sizes))
        return from_tables(node, self.sizes)

    def _place(
        self,
        node: Node,
        output: int,
        position: int,
        pairs: Sequence[tuple[int, int]],
        taken: set[int],
    ) -> None:
        if pairs and self._kind(node, output) == "step":
            for out, i in pairs:
                block = self.block_of[node.inputs[i]]
                if out == output and block not in taken and self._free(node.inputs[i], position):
                    taken.add(block)
                    self._join((node.name, output), block)
                    return
        self._begin(node, output, position)

    def _begin(self, node: Node, output: int, position: int) -> None:
        """Begin a block with an output."""
        made, kind = (node.name, output), self._kind(node, output)
        size = 0 if kind == "lasting" else self.sizes.bytes(made)
        self.block_of[made] = len(self.blocks)
        self.blocks.append(Block([made], size, kind, position, position))
        self.latest.append(made)
        self.before_it.append(-1)

    def _kind(self, node: Node, output: int) -> Kind:
        dtype = node.dtypes[output]
        if node.op in _LASTING or dtype.base_dtype.name == "resource":
            return "lasting"
        if (node.name, output) in self.unknown or dtype.name in _FLEXIBLE:
            return "unknown"
        if node.op in ("_Recv", "_HostRecv"):
            return "handed"
        return "step"

    def _join(self, value: Endpoint, block: int) -> None:
        self.block_of[value] = block
        self.blocks[block].values.append(value)
        ends = sorted((self._end(self.latest[block]), self._end(value)))
        if ends[1] != self._end(self.latest[block]):
            self.latest[block] = value
        self.before_it[block] = max(self.before_it[block], ends[0])

    def _end(self, value: Endpoint) -> int:
        return len(self.ir) if value in self.fetched else self.last_read.get(value, -1)

    def _free(self, read: Endpoint, position: int) -> bool:
        """Tell whether a node may write over this input; who sends or receives may not be alone."""
        kind = self.blocks[self.block_of[read]].kind
        return kind == "step" and self._dies_alone(read, position)

    def _dies_alone(self, read: Endpoint, position: int) -> bool:
        """Tell whether nothing else holds the block of an input when it dies at this node."""
        block = self.block_of[read]
        alone = self.latest[block] == read and self.before_it[block] < position
        return alone and self._end(read) == position and self.reads_there[read] == 1

    def _fetch(self, inputs: Sequence[Endpoint]) -> None:
        for e in inputs:
            block = self.blocks[self.block_of[e]]
            if block.kind != "lasting":
                block.kind = "fetched"

    def _assign(self, read: Endpoint, position: int) -> None:
        """Let a variable take an input that dies alone, or make a copy of one that does not."""
        block = self.blocks[self.block_of[read]]
        if block.kind == "step" and self._dies_alone(read, position):
            block.kind = "handed"
        else:
            self.copies.append((position, self.sizes.bytes(read)))

    def _hand(self, read: Endpoint) -> None:
        block = self.blocks[self.block_of[read]]
        if block.kind == "step":
            block.kind = "handed"

    def finish(self) -> Lifetimes:
        """Let what is fetched live to the end."""
        for block in self.blocks:
            if block.kind == "fetched":
                block.last = max(len(self.ir) - 1, block.last)
        nodes, scratch = tuple(self.ir.nodes), tuple(self.scratch)
        copies, blocks = tuple(self.copies), tuple(self.blocks)
        return Lifetimes(nodes, blocks, scratch, self.block_of, copies, self.before)
