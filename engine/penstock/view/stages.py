"""The stages of a plan as pictures: what each pass added, changed and took away.

Enter: the IRs after each stage (the last ones may be one IR per device) and the notes of the
passes. Leaves: one picture a stage, in which nodes that the stage removed still stand, marked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np

from penstock.graph.device_spec import merge_device
from penstock.graph.ir import IR, Attr, Node
from penstock.passes.context import Note
from penstock.passes.pipeline import PIPELINE
from penstock.view.picture import Picture, bounded, picture_of, picture_of_partitions

Stage: TypeAlias = "tuple[str, IR | Mapping[str, IR]]"

ABOUT = {
    "extract": "what the fetches need of the graph, with feeds and fetches as nodes",
    **{apply.__name__: about for apply, about in PIPELINE},
    "partition": "one part per device; what crosses is sent and received",
}


def pictures_of(stages: Sequence[Stage], notes: Sequence[Note], max_nodes: int) -> list[Picture]:
    """Return a picture of each stage, marked with what it did to the one before."""
    devices = _devices(stages)
    pictures = []
    meant = _Meant(devices)
    devices = [device for device in devices if meant.by(device) == device]
    before: IR | None = None
    for name, form in stages:
        about = ABOUT.get(name, "")
        if isinstance(form, IR):
            after = bounded(meant.in_full(form), max_nodes)
            union, marks, changes = compare(before, after)
            said = {n.node: n.reason for n in notes if n.stage == name}
            remarks = {k: v for k, v in {**changes, **said}.items() if k in union}
            picture = picture_of(union, name, marks=marks, remarks=remarks, devices=devices)
            before = after
        else:
            parts = {d: bounded(part, max_nodes // len(form)) for d, part in form.items()}
            picture = picture_of_partitions(parts, name, devices=devices)
        pictures.append(picture._replace(about=about))
    return pictures


def _devices(stages: Sequence[Stage]) -> list[str]:
    """Return all full names of devices in order, so that a device keeps its colour."""
    found: set[str] = set()
    for _, form in stages:
        for part in [form] if isinstance(form, IR) else form.values():
            found.update(node.device for node in part if node.device)
        if not isinstance(form, IR):
            found.update(form)
    return sorted(found)


class _Meant:
    """Which of the plan's devices a request means, where only one fits: they share a colour."""

    def __init__(self, devices: Sequence[str]) -> None:
        self.devices = devices
        self.full: dict[str, str] = {"": ""}

    def in_full(self, ir: IR) -> IR:
        """Return `ir` with every request that one device fits replaced by that device."""
        nodes = [
            node if (device := self.by(node.device)) == node.device else node.replace(device=device)
            for node in ir
        ]
        return IR(nodes, ir.roots)

    def by(self, device: str) -> str:
        """Return the device that a request means, or the request."""
        if device not in self.full:
            fits = [d for d in self.devices if d != device and merge_device(device, d) == d]
            self.full[device] = fits[0] if len(fits) == 1 else device
        return self.full[device]


def compare(before: IR | None, after: IR) -> tuple[IR, dict[str, str], dict[str, str]]:
    """Return both IRs in one, the mark of each node that differs, and how it differs."""
    if before is None:
        return after, {}, {}
    marks: dict[str, str] = {}
    changes: dict[str, str] = {}
    for node in after:
        if node.name not in before:
            marks[node.name] = "new"
        elif node is not before[node.name] and (text := difference(before[node.name], node)):
            marks[node.name], changes[node.name] = "changed", text
    gone = [node for node in before if node.name not in after]
    marks.update((node.name, "gone") for node in gone)
    return IR([*after, *gone], after.roots), marks, changes


def difference(before: Node, after: Node) -> str:
    """Return in words what changed in a node, its device left out: colours tell that."""
    parts = []
    if before.op != after.op:
        parts.append(f"{before.op} became {after.op}")
    for k, (old, new) in enumerate(zip(before.inputs, after.inputs, strict=False)):
        if old != new:
            parts.append(f"input {k} was {old[0]}{f':{old[1]}' if old[1] else ''}")
    if len(before.inputs) != len(after.inputs):
        parts.append(f"{len(before.inputs)} inputs became {len(after.inputs)}")
    lost = [name for name in before.controls if name not in after.controls]
    added = [name for name in after.controls if name not in before.controls]
    parts += [f"no longer after {name}" for name in lost] + [f"now after {n}" for n in added]
    keys = sorted({*before.attrs, *after.attrs})
    odd = [k for k in keys if not same(before.attrs.get(k), after.attrs.get(k))]
    parts += [f"attribute {key} differs" for key in odd]
    return "; ".join(parts)


def same(a: Attr, b: Attr) -> bool:
    """Return True for equal attribute values, arrays included."""
    if a is b:
        return True
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return type(a) is type(b) and a.dtype == b.dtype and bool(np.array_equal(a, b))
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    return bool(a == b)
