"""What a gradient call asks about memory, as private attributes of the nodes it adds.

Enters: the arguments `checkpoints` and `memory_budget` of `gradients`. Leaves: attributes, which
survive export and import of the graph and which the planning pass reads: `_gradients` names the
call, `_checkpoints` holds a strategy or the names of the tensors to keep, `_memory_budget` bytes.
They stand on every node of a call, as any single one may be merged or folded away.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeAlias

from penstock.graph.devices import full_name, short_name
from penstock.graph.graph import Graph
from penstock.graph.tensor import Tensor

MemoryBudget: TypeAlias = int | str | Mapping[str, int | str]
"""Bytes or a text such as "500MB", for every device, or by device."""

COLLECTION = "checkpoints"
STRATEGIES = ("speed", "memory", "collection")

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "KI": 2**10, "MI": 2**20, "GI": 2**30}
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)\s*([KMG]I?)?B?", re.IGNORECASE)


def request_attrs(
    graph: Graph, call: str, checkpoints: Any, memory_budget: MemoryBudget | None
) -> dict[str, Any]:
    """Return the attributes that mark the nodes of one gradient call, named `call`."""
    attrs: dict[str, Any] = {"_gradients": call.rstrip("/").encode()}
    if checkpoints is not None:
        attrs["_checkpoints"] = _checkpoints(graph, checkpoints)
    if memory_budget is not None:
        attrs["_memory_budget"] = _budget(memory_budget)
    return attrs


def _budget(wish: MemoryBudget) -> int | list[bytes]:
    """Return bytes, or a list of `CPU:1=4096` where devices have their own."""
    if not isinstance(wish, Mapping):
        return bytes_of(wish)
    if not wish:
        raise ValueError("memory_budget names no device")
    return [
        f"{short_name(full_name(device))}={bytes_of(amount)}".encode()
        for device, amount in sorted(wish.items())
    ]


def _checkpoints(graph: Graph, checkpoints: Any) -> bytes | list[bytes]:
    if isinstance(checkpoints, str):
        if checkpoints not in STRATEGIES:
            known = ", ".join(map(repr, STRATEGIES))
            raise ValueError(f"checkpoints is {known} or a list of tensors, not {checkpoints!r}")
        if checkpoints != "collection":
            return checkpoints.encode()
        checkpoints = graph.get_collection(COLLECTION)
        if not checkpoints:
            raise ValueError(
                'checkpoints="collection" keeps the tensors of the collection "checkpoints", '
                'which is empty: fill it with add_to_collection("checkpoints", tensor)'
            )
    if not isinstance(checkpoints, (list, tuple)):
        raise TypeError(f"checkpoints is a name or a list of tensors, not {checkpoints!r}")
    names: dict[bytes, None] = {}
    for item in checkpoints:
        tensor = graph.as_graph_element(item)
        if not isinstance(tensor, Tensor):
            raise TypeError(f"checkpoints holds tensors, not {tensor!r}")
        names.update(dict.fromkeys(_same_values(tensor)))
    return list(names)


def _same_values(tensor: Tensor) -> list[bytes]:
    """Return the names of a tensor and of what it passes on: simplifying may leave only that."""
    names = [tensor.name.encode()]
    while tensor.op.type in ("Identity", "StopGradient", "PreventGradient"):
        tensor = tensor.op._inputs[0]
        names.append(tensor.name.encode())
    return names


def bytes_of(amount: int | str) -> int:
    """Return bytes of a number or of a text such as "500MB" or "1.5 GiB"."""
    if isinstance(amount, str):
        found = _AMOUNT.fullmatch(amount.strip())
        if found is None:
            raise ValueError(f'a memory budget is bytes or a text such as "500MB", not {amount!r}')
        amount = int(float(found[1]) * _UNITS[(found[2] or "").upper()])
    if isinstance(amount, bool) or not isinstance(amount, int):
        raise TypeError(f"a memory budget is a whole number of bytes, not {amount!r}")
    if amount <= 0:
        raise ValueError(f"a memory budget is a positive number of bytes, not {amount}")
    return amount
