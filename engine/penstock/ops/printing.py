"""Ops that write what they are given, and the clock: `Print`, `print`, `timestamp`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from penstock.exports import export
from penstock.graph.tensor import Operation, Tensor
from penstock.ops import control
from penstock.ops.infer import ShapeContext
from penstock.ops.registry import define_op, gradient, no_gradient
from penstock.ops.wrappers import raw
from penstock.shapes import Dims


def _text(ctx: ShapeContext) -> list[Dims]:
    ctx.rank_is(0, 0)
    return []


define_op(
    "Print",
    inputs="input: T, data: U...",
    outputs="output: T",
    attrs="T: type, U: list(type) >= 0, message: string = '', first_n: int = -1, "
    "summarize: int = 3",
    shape=lambda ctx: [ctx.shape(0)],
    stateful=True,
    doc="`input`; `data` goes to standard error.",
)
define_op(
    "PrintV2",
    inputs="input: string",
    attrs=r"output_stream: string = 'stderr', end: string = '\n'",
    shape=_text,
    stateful=True,
    doc="Write a string to standard error, to standard output, to the log, or to a file.",
)
define_op(
    "StringFormat",
    inputs="inputs: T...",
    outputs="output: string",
    attrs="T: list(type) >= 0, template: string = '%s', placeholder: string = '%s', "
    "summarize: int = 3",
    shape=lambda ctx: [()],
    doc="The template with each placeholder replaced by the next input, written as text.",
)
define_op(
    "Timestamp",
    outputs="ts: float64",
    shape=lambda ctx: [()],
    stateful=True,
    export="timestamp",
    doc="""The time in seconds since 1970, when the op runs.

    >>> bool(ps.Session().run(ps.timestamp()) > 1.6e9)
    True
    """,
)
no_gradient("PrintV2", "StringFormat", "Timestamp")


@gradient("Print")
def _print_grad(op: Operation, dy: Tensor) -> Any:
    return [dy, *[None] * (len(op.inputs) - 1)]


@export("Print")
def Print(
    input_: Any,
    data: Any,
    message: str | None = None,
    first_n: int | None = None,
    summarize: int | None = None,
    name: str | None = None,
) -> Tensor:
    """Return `input_`; when it is computed, `data` (a list of tensors) goes to standard error.

    Only the first `first_n` times, and of each tensor only `summarize` elements (3 by default,
    -1 for all).

    >>> y = ps.Print(ps.constant(2.) * 3., [ps.constant([1, 2])], message="seen: ")
    >>> print(ps.Session().run(y))
    6.0
    """
    result: Tensor = raw.Print(
        input_,
        list(data),
        message=message or "",
        first_n=-1 if first_n is None else first_n,
        summarize=3 if summarize is None else summarize,
        name=name,
    )
    return result


@export("print")
def print_(*inputs: Any, **kwargs: Any) -> Operation:
    """Return an operation that writes `inputs` like Python's print: tensors by their values.

    Lists, tuples and dictionaries may hold tensors. Keywords: `output_stream` (sys.stderr by
    default, sys.stdout, or "file://<path>"), `summarize` (how many entries of each dimension
    to show at either end, 3 by default, -1 for all), `sep`, `end`, `name`.

    >>> op = ps.print("x =", ps.constant([1, 2]), output_stream="file:///dev/null")
    >>> ps.Session().run(op) is None
    True
    """
    stream = kwargs.pop("output_stream", sys.stderr)
    summarize = kwargs.pop("summarize", 3)
    sep, end = kwargs.pop("sep", " "), kwargs.pop("end", "\n")
    name = kwargs.pop("name", None)
    if kwargs:
        raise TypeError(f"print has no keyword {sorted(kwargs)[0]!r}")
    with control.under("print", name):
        text = string_format(list(inputs), sep, -1 if summarize is None else summarize)
        operation: Operation = raw.PrintV2(
            text, output_stream=_stream_name(stream), end=end or "", name="PrintV2"
        )
    return operation


def _stream_name(stream: Any) -> str:
    if stream is sys.stdout or stream is sys.__stdout__:
        return "stdout"
    if stream is None or stream is sys.stderr or stream is sys.__stderr__:
        return "stderr"
    if isinstance(stream, str):
        return stream
    raise ValueError(f'output_stream is sys.stdout, sys.stderr or "file://<path>", not {stream!r}')


def string_format(items: list[Any], sep: str, summarize: int) -> Tensor:
    """Return a string tensor: `items` as text, with `sep` between them."""
    tensors: list[Tensor] = []

    def text_of(placeholder: str) -> str:
        tensors.clear()
        return sep.join(_written(item, placeholder, tensors, True) for item in items)

    placeholder = "{}"
    while _count_without_tensors(text_of, placeholder):
        placeholder = f"{{{placeholder}}}"
    template = text_of(placeholder)
    result: Tensor = raw.StringFormat(
        tensors, template=template, placeholder=placeholder, summarize=summarize
    )
    return result


def _count_without_tensors(text_of: Callable[[str], str], placeholder: str) -> int:
    return text_of("").count(placeholder)


def _written(item: Any, placeholder: str, tensors: list[Tensor], outermost: bool) -> str:
    """Return `item` as text with a placeholder for each tensor, which joins `tensors`."""
    if isinstance(item, Tensor) or hasattr(item, "_as_tensor"):
        tensors.append(item if isinstance(item, Tensor) else item._as_tensor(None, None))
        return placeholder
    if isinstance(item, dict):
        pairs = (f"{k!r}: {_written(v, placeholder, tensors, False)}" for k, v in item.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(item, (list, tuple)):
        parts = [_written(v, placeholder, tensors, False) for v in item]
        if isinstance(item, list):
            return "[" + ", ".join(parts) + "]"
        return "(" + ", ".join(parts) + ("," if len(parts) == 1 else "") + ")"
    return str(item) if outermost else repr(item)
