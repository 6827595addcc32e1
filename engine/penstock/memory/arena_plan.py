"""A plan of the memory of a partition: one block, and where in it each value goes.

Enters: the IR of one device in its final order. Leaves: an `ArenaPlan`, or None when nothing is
worth planning. Values of unknown size, small ones, and those that leave the step (fetched, taken by
a variable, sent) are left out: the allocator serves them as ever.
"""

from __future__ import annotations

from dataclasses import dataclass

from penstock.graph.ir import IR
from penstock.memory.lifetimes import Block, Lifetimes, lifetimes
from penstock.memory.offsets import Item, Placement, aligned, improved, live_peak, place

LEAST_BYTES = 1024
"""Smaller values stay with the allocator: it is as quick, and they add nothing to speak of."""

ENOUGH = 1.02
"""A block this close to the bytes that live at once is good enough to stop looking."""


@dataclass(frozen=True)
class ArenaPlan:
    """Blocks of memory with their offsets. `live` is the most bytes that they need at once."""

    lifetimes: Lifetimes
    blocks: tuple[Block, ...]
    placement: Placement
    live: int

    @property
    def bytes(self) -> int:
        """The size of the whole."""
        return self.placement.bytes

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


def plan_arena(ir: IR, seconds: float = 0.0, least_bytes: int = LEAST_BYTES) -> ArenaPlan | None:
    """Return the plan of a partition whose nodes run in their order.

    With `seconds`, that long is spent at most on looking for a smaller block. None when no value
    of the step has a known size of `least_bytes` or more.
    """
    found = lifetimes(ir)
    blocks = tuple([b for b in found.blocks if b.kind == "step" and b.bytes >= least_bytes])
    if not blocks:
        return None
    items = [Item(b.bytes, b.first, b.last) for b in blocks]
    placement = place(items, ENOUGH)
    if seconds > 0:
        placement = improved(items, placement, seconds, tries=1_000_000)
    return ArenaPlan(found, blocks, placement, live_peak(items))
