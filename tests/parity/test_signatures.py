"""Our op table beside TensorFlow's: names, order, dtypes, kinds, bounds, defaults, statefulness.

Dtypes that penstock does not have are left out of the comparison; nothing else may differ, because
a GraphDef written by one must mean the same to the other.
"""

from __future__ import annotations

from typing import Any

import pytest

from penstock import dtypes, protos
from penstock.graph import codec
from penstock.graph.tensor_codec import decode_tensor
from penstock.ops import redraw
from penstock.ops.registry import OpDef, all_ops
from penstock.ops.spec import ArgDef, AttrDef

pytest.importorskip("tensorflow")
registry = pytest.importorskip("tensorflow.python.framework.op_def_registry")

NARROWER = {  # (op, attribute) → why we allow fewer values
    ("MaxPool", "data_format"): "NCHW_VECT_C holds quantised numbers, of which penstock has none",
    ("MaxPoolV2", "data_format"): "NCHW_VECT_C holds quantised numbers, of which penstock has none",
}
HALVES = {half(op) for op in redraw.HALVES for half in (redraw.place_op, redraw.at_op)}
OPS = [op for op in all_ops() if op.name not in HALVES]  # which only plans hold, never GraphDefs
HAVE = {d.as_datatype_enum for d in dtypes.ALL}


def our_argument(arg: ArgDef) -> dict[str, Any]:
    return {
        "name": arg.name,
        "type": arg.dtype.as_datatype_enum if arg.dtype else 0,
        "type_attr": arg.type_attr or "",
        "type_list_attr": arg.type_list_attr or "",
        "number_attr": arg.number_attr or "",
        "is_ref": arg.is_ref,
    }


def their_argument(arg: Any) -> dict[str, Any]:
    fields = ("name", "type", "type_attr", "type_list_attr", "number_attr", "is_ref")
    return {field: getattr(arg, field) for field in fields}


def our_attr(attr: AttrDef) -> dict[str, Any]:
    allowed = attr.allowed
    if allowed is not None and attr.element_kind == "type":
        allowed = tuple(d.as_datatype_enum for d in allowed)
    return {
        "kind": attr.kind,
        "minimum": attr.minimum,
        "default": render(attr.default) if attr.has_default else None,
        "allowed": None if allowed is None else frozenset(allowed),
    }


def render(value: Any) -> str:
    """Return an attribute's value as the text of its message."""
    message = protos.AttrValue()
    if value is None:  # an optional shape that is not known
        message.shape.unknown_rank = True
    else:
        codec.encode_attr(value, message)
    return written(message)


def written(message: Any) -> str:
    """Return an attribute as text; a tensor by its elements, which have two spellings."""
    if message.HasField("tensor"):
        value = decode_tensor(message.tensor)
        return f"{value.dtype} {value.tolist()}"
    return str(message)


def their_attr(attr: Any) -> dict[str, Any]:
    allowed = frozenset(attr.allowed_values.list.s) or frozenset(
        t for t in attr.allowed_values.list.type if t in HAVE
    )
    default = None
    if attr.HasField("default_value"):
        ours = protos.AttrValue.FromString(attr.default_value.SerializeToString())
        default = written(ours)
    return {
        "kind": attr.type,
        "minimum": attr.minimum if attr.has_minimum else None,
        "default": default,
        "allowed": allowed or None,
    }


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
def test_signature(op: OpDef) -> None:
    theirs = registry.get(op.name)
    assert theirs is not None, "TensorFlow has no such op"
    assert [our_argument(a) for a in op.inputs] == [their_argument(a) for a in theirs.input_arg]
    assert [our_argument(a) for a in op.outputs] == [their_argument(a) for a in theirs.output_arg]
    assert set(op.attrs) == {a.name for a in theirs.attr}
    writes = any(a.is_ref for a in op.inputs)  # there the reference itself says so
    assert op.stateful == (theirs.is_stateful or writes)


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
def test_attributes(op: OpDef) -> None:
    theirs = {a.name: their_attr(a) for a in registry.get(op.name).attr}
    for name, attr in op.attrs.items():
        ours, wanted = our_attr(attr), theirs[name]
        if (op.name, name) in NARROWER:
            assert ours["allowed"] < (wanted["allowed"] or HAVE), "the exemption is not needed"
            wanted["allowed"] = ours["allowed"]
        assert ours == wanted, name


def test_version_is_one_that_tensorflow_reads() -> None:
    tf = pytest.importorskip("tensorflow")
    assert tf.version.GRAPH_DEF_VERSION_MIN_PRODUCER <= codec.PRODUCER
