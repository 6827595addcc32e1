"""The gradients of a convolution and of the two ops that are its gradients.

A convolution is linear in the image x and in the filter w. With y = conv(x, w), the gradients
by x and w are ops of (w, dy) and (x, dy); each is linear in both again, so that the gradients
of all three are made of the three.
"""

from __future__ import annotations

from typing import Any

from penstock.graph.tensor import Operation, Tensor
from penstock.ops.registry import gradient
from penstock.ops.shape import shape_of
from penstock.ops.windows import copied_attrs
from penstock.ops.wrappers import raw


def convolution_gradients(
    forward: str, by_input: str, by_filter: str, copied: tuple[str, ...]
) -> None:
    """Register the gradients of ops ``y(x, w)``, ``dx(sizes, w, dy)`` and ``dw(x, sizes, dy)``.

    `copied` names the attributes that all three share.
    """

    def apply(op: str, *inputs: Any, like: Operation) -> Tensor:
        result: Tensor = getattr(raw, op)(*inputs, **copied_attrs(like, *copied))
        return result

    @gradient(forward)
    def _of_forward(op: Operation, dy: Tensor) -> Any:
        x, w = op.inputs
        return (
            apply(by_input, shape_of(x), w, dy, like=op),
            apply(by_filter, x, shape_of(w), dy, like=op),
        )

    @gradient(by_input)
    def _of_dx(op: Operation, g: Tensor) -> Any:
        _, w, dy = op.inputs
        dw = apply(by_filter, g, shape_of(w), dy, like=op)
        return None, dw, apply(forward, g, w, like=op)

    @gradient(by_filter)
    def _of_dw(op: Operation, g: Tensor) -> Any:
        x, _, dy = op.inputs
        dx = apply(by_input, shape_of(x), g, dy, like=op)
        return dx, None, apply(forward, x, g, like=op)
