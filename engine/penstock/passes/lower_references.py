"""lower_references: reference variables of imported graphs become resource variables.

A reference edge stands for a variable itself, not for a value. Here it becomes the handle
of a `VarHandleOp` plus, where an op such as `Assign` passed the reference on, a control edge
to that op. An op that updates through a reference becomes its resource twin; any other
reader gets a `ReadVariableOp` of its own that waits for whatever the reader waits for, so it
reads when the reader would have. The runtime thus knows one kind of variable only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from penstock import dtypes, errors
from penstock.graph.ir import IR, Endpoint, Node
from penstock.passes.context import PassContext

_VARIABLES = {"VariableV2", "Variable"}


class _Twin(NamedTuple):
    """The resource op of a reference op: how many leading handles, renamed attributes."""

    op: str
    handles: int = 1
    attrs: Mapping[str, str] = {}


_SCATTER = {"T": "dtype", "Tindices": "Tindices"}

TWINS: dict[str, _Twin] = {
    "Assign": _Twin("AssignVariableOp", 1, {"T": "dtype", "validate_shape": "validate_shape"}),
    "AssignAdd": _Twin("AssignAddVariableOp", 1, {"T": "dtype"}),
    "AssignSub": _Twin("AssignSubVariableOp", 1, {"T": "dtype"}),
    "ScatterAdd": _Twin("ResourceScatterAdd", 1, _SCATTER),
    "ScatterSub": _Twin("ResourceScatterSub", 1, _SCATTER),
    "ScatterUpdate": _Twin("ResourceScatterUpdate", 1, _SCATTER),
    "ScatterMul": _Twin("ResourceScatterMul", 1, _SCATTER),
    "ScatterDiv": _Twin("ResourceScatterDiv", 1, _SCATTER),
    "ScatterMin": _Twin("ResourceScatterMin", 1, _SCATTER),
    "ScatterMax": _Twin("ResourceScatterMax", 1, _SCATTER),
    "ScatterNdUpdate": _Twin("ResourceScatterNdUpdate", 1),
    "ScatterNdAdd": _Twin("ResourceScatterNdAdd", 1),
    "ScatterNdSub": _Twin("ResourceScatterNdSub", 1),
    "StridedSliceAssign": _Twin("ResourceStridedSliceAssign", 1),
    "CountUpTo": _Twin("ResourceCountUpTo", 1),
    "IsVariableInitialized": _Twin("VarIsInitializedOp", 1),
}

# Optimizer updates: the weight and its slots come first, and the twin is called Resource….
_UPDATES = {
    "ApplyGradientDescent": 1,
    "ApplyMomentum": 2,
    "ApplyAdagrad": 2,
    "ApplyAdagradV2": 2,
    "ApplyAdam": 3,
    "ApplyRMSProp": 3,
    "ApplyCenteredRMSProp": 4,
    "ApplyAdadelta": 3,
    "ApplyFtrl": 3,
    "ApplyFtrlV2": 3,
    "ApplyProximalGradientDescent": 1,
    "ApplyProximalAdagrad": 2,
    "ApplyAdagradDA": 3,
    "SparseApplyMomentum": 2,
    "SparseApplyAdagrad": 2,
    "SparseApplyRMSProp": 3,
    "SparseApplyCenteredRMSProp": 4,
    "SparseApplyAdadelta": 3,
    "SparseApplyFtrl": 3,
    "SparseApplyFtrlV2": 3,
    "SparseApplyProximalGradientDescent": 1,
    "SparseApplyProximalAdagrad": 2,
    "SparseApplyAdagradDA": 3,
}
TWINS.update({name: _Twin(f"Resource{name}", count) for name, count in _UPDATES.items()})


def lower_references(ir: IR, ctx: PassContext) -> IR:
    """Return `ir` without reference dtypes (unchanged when it has none)."""
    if not any(d.is_ref for node in ir for d in node.dtypes):
        return ir
    lowering = _Lowering(ir)
    for node in ir:
        for new in lowering.lower(node):
            lowering.nodes[new.name] = new
        if node.op in _VARIABLES or node.op in TWINS:
            ctx.log.note("replaced", node.name, f"{node.op} on a reference")
    return IR(lowering.nodes, ir.roots)


class _Reference(NamedTuple):
    """What stands for a reference: the variable's handle, and what to wait for first."""

    handle: Endpoint
    after: str | None


class _Lowering:
    def __init__(self, ir: IR) -> None:
        self.ir = ir
        self.nodes: dict[str, Node] = {}
        self.references: dict[Endpoint, _Reference] = {}

    def lower(self, node: Node) -> list[Node]:
        """Return the nodes that replace `node`."""
        if node.op in _VARIABLES:
            return [self._variable(node)]
        used = [i for i, e in enumerate(node.inputs) if e in self.references]
        if node.op in TWINS and used:
            return self._twin(node, TWINS[node.op])
        if node.op == "RefIdentity" and used:
            return [self._alias(node)]
        if node.op == "TemporaryVariable":
            self.references[node.name, 0] = _Reference((node.name, 0), None)
            return [node._replace(dtypes=(dtypes.resource,), shapes=((),))]
        if node.op in ("Identity", "DestroyTemporaryVariable") and used:
            return [self._read(node, node.name, node.inputs[0], node.shapes[0])]
        return self._with_reads(node, used)

    def _variable(self, node: Node) -> Node:
        attrs = node.attrs
        self.references[node.name, 0] = _Reference((node.name, 0), None)
        return node._replace(
            op="VarHandleOp",
            attrs={
                "dtype": attrs["dtype"],
                "shape": attrs["shape"],
                "container": attrs.get("container", b""),
                "shared_name": attrs.get("shared_name") or node.name.encode(),
                **_private(attrs),
            },
            dtypes=(dtypes.resource,),
            shapes=((),),
        )

    def _twin(self, node: Node, twin: _Twin) -> list[Node]:
        head = [self.references.get(e) for e in node.inputs[: twin.handles]]
        if any(r is None for r in head):
            raise errors.InvalidArgumentError(
                None, None, f'node "{node.name}" ({node.op}) needs references to variables'
            )
        references = [r for r in head if r is not None]
        waits = self._waits(node, references)
        reads, rest = self._read_inputs(node, range(twin.handles, len(node.inputs)))
        renamed = {new: node.attrs[old] for old, new in twin.attrs.items() if old in node.attrs}
        attrs = {**(renamed if twin.attrs else node.attrs), **_private(node.attrs)}
        if attrs.get("validate_shape"):
            attrs["_declared"] = self.nodes[references[0].handle[0]].attrs["shape"]
        passes_on = bool(node.dtypes) and node.dtypes[0].is_ref
        if passes_on:
            self.references[node.name, 0] = _Reference(references[0].handle, node.name)
        new = node._replace(
            op=twin.op,
            inputs=(*[r.handle for r in references], *rest),
            controls=waits,
            attrs=attrs,
            dtypes=() if passes_on else node.dtypes,
            shapes=() if passes_on else node.shapes,
        )
        return [*reads, new]

    def _alias(self, node: Node) -> Node:
        reference = self.references[node.inputs[0]]
        self.references[node.name, 0] = _Reference(reference.handle, node.name)
        return node._replace(
            op="NoOp",
            inputs=(),
            controls=self._waits(node, [reference]),
            attrs={},
            dtypes=(),
            shapes=(),
        )

    def _with_reads(self, node: Node, used: list[int]) -> list[Node]:
        if not used:
            return [node]
        if node.op in ("RefSwitch", "RefMerge", "RefEnter", "RefExit", "RefNextIteration"):
            raise errors.UnimplementedError(
                None, None, f'node "{node.name}": {node.op} on reference variables'
            )
        reads, inputs = self._read_inputs(node, range(len(node.inputs)))
        plain = tuple([d.base_dtype for d in node.dtypes])
        return [*reads, node._replace(inputs=tuple(inputs), dtypes=plain)]

    def _read_inputs(self, node: Node, indices: range) -> tuple[list[Node], list[Endpoint]]:
        reads, inputs = [], []
        for i in indices:
            endpoint = node.inputs[i]
            if endpoint in self.references:
                producer = self.ir[endpoint[0]]
                # A fetch has no name that the user knows; what it fetches has.
                name = endpoint[0] if node.op == "_Retval" else node.name
                name += f"/_read_{node.attrs['index'] if node.op == '_Retval' else i}"
                asking = node._replace(source=node.source or producer.source)
                read = self._read(asking, name, endpoint, producer.shapes[endpoint[1]])
                reads.append(read._replace(controls=self._after_inputs(node, read.controls)))
                endpoint = (name, 0)
            inputs.append(endpoint)
        return reads, inputs

    def _read(self, node: Node, name: str, endpoint: Endpoint, dims: Any) -> Node:
        reference = self.references[endpoint]
        dtype = self.ir[endpoint[0]].dtypes[endpoint[1]].base_dtype
        return Node(
            name,
            "ReadVariableOp",
            (reference.handle,),
            self._waits(node, [reference]),
            {"dtype": dtype, **_private(node.attrs)},
            node.device,
            (dtype,),
            (dims,),
            node.source,
        )

    def _after_inputs(self, node: Node, waits: tuple[str, ...]) -> tuple[str, ...]:
        """Return `waits` and the producers of the node's values: it reads when it runs."""
        producers = [name for name, i in node.inputs if (name, i) not in self.references]
        values = [p for p in producers if self.nodes[p].op != "_Arg" and not self._is_free(p)]
        return tuple(dict.fromkeys([*waits, *values]))

    def _is_free(self, name: str) -> bool:
        node = self.nodes[name]
        return node.op == "Const" and not node.controls

    def _waits(self, node: Node, references: list[_Reference]) -> tuple[str, ...]:
        after = [r.after for r in references if r.after is not None]
        return tuple(dict.fromkeys([*node.controls, *after]))


def _private(attrs: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in attrs.items() if k.startswith("_")}
