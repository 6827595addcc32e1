"""Random ops in two halves, for numbers that are drawn again; programs do not build them.

`_RandomUniformPlace` moves the stream of the node that `stream` names as `RandomUniform` would, and
leaves the place it was at: key and both halves of the counter. `_RandomUniformAt` draws from a
place: a function of its inputs, so it may run twice. Together they are `RandomUniform`. The same
goes for every op of `HALVES`. The pass `recompute` puts them where it repeats a random node.
"""

from __future__ import annotations

from typing import Any

from penstock.ops.identity import same
from penstock.ops.infer import ShapeContext
from penstock.ops.random import multinomial_shape, spelt
from penstock.ops.registry import define_op, no_gradient
from penstock.shapes import Dims

_FILL = ("shape: T", "output: dtype", "T: index", "dtype: floating", spelt)

_SIGNATURES: dict[str, tuple[str, str, str, str, Any]] = {
    "RandomUniform": _FILL,
    "RandomStandardNormal": _FILL,
    "TruncatedNormal": _FILL,
    "RandomUniformInt": (
        "shape: T, minval: Tout, maxval: Tout",
        "output: Tout",
        "T: index, Tout: index",
        "",
        spelt,
    ),
    "RandomShuffle": ("value: T", "output: T", "T: type", "", same),
    "Multinomial": (
        "logits: T, num_samples: int32",
        "output: output_dtype",
        "T: real",
        "output_dtype: index = int64",
        multinomial_shape,
    ),
}

HALVES = frozenset(_SIGNATURES)
"""The ops that have halves."""


def place_op(op: str) -> str:
    """Return the name of the half that has the state."""
    return f"_{op}Place"


def at_op(op: str) -> str:
    """Return the name of the half that is a function."""
    return f"_{op}At"


def _of_place(_: ShapeContext) -> list[Dims]:
    return [(3,)]


for _op, (_inputs, _outputs, _read, _made, _shape) in _SIGNATURES.items():
    define_op(
        place_op(_op),
        inputs=_inputs,
        outputs="place: uint64",
        attrs=f"stream: string, seed: int = 0, seed2: int = 0, {_read}",
        shape=_of_place,
        stateful=True,
        doc=f"Where `{_op}` draws from next; its stream moves on. Made by the planner.",
    )
    define_op(
        at_op(_op),
        inputs=f"{_inputs}, place: uint64",
        outputs=_outputs,
        attrs=", ".join(filter(None, (_read, _made))),
        shape=_shape,
        doc=f"What `{_op}` draws from a place. Made by the planner.",
    )
    no_gradient(place_op(_op), at_op(_op))
