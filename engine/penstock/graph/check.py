"""Structure of a well-formed IR and of well-formed partitions, and the report when they are not.

Holds for every IR between passes: each node stands under its own name after all it waits
for, reads outputs that exist, and the roots are there. Partitions moreover fit together at
their sends and receives. A failure shows the neighbourhood.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn

from penstock import errors
from penstock.graph.devices import short_name
from penstock.graph.ir import IR, Endpoint, Node
from penstock.graph.transfers import RECVS, SENDS, Key, key_of


def check_ir(ir: IR, stage: str) -> None:
    """Raise `InternalError`, naming the stage, unless `ir` is well formed."""
    seen: dict[str, Node] = {}
    for name, node in ir.nodes.items():
        problem = _problem(name, node, seen)
        if problem:
            raise errors.InternalError(None, None, _report(ir, stage, node, problem))
        seen[name] = node
    for root in ir.roots:
        if root not in seen:
            raise errors.InternalError(
                None, None, f'bug in penstock: after {stage}: root "{root}" is missing'
            )


def _problem(name: str, node: Node, seen: dict[str, Node]) -> str | None:
    if node.name != name:
        return f'is filed under "{name}"'
    if len(node.dtypes) != len(node.shapes):
        return f"has {len(node.dtypes)} dtypes and {len(node.shapes)} shapes"
    for producer, index in node.inputs:
        if producer not in seen:
            return f'reads "{producer}", which does not stand before it'
        if not 0 <= index < len(seen[producer].dtypes):
            return f'reads output {index} of "{producer}", which has {len(seen[producer].dtypes)}'
    for control in node.controls:
        if control not in seen:
            return f'waits for "{control}", which does not stand before it'
    return None


def _report(ir: IR, stage: str, node: Node, problem: str) -> str:
    names = list(ir.nodes)
    at = names.index(node.name) if node.name in ir.nodes else 0
    around = "\n".join(
        ("> " if i == at else "  ") + str(ir.nodes[names[i]])
        for i in range(max(0, at - 5), min(len(names), at + 6))
    )
    return f'bug in penstock: after {stage}: node "{node.name}" {problem}\n{around}'


def check_partitions(parts: Mapping[str, IR], stage: str) -> None:
    """Raise `InternalError`, naming the stage, unless `parts` (by device) fit together.

    Each is well formed and holds nodes of its device only; every send has one receive with the
    same key and dtype; a tensor goes to a destination and memory once; no handle travels; and
    running each partition in its order never waits in a circle.
    """
    owners: dict[str, str] = {}
    for device, part in parts.items():
        check_ir(part, f"{stage} {short_name(device)}")
        for node in part:
            if node.device != device:
                _refuse(part, stage, node, f"stands in the partition of {short_name(device)}")
            if owners.setdefault(node.name, device) != device:
                _refuse(part, stage, node, f"stands on {short_name(owners[node.name])} as well")
    _check_pairs(parts, stage)
    _check_progress(parts, stage)


def _check_pairs(parts: Mapping[str, IR], stage: str) -> None:
    sends: dict[Key, Node] = {}
    recvs: dict[Key, Node] = {}
    for device, part in parts.items():
        for node in part:
            if node.op in SENDS or node.op in RECVS:
                key = key_of(node)
                here, ends = (
                    (key.send_device, sends) if node.op in SENDS else (key.recv_device, recvs)
                )
                if here != device:
                    _refuse(part, stage, node, f"stands on {short_name(device)}, says {here}")
                if ends.setdefault(key, node) is not node:
                    _refuse(part, stage, node, f'has the key of "{ends[key].name}"')
    moved: dict[tuple[str, Endpoint, str, str], Node] = {}
    for key, send in sends.items():
        part, recv = parts[key.send_device], recvs.pop(key, None)
        if recv is None:
            _refuse(part, stage, send, "has no receive")
        dtype = part[send.inputs[0][0]].dtypes[send.inputs[0][1]]
        if not send.attrs["T"] is recv.attrs["tensor_type"] is recv.dtypes[0] is dtype:
            _refuse(part, stage, send, f"sends {dtype.name}, received as {recv}")
        if dtype._kind in "rv":
            _refuse(part, stage, send, "sends a handle")
        one = moved.setdefault((send.device, send.inputs[0], recv.device, recv.op), send)
        if one is not send:
            _refuse(part, stage, send, f'sends what "{one.name}" sends already')
    for key, recv in recvs.items():
        _refuse(parts[key.recv_device], stage, recv, "has no send")


def _check_progress(parts: Mapping[str, IR], stage: str) -> None:
    """Walk all partitions in their orders, each stopping at a receive until it is sent."""
    sent: set[Key] = set()
    waiting: dict[Key, str] = {}  # what the walk of a partition stopped at
    walks = {device: iter(part) for device, part in parts.items()}
    ready = list(walks)
    while ready:
        device = ready.pop()
        for node in walks[device]:
            if node.op in SENDS:
                key = key_of(node)
                sent.add(key)
                if key in waiting:
                    ready.append(waiting.pop(key))
            elif node.op in RECVS and key_of(node) not in sent:
                waiting[key_of(node)] = device
                break
    if waiting:
        key, device = next(iter(waiting.items()))
        recv = next(n for n in parts[device] if n.op in RECVS and key_of(n) == key)
        _refuse(parts[device], stage, recv, "waits in a circle with other partitions")


def _refuse(part: IR, stage: str, node: Node, problem: str) -> NoReturn:
    raise errors.InternalError(None, None, _report(part, stage, node, problem))
