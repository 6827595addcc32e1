"""Programs of one op, drawn from a source of choices: near a row of the op table, or from nothing.

A program near a row has the row's inputs and attributes with a few of them replaced, so that what
is wrong reaches deep into a kernel; one from nothing knows only the op's definition. Resources and
references become variables. Every op of the registry can be drawn: a new op needs nothing here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from functools import cache
from typing import Any

import numpy as np

from penstock import dtypes
from penstock.dtypes import DType
from penstock.ops.registry import OpDef, all_ops, find_op
from penstock.ops.spec import ArgDef
from tests.cases import Array, Case, all_cases
from tests.hostile.values import DTYPES, SHAPES, Choices, draw_array, draw_attr, draw_element, pick

NO_PROGRAM = {
    *("Placeholder", "PlaceholderV2", "Abort"),  # they fail by design
    *("_Send", "_HostSend", "_Recv", "_HostRecv"),  # a step with one half of a pair waits
}
MAX_BYTES = 1 << 16


class Known(IntEnum):
    """What is known of an input while the graph is built."""

    VALUE = 0
    SHAPE = 1
    RANK = 2
    NOTHING = 3


@dataclass
class Input:
    """A tensor that is fed or constant, or the variable whose handle or reference is the input."""

    value: Array
    known: Known = Known.NOTHING
    variable: str = ""  # the op that makes it
    initialized: bool = True

    def __str__(self) -> str:
        text = self.variable + f" {self.value.dtype}{list(self.value.shape)} {self.known.name}"
        return text + " " + np.array2string(self.value.ravel()[:12]).replace("\n", "")[:90]


@dataclass
class Program:
    """One node and all it reads."""

    op: OpDef
    inputs: list[Input | list[Input]]
    attrs: dict[str, Any] = field(default_factory=dict)
    imported: bool = False  # by GraphDef, which no wrapper has looked at
    portable: bool = False
    threads: int = 1

    @property
    def flat_inputs(self) -> list[Input]:
        """The inputs, lists flattened."""
        return [i for item in self.inputs for i in (item if isinstance(item, list) else [item])]

    def __str__(self) -> str:
        way = "imported" if self.imported else "built"
        lines = [f"{self.op.name} {way}{' portable' * self.portable} attrs {self.attrs}"]
        return "\n".join(lines + [f"  {i}" for i in self.flat_inputs])


@cache
def drawable_ops() -> tuple[str, ...]:
    """Return the names of the ops that programs are made of."""
    return tuple(op.name for op in all_ops() if op.name not in NO_PROGRAM)


@cache
def _rows_by_op() -> dict[str, list[Case]]:
    found: dict[str, list[Case]] = {}
    for row in all_cases():
        found.setdefault(row.op, []).append(row)
    return found


def draw_program(choices: Choices, name: str) -> Program:
    """Draw a program of the op `name`."""
    op = find_op(name)
    rows = _rows_by_op().get(name, ())
    if rows and choices.below(5):
        program = _near_row(choices, op, pick(choices, rows))
    else:
        program = _from_nothing(choices, op)
    program.imported = choices.below(3) == 0
    program.portable = choices.below(4) == 0
    program.threads = 2 if choices.below(6) == 0 else 1
    if program.imported:
        program.attrs = {**_inferred_attrs(program), **program.attrs}
        if op.inferred and choices.below(8) == 0:
            attr = op.attrs[pick(choices, sorted(op.inferred))]
            program.attrs[attr.name] = draw_attr(choices, attr)
    return program


# ---- near a row


def _near_row(choices: Choices, op: OpDef, row: Case) -> Program:
    dtype = pick(choices, row.dtypes)
    known = pick(choices, tuple(Known))
    inputs: list[Input | list[Input]] = [
        [Input(a, known) for a in item] if isinstance(item, list) else Input(item, known)
        for item in row.arrays(dtype)
    ]
    program = Program(op, inputs, row.node_attrs(dtype))
    for _ in range(choices.below(3) + 1):
        _spoil(choices, program)
    return program


def _spoil(choices: Choices, program: Program) -> None:
    """Replace one attribute or change one input."""
    own = [a for a in program.op.attrs.values() if a.name not in program.op.inferred]
    inputs = program.flat_inputs
    place = choices.below(len(own) + 2 * len(inputs)) if own or inputs else -1
    if 0 <= place < len(own):
        program.attrs[own[place].name] = draw_attr(choices, own[place])
    elif place >= 0:
        spoiled = inputs[(place - len(own)) // 2]
        spoiled.value = _spoiled(choices, spoiled.value)
        spoiled.known = pick(choices, tuple(Known))


def _spoiled(choices: Choices, array: Array) -> Array:
    dtype = dtypes.as_dtype(array.dtype)
    how = choices.below(12)
    if how < 4 and array.size and dtype is not dtypes.string:
        changed = array.copy()
        place = choices.below(array.size) if how else ...
        changed.reshape(-1)[place] = draw_element(choices, dtype)
        return changed
    forms = {
        4: lambda a: a.ravel()[:1].reshape(()) if a.size else draw_array(choices, dtype, ()),
        5: lambda a: a.ravel()[:0],
        6: np.ravel,
        7: lambda a: a[None] if a.ndim < 8 else a,
        8: lambda a: a[:0] if a.ndim else a.reshape(1)[:0],
        9: lambda a: np.concatenate([a, a]) if a.ndim and a.nbytes < MAX_BYTES else a,
        10: lambda a: draw_array(choices, pick(choices, DTYPES), a.shape),
    }
    form = forms.get(how, lambda a: draw_array(choices, dtype, pick(choices, SHAPES)))
    return np.asarray(form(array))


# ---- from nothing


def _from_nothing(choices: Choices, op: OpDef) -> Program:
    base = pick(choices, SHAPES)
    types: dict[str, Any] = {}
    for attr in op.attrs.values():
        if attr.name in op.inferred or (attr.element_kind == "type" and not attr.has_default):
            types[attr.name] = draw_attr(choices, attr._replace(kind=attr.kind))
    attrs = {
        a.name: draw_attr(choices, a)
        for a in op.attrs.values()
        if a.name not in op.inferred and (not a.has_default or choices.below(3) == 0)
    }
    inputs: list[Input | list[Input]] = []
    for arg in op.inputs:
        parts = [_draw_input(choices, arg, d, base, attrs) for d in _types(choices, arg, types)]
        inputs.append(parts if arg.is_list else parts[0])
    return Program(op, inputs, attrs)


def _types(choices: Choices, arg: ArgDef, types: dict[str, Any]) -> list[DType]:
    """Return a dtype for each tensor of an argument; nonsense attributes become float32."""
    count = pick(choices, (0, 1, 2, 2, 3)) if arg.is_list else 1
    if arg.type_list_attr is not None:
        return [pick(choices, DTYPES) for _ in range(count)]
    dtype = arg.dtype if arg.dtype is not None else types.get(arg.type_attr or "")
    if not isinstance(dtype, DType) or (dtype is dtypes.resource and arg.dtype is None):
        dtype = dtypes.float32
    return [dtype] * count


def _draw_input(
    choices: Choices, arg: ArgDef, dtype: DType, base: tuple[int, ...], attrs: dict[str, Any]
) -> Input:
    shape = (base, base, base, (), pick(choices, SHAPES))[choices.below(5)]
    known = pick(choices, tuple(Known))
    if dtype is dtypes.resource:
        held = next((d for d in attrs.values() if isinstance(d, DType)), dtypes.float32)
        held = dtypes.float32 if held is dtypes.resource else held.base_dtype
        array = draw_array(choices, held, shape)
        return Input(array, known, "VarHandleOp", bool(choices.below(8)))
    variable = "VariableV2" if arg.is_ref else ""
    return Input(draw_array(choices, dtype, shape), known, variable, bool(choices.below(8)))


def _inferred_attrs(program: Program) -> dict[str, Any]:
    """Return the attributes that a wrapper would have read off the inputs."""
    attrs: dict[str, Any] = {}
    for arg, item in zip(program.op.inputs, program.inputs, strict=True):
        parts = item if isinstance(item, list) else [item]
        held = [dtypes.as_dtype(p.value.dtype) for p in parts]
        if arg.number_attr is not None:
            attrs[arg.number_attr] = len(parts)
        if arg.type_list_attr is not None:
            attrs[arg.type_list_attr] = held
        if arg.type_attr is not None and held:
            attrs.setdefault(arg.type_attr, held[0])
    return attrs
