"""What the gradient calls of a run asked for, read from the marks on its nodes.

Several calls in one run are planned together: tensors to keep add up, the smallest budget counts,
and a named strategy is taken where no call lists tensors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from penstock.graph.devices import full_name
from penstock.graph.ir import IR, Endpoint


@dataclass(frozen=True)
class Request:
    """The wishes of a run.

    `keep` are the tensors to keep, None where nobody listed any; `calls` the gradient calls that
    wish something, every gradient call where only regions (`recompute_grad`) are to be repeated.
    `budget` is for every device, `budgets` are pairs (full device name, bytes).
    """

    strategy: str | None
    keep: frozenset[Endpoint] | None
    budget: int | None
    calls: frozenset[bytes]
    regions: bool
    budgets: tuple[tuple[str, int], ...] = ()

    @property
    def bounded(self) -> bool:
        """Whether there is a budget."""
        return self.budget is not None or bool(self.budgets)

    def less(self, budgets: Mapping[str, int]) -> Request:
        """Return the same with these smaller budgets of devices."""
        return replace(self, budgets=tuple(({**dict(self.budgets), **budgets}).items()))


def read_request(
    ir: IR, default: str = "", replaced: Mapping[Endpoint, Endpoint] | None = None
) -> Request | None:
    """Return what is wished, or None.

    `default` is the strategy of calls that wish nothing. A listed tensor that a pass took out is
    followed through `replaced` to the one that is read instead.
    """
    strategies: dict[str, None] = {}
    keep: dict[bytes, None] | None = None
    everywhere: list[int] = []
    budgets: dict[str, int] = {}
    asking: set[bytes] = set()
    everyone: set[bytes] = set()
    regions = False
    listed = None  # the nodes of a call share one list
    for node in ir:
        attrs = node.attrs
        if "_recompute" in attrs:
            regions = True
        if "_gradients" not in attrs:
            continue
        everyone.add(attrs["_gradients"])
        wish = attrs.get("_checkpoints")
        if isinstance(wish, bytes):
            strategies[wish.decode()] = None
        elif wish is not None and wish is not listed:
            listed, keep = wish, (keep or {}) | dict.fromkeys(wish)
        if "_memory_budget" in attrs:
            _add_budget(attrs["_memory_budget"], everywhere, budgets)
        if wish is not None or "_memory_budget" in attrs:
            asking.add(attrs["_gradients"])
    if not asking and default and everyone:
        asking, strategies = everyone, {default: None}
    if not asking and not (regions and everyone):
        return None
    kept = (
        None if keep is None else frozenset(_found(name.decode(), replaced or {}) for name in keep)
    )
    calls = frozenset(everyone if regions else asking)
    return Request(
        next(iter(sorted(strategies)), None),
        kept,
        min(everywhere, default=None),
        calls,
        regions,
        tuple(sorted(budgets.items())),
    )


def _add_budget(wish: int | list[bytes], everywhere: list[int], budgets: dict[str, int]) -> None:
    """Note the bytes for every device, or those of `CPU:1=4096` for some."""
    if isinstance(wish, int):
        everywhere.append(wish)
        return
    for item in wish:
        device, _, amount = item.decode().rpartition("=")
        name = full_name(device)
        budgets[name] = min(int(amount), budgets.get(name, int(amount)))


def _found(tensor: str, replaced: Mapping[Endpoint, Endpoint]) -> Endpoint:
    """Return where the value of a tensor, written `name:index`, is read."""
    name, _, index = tensor.rpartition(":")
    at = (name, int(index))
    while at in replaced:
        at = replaced[at]
    return at
