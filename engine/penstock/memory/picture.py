"""The picture of an arena plan: time from left to right, addresses from top to bottom.

Each block is a rectangle over the nodes for which it lives, as high as its bytes.
"""

from __future__ import annotations

import html

from penstock.memory.arena_plan import ArenaPlan
from penstock.memory.offsets import aligned

_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM = 860.0, 420.0, 78.0, 30.0, 46.0
_COLORS = ("#4c78a8", "#72b7b2", "#54a24b", "#eeca3b", "#f58518", "#e45756", "#b279a2", "#9d755d")
_MARKS = (0.0, 0.25, 0.5, 0.75, 1.0)


def arena_svg(plan: ArenaPlan, title: str = "") -> str:
    """Return the picture; whoever points at a block sees what is in it."""
    nodes = plan.lifetimes.nodes
    across, down = _WIDTH / max(len(nodes), 1), _HEIGHT / plan.bytes
    caption = title or f"{plan.bytes:,} bytes for {plan.live:,} that live at once"
    width, height = _LEFT + _WIDTH + 16, _TOP + _HEIGHT + _BOTTOM
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" font-family="sans-serif" font-size="12" '
        'role="img">',
        f"<title>{html.escape(caption)}</title>",
        f'<rect width="{width:.0f}" height="{height:.0f}" fill="#ffffff"/>',
        f'<text x="{_LEFT}" y="18" fill="#333333">{html.escape(caption)}</text>',
        f'<rect x="{_LEFT}" y="{_TOP}" width="{_WIDTH}" height="{_HEIGHT}" fill="#f2f2f2"/>',
    ]
    for i, (block, offset) in enumerate(zip(plan.blocks, plan.placement.offsets, strict=True)):
        x, y = _LEFT + across * block.first, _TOP + down * offset
        wide, high = across * (block.last + 1 - block.first), down * aligned(block.bytes)
        about = f"{block.name[0]}:{block.name[1]}, {block.bytes:,} bytes, {nodes[block.first]} to"
        about += f" {nodes[block.last]}"
        parts.append(
            f'<rect x="{x:.2f}" y="{y:.2f}" width="{wide:.2f}" height="{high:.2f}" '
            f'fill="{_COLORS[i % len(_COLORS)]}" stroke="#ffffff" stroke-width="0.4">'
            f"<title>{html.escape(about)}</title></rect>"
        )
    for mark in _MARKS:
        y = _TOP + _HEIGHT * mark
        label = f"{plan.bytes * mark / 2**20:.1f} MiB"
        parts.append(
            f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end" fill="#333333">{label}</text>'
        )
    below = _TOP + _HEIGHT + 18
    parts.append(f'<text x="{_LEFT}" y="{below}" fill="#333333">first node</text>')
    parts.append(
        f'<text x="{_LEFT + _WIDTH}" y="{below}" text-anchor="end" fill="#333333">'
        f"node {len(nodes)}: time \N{RIGHTWARDS ARROW}</text>"
    )
    return "\n".join([*parts, "</svg>", ""])
