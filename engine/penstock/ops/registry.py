"""The table of ops: definitions, gradients, and look-up with near-miss hints.

`define_op` is one op's section: its signature in the language of `spec.py`, its shape rule,
its text and public names. `@gradient` and `no_gradient` say how it is differentiated; what
has neither is an error that names the op. Kernels are in C++, registered by op name.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, TypeAlias

from penstock import errors
from penstock.ops.spec import ArgDef, AttrDef, parse_args, parse_attrs
from penstock.shapes import Dims

ShapeFn: TypeAlias = Callable[[Any], "list[Dims]"]
GradientFn: TypeAlias = Callable[..., Any]


class OpDef:
    """What is known of an op before it is applied."""

    __slots__ = (
        "at_most",
        "attrs",
        "commutative",
        "doc",
        "exports",
        "family",
        "gradient",
        "has_input_lists",
        "inferred",
        "inputs",
        "name",
        "outputs",
        "result_type",
        "shape",
        "simple_output",
        "stateful",
    )

    def __init__(
        self,
        name: str,
        inputs: tuple[ArgDef, ...],
        outputs: tuple[ArgDef, ...],
        attrs: dict[str, AttrDef],
        shape: ShapeFn,
        stateful: bool,
        commutative: bool,
        doc: str,
        exports: str,
    ) -> None:
        self.name = name
        self.inputs = inputs
        self.outputs = outputs
        self.attrs = attrs
        self.shape = shape
        self.stateful = stateful
        self.commutative = commutative
        self.doc = doc
        self.exports = exports
        self.family = _importing_module()
        self.gradient: GradientFn | str | None = None
        self.at_most: ShapeFn | None = None
        used = [(a.type_attr, a.number_attr, a.type_list_attr) for a in inputs]
        self.inferred = frozenset(n for names in used for n in names if n is not None)
        self.has_input_lists = any([a.is_list for a in inputs])
        self.simple_output = len(outputs) == 1 and not outputs[0].is_list
        self.result_type: Any = None

    @property
    def differentiable(self) -> bool | None:
        """True with a gradient, False when declared without, None when nobody said."""
        return None if self.gradient is None else self.gradient != NO_GRADIENT

    def __repr__(self) -> str:
        """Show the op's name."""
        return f"<OpDef {self.name}>"


def _importing_module() -> str:
    """Return the name of the module whose top level is being run: the file of the family."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and frame.f_code.co_name != "<module>":
        frame = frame.f_back
    return str(frame.f_globals.get("__name__", "")) if frame is not None else ""


NO_GRADIENT = "none"
_ops: dict[str, OpDef] = {}
_named_gradients: dict[str, GradientFn | str] = {}


def define_op(
    name: str,
    inputs: str = "",
    outputs: str = "",
    attrs: str = "",
    *,
    shape: ShapeFn,
    doc: str,
    export: str = "",
    stateful: bool = False,
    commutative: bool = False,
) -> OpDef:
    """Add an op to the table.

    `inputs`, `outputs` and `attrs` are written in the language of `spec.py`. `shape` takes
    an `infer.ShapeContext` and returns the static shape of each output. `export` lists
    public names of the generated wrapper. `stateful` ops are never merged or folded.
    """
    if name in _ops:
        raise ValueError(f"op {name!r} is defined twice")
    op = OpDef(
        name,
        parse_args(inputs),
        parse_args(outputs),
        parse_attrs(attrs),
        shape,
        stateful,
        commutative,
        doc,
        export,
    )
    _ops[name] = op
    return op


def gradient(*names: str) -> Callable[[GradientFn], GradientFn]:
    """Return a decorator: the function differentiates the ops of these names.

    It is called as `fn(op, *grads)` with one gradient per output (a zero tensor where an
    output was not used, None where that output has no gradient) and returns one gradient
    per input: a tensor, an `IndexedSlices`, or None.
    """

    def record(fn: GradientFn) -> GradientFn:
        for name in names:
            _ops[name].gradient = fn
        return fn

    return record


def at_most(*names: str) -> Callable[[ShapeFn], ShapeFn]:
    """Return a decorator: the function bounds shapes that values decide, for ops of these names.

    Like a shape rule it takes a `ShapeContext`; its dimensions are as large as those of any run.
    """

    def record(fn: ShapeFn) -> ShapeFn:
        for name in names:
            _ops[name].at_most = fn
        return fn

    return record


def no_gradient(*names: str) -> None:
    """State that these ops pass no gradient to any input."""
    for name in names:
        _ops[name].gradient = NO_GRADIENT


def register_named_gradient(name: str, fn: GradientFn | str) -> None:
    """Record a user's gradient under `name` (`RegisterGradient`); each name once."""
    if name in _named_gradients or (name in _ops and _ops[name].gradient is not None):
        raise KeyError(f"a gradient for {name!r} is registered already")
    if name in _ops:
        _ops[name].gradient = fn
    else:
        _named_gradients[name] = fn


def find_gradient(op_type: str, override: str | None = None) -> GradientFn | None:
    """Return the gradient function, or None when the op passes no gradient.

    Raises `LookupError` naming the op when nobody said either.
    """
    name = override if override is not None else op_type
    found = _named_gradients.get(name)
    if found is None and name in _ops:
        found = _ops[name].gradient
    if found is None:
        raise LookupError(f"no gradient is defined for op {name!r}")
    return None if isinstance(found, str) else found


def find_op(name: str) -> OpDef:
    """Return an op's definition; `UnimplementedError` with similar names when unknown."""
    op = _ops.get(name)
    if op is None:
        close = difflib.get_close_matches(name, _ops, n=3)
        hint = f"; did you mean {' or '.join(close)}?" if close else ""
        raise errors.UnimplementedError(None, None, f"penstock has no op {name!r}{hint}")
    return op


def has_op(name: str) -> bool:
    """Return True when there is an op of that name."""
    return name in _ops


def all_ops() -> list[OpDef]:
    """Return every op, sorted by name."""
    return [_ops[name] for name in sorted(_ops)]
