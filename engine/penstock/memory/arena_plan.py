"""A plan of the memory of a partition: one block, and where in it each value goes.

Enters: the IR of one device in its final order. Leaves: an `ArenaPlan`, or None when nothing is
worth planning. Values of unknown size, small ones, and those that leave the step (fetched, taken by
a variable, sent) are left out: the allocator serves them as ever.
"""

from __future__ import annotations

from dataclasses import dataclass

from penstock.graph.ir import IR, Node
from penstock.memory.kernel_memory import Ask, allocated
from penstock.memory.lifetimes import Block, Lifetimes, lifetimes
from penstock.memory.offsets import Item, Placement, aligned, improved, live_peak, place
from penstock.simulate import Sizes

LEAST_BYTES = 1024
"""Smaller values stay with the allocator: it is as quick, and they add nothing to speak of."""

ENOUGH = 1.02
"""A block this close to the bytes that live at once is good enough to stop looking."""


PAGE, NO_END = 4096, 1e9

TRIES = 300
"""How many orders are tried at most when a block does not fit a budget, of few items."""

MOST_PLANS = 8
"""How many schedules are made at most until the block of one fits a budget."""

_WORK = 200_000  # items placed in all of those


@dataclass(frozen=True)
class ArenaPlan:
    """Blocks of memory with their offsets. `live` is the most bytes that they need at once.

    `beside` is the most that the run has allocated besides at any time, so far as sizes are known:
    small values, those that leave the step, what kernels take for themselves.
    """

    lifetimes: Lifetimes
    blocks: tuple[Block, ...]
    placement: Placement
    live: int
    beside: int = 0

    @property
    def bytes(self) -> int:
        """The size of the whole."""
        return self.placement.bytes

    @property
    def pages(self) -> int:
        """The bytes of the pages of the whole."""
        return -(-self.bytes // PAGE) * PAGE

    @property
    def needed(self) -> int:
        """What a run takes: whole pages, and what is beside them."""
        return self.pages + self.beside

    @property
    def ratio(self) -> float:
        """The size of the whole over the bytes that live at once: 1 is perfect."""
        return self.bytes / self.live

    def places(self) -> list[tuple[str, int, int, int]]:
        """Return (node, output, offset, bytes) of every value that gets a place."""
        pairs = zip(self.blocks, self.placement.offsets, strict=True)
        return [(*block.name, offset, aligned(block.bytes)) for block, offset in pairs]

    def __str__(self) -> str:
        """Return a table: what is where, from when to when."""
        lines = [
            f"{len(self.blocks)} blocks in {self.bytes:,} bytes, {self.ratio:.3f} of the"
            f" {self.live:,} that live at once ({self.placement.heuristic})"
        ]
        nodes = self.lifetimes.nodes
        for i in self.placement.order:
            block, offset = self.blocks[i], self.placement.offsets[i]
            more = f" and {len(block.values) - 1} more" if len(block.values) > 1 else ""
            lines.append(
                f"{offset:>12,} +{aligned(block.bytes):,}  {nodes[block.first]} to"
                f" {nodes[block.last]}: {block.name[0]}:{block.name[1]}{more}"
            )
        return "\n".join(lines)


def plan_arena(
    ir: IR,
    seconds: float = 0.0,
    least_bytes: int = LEAST_BYTES,
    room: int | None = None,
    ask: Ask | None = None,
    sizes: Sizes | None = None,
) -> ArenaPlan | None:
    """Return the plan of a partition whose nodes run in their order.

    With `seconds`, that long is spent at most on looking for a smaller block. `room` is what the
    run may take in all: a block that leaves it is improved for a while, and returned even so; what
    lies beside it is then found by asking kernels, and by guesses that `sizes` may make. None when
    no value of the step has a known size of `least_bytes` or more.
    """
    found = lifetimes(ir, sizes, ask)
    blocks = tuple([b for b in found.blocks if b.kind == "step" and b.bytes >= least_bytes])
    if not blocks:
        return None
    items = [Item(b.bytes, b.first, b.last) for b in blocks]
    placement, live = place(items, ENOUGH), live_peak(items)
    if room is None:
        if seconds > 0:
            placement = improved(items, placement, seconds, tries=1_000_000)
        return ArenaPlan(found, blocks, placement, live)
    beside = _beside(ir, found, least_bytes)
    enough = (room - beside) // PAGE * PAGE
    if live <= enough < placement.bytes:
        tries = 1_000_000 if seconds > 0 else min(TRIES, _WORK // len(items))
        placement = improved(items, placement, seconds or NO_END, tries, enough)
    return ArenaPlan(found, blocks, placement, live, beside)


def _beside(ir: IR, found: Lifetimes, least_bytes: int) -> int:
    """Return the most that a run has allocated at a time besides blocks that get a place.

    What a variable or another device takes, or a fetch, counts to the end of the run. What comes
    from another CPU is that one's.
    """
    change = [0] * (len(found.nodes) + 1)
    for block in found.blocks:
        if block.kind == "lasting":
            continue
        if block.kind == "step" and block.bytes >= least_bytes:
            continue
        if block.kind == "handed" and _from_a_cpu(ir[block.name[0]]):
            continue
        change[block.first] += allocated(block.bytes)
        if block.kind in ("step", "unknown"):
            change[block.last + 1] -= allocated(block.bytes)
    for position, size in found.copies:
        change[position] += allocated(size)
    level = most = 0
    for position, scratch in enumerate(found.scratch):
        level += change[position]
        most = max(most, level + scratch + found.before.get(position, 0))
    return most


def _from_a_cpu(node: Node) -> bool:
    return node.op in ("_Recv", "_HostRecv") and b":CPU:" in node.attrs["send_device"]
