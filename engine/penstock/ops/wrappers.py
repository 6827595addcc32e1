"""OpDef → Python function, with a signature, a docstring and types.

`raw.MatMul(a, b, transpose_a=True)` applies any op: inputs in order, attributes by name
(those that inputs determine are left out), then `name`. Gradient functions and composed
functions use it. Ops with an `export` get the same function under their public names.
"""

from __future__ import annotations

import collections
from collections.abc import Callable
from typing import Any

from penstock.exports import export_value
from penstock.graph.tensor import Operation
from penstock.ops.apply import apply_op
from penstock.ops.infer import arg_dtypes
from penstock.ops.registry import OpDef, all_ops, find_op
from penstock.ops.spec import ArgDef, AttrDef

_KEYWORDS = {"lambda": "lambda_", "is": "is_", "from": "from_"}
_code_cache: dict[str, Any] = {}


class _Raw:
    """Every op as a function, made on first use."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("__"):
            raise AttributeError(name)
        fn = make_wrapper(find_op(name))
        setattr(self, name, fn)
        return fn


raw = _Raw()


def parameters(op: OpDef) -> tuple[list[str], list[AttrDef], list[AttrDef]]:
    """Return the names of the inputs, the required and the optional attributes."""
    free = [a for a in op.attrs.values() if a.name not in op.inferred]
    required = [a for a in free if not a.has_default]
    optional = [a for a in free if a.has_default]
    return [a.name for a in op.inputs], required, optional


def make_wrapper(op: OpDef) -> Callable[..., Any]:
    """Return the Python function of an op."""
    inputs, required, optional = parameters(op)
    names = [*inputs, *(a.name for a in required), *(a.name for a in optional)]
    safe = [_KEYWORDS.get(n, n) for n in names]
    first = len(inputs)
    count = len(inputs) + len(required)
    signature = ", ".join([*safe[:count], *(f"{n}=None" for n in safe[count:]), "name=None"])
    tuple_text = "(" + "".join(n + ", " for n in safe[:first]) + ")"
    dict_text = (
        "{"
        + ", ".join(f"{n!r}: {s}" for n, s in zip(names[first:], safe[first:], strict=True))
        + "}"
    )
    text = (
        f"def wrapper({signature}):\n"
        f"    return finish(op, apply_op(op, {tuple_text}, {dict_text}, name))\n"
    )
    code = _code_cache.get(text)
    if code is None:
        code = _code_cache[text] = compile(text, "<penstock wrapper>", "exec")
    scope: dict[str, Any] = {"apply_op": apply_op, "op": op, "finish": _FINISH[_kind(op)]}
    exec(code, scope)
    fn: Callable[..., Any] = scope["wrapper"]
    fn.__name__ = op.exports.split()[0].rpartition(".")[2] if op.exports else op.name
    fn.__qualname__ = fn.__name__
    fn.__module__ = "penstock.ops.wrappers"
    fn.__doc__ = op.doc
    fn.__defaults__ = (*[a.default for a in optional], None)
    return fn


def _kind(op: OpDef) -> str:
    if not op.outputs:
        return "operation"
    if op.simple_output:
        return "tensor"
    return "list" if len(op.outputs) == 1 else "tuple"


def _finish_tuple(op: OpDef, operation: Operation) -> Any:
    if op.result_type is None:
        fields = [a.name for a in op.outputs]
        make: Any = collections.namedtuple
        op.result_type = make(op.name, fields)
    return op.result_type(*group_outputs(op.outputs, operation))


def group_outputs(args: tuple[ArgDef, ...], operation: Operation) -> list[Any]:
    """Return the outputs as the definition groups them: a tensor or a list for each."""
    groups: list[Any] = []
    position = 0
    for arg in args:
        count = len(arg_dtypes(arg, operation._attrs))
        part = operation._outputs[position : position + count]
        groups.append(list(part) if arg.is_list else part[0])
        position += count
    return groups


_FINISH: dict[str, Callable[[OpDef, Operation], Any]] = {
    "operation": lambda _, operation: operation,
    "tensor": lambda _, operation: operation._outputs[0],
    "list": lambda _, operation: list(operation._outputs),
    "tuple": _finish_tuple,
}


def export_wrappers() -> None:
    """Record the wrapper of every op that has public names; called once, after the families."""
    for op in all_ops():
        if op.exports:
            export_value(op.exports, getattr(raw, op.name))
