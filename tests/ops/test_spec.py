"""The language of op signatures: what it says, and that nonsense is refused at once."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

import penstock as ps
from penstock.ops.registry import define_op, find_op
from penstock.ops.spec import TYPE_SETS, AttrDef, parse_args, parse_attrs
from penstock.shapes import TensorShape


def attr(text: str) -> AttrDef:
    ((name, parsed),) = parse_attrs(text).items()
    assert parsed.name == name
    return parsed


def test_arguments() -> None:
    x, shape, values, parts, ref, texts = parse_args(
        "x: T, shape: int32, values: N*T, parts: Tparts..., ref: Ref(T), texts: N * string"
    )
    assert (x.type_attr, x.dtype, x.is_list) == ("T", None, False)
    assert (shape.type_attr, shape.dtype) == (None, ps.int32)
    assert (values.type_attr, values.number_attr, values.is_list) == ("T", "N", True)
    assert (parts.type_list_attr, parts.is_list) == ("Tparts", True)
    assert (ref.type_attr, ref.is_ref) == ("T", True)
    assert (texts.dtype, texts.number_attr) == (ps.string, "N")
    assert parse_args("") == ()


@pytest.mark.parametrize(
    ("text", "kind", "default"),
    [
        ("a: int = 3", "int", 3),
        ("a: int = -1", "int", -1),
        ("a: float = 1", "float", 1.0),
        ("a: float = 1e-3", "float", 0.001),
        ("a: bool = False", "bool", False),
        ("a: string = 'x, y'", "string", b"x, y"),
        ('a: string = ""', "string", b""),
        ("a: type = float32", "type", ps.float32),
        ("a: shape = []", "shape", TensorShape([])),
        ("a: shape = None", "shape", TensorShape(None)),
        ("a: list(int) = [1, 2]", "list(int)", [1, 2]),
        ("a: list(int) = []", "list(int)", []),
        ("a: list(type) = [int32, float32]", "list(type)", [ps.int32, ps.float32]),
        ("a: list(string) = ['a']", "list(string)", [b"a"]),
        ("a: list(shape) = [[2], []]", "list(shape)", [TensorShape([2]), TensorShape([])]),
    ],
)
def test_defaults(text: str, kind: str, default: Any) -> None:
    parsed = attr(text)
    assert parsed.kind == kind
    assert parsed.has_default
    assert parsed.default == default
    assert type(parsed.default) is type(default)


def test_bounds_and_allowed_values() -> None:
    assert attr("N: int >= 1").minimum == 1
    assert attr("N: int >= 0 = 2").default == 2
    assert attr("dims: list(int) >= 1").minimum == 1
    assert attr("p: {'SAME', 'VALID'}").allowed == (b"SAME", b"VALID")
    assert attr("T: {float32, int32}").allowed == (ps.float32, ps.int32)
    assert attr("T: {float2, bool}").allowed == (ps.float32, ps.float64, ps.bool)
    assert attr("T: number").allowed == TYPE_SETS["number"]
    assert attr("T: type").allowed is None
    assert attr("Ts: list({int32, int64})").allowed == (ps.int32, ps.int64)
    assert not attr("N: int").has_default


def test_several_attributes_keep_their_order() -> None:
    assert list(parse_attrs("T: {float32, int32}, b: string = 'a,b', c: list(int) = [1, 2]")) == [
        *("T", "b", "c")
    ]


@pytest.mark.parametrize(
    "text", ["a", "a: {float33}", "a: int = x y", "a: int > 3", "a: {'x'", "a: type = floaty"]
)
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises((ValueError, TypeError, SyntaxError)):
        parse_attrs(text)


def test_an_op_is_defined_once() -> None:
    with pytest.raises(ValueError, match="defined twice"):
        define_op("NoOp", shape=lambda ctx: [], doc="Again.")


def test_unknown_ops_get_a_hint() -> None:
    with pytest.raises(ps.errors.UnimplementedError, match="no op 'Matmul'; did you mean MatMul"):
        find_op("Matmul")
    with pytest.raises(ps.errors.UnimplementedError, match=r"no op 'Qqqq'$"):
        find_op("Qqqq")


def test_wrappers_have_signatures() -> None:
    parameters = inspect.signature(ps.raw_ops.Placeholder).parameters
    assert list(parameters) == ["dtype", "shape", "name"]
    assert parameters["name"].default is None
    assert ps.raw_ops.NoOp.__doc__ == find_op("NoOp").doc
