"""Groups: nodes that must share a device, and the devices that every one of them can run on.

What a strategy is given. Every node of the IR is in exactly one group, most are alone in
theirs. `candidates` is never empty and stands best device first; a group with one candidate is
settled. The choice of a strategy must be one of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple


class Reason(NamedTuple):
    """Why a group is where it is: a code of `reasons.TEXTS` and what its text names."""

    code: str
    args: tuple[str, ...] = ()


class Group:
    """Nodes that share a device. Compared by identity, so it can be a key.

    `members` are names in the order of the IR; `reason` is for the strategy to set when it
    has a better one than its own name.
    """

    __slots__ = ("candidates", "members", "reason")

    def __init__(self, members: tuple[str, ...], candidates: tuple[str, ...]) -> None:
        """Take the nodes and the devices that all of them can run on."""
        self.members = members
        self.candidates = candidates
        self.reason: Reason | None = None

    def __repr__(self) -> str:
        """Show the first member and the candidates."""
        more = f" and {len(self.members) - 1} more" if len(self.members) > 1 else ""
        return f"<Group of {self.members[0]!r}{more}, {len(self.candidates)} candidates>"


class Groups:
    """All groups of an IR, in the order of their first members."""

    __slots__ = ("apart", "items", "of")

    def __init__(self, items: list[Group], apart: frozenset[str] = frozenset()) -> None:
        """Take the groups, and names of nodes that are not where their `_class` has them."""
        self.items, self.apart = items, apart
        self.of: dict[str, Group] = {name: group for group in items for name in group.members}

    def __iter__(self) -> Iterator[Group]:
        """Iterate over the groups."""
        return iter(self.items)

    def __len__(self) -> int:
        """Return how many groups there are."""
        return len(self.items)
