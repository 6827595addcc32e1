"""Local response normalisation: each channel divided by what its neighbours hold."""

from __future__ import annotations

from typing import Any

from penstock import shapes
from penstock.exports import export
from penstock.graph.tensor import Operation, Tensor
from penstock.ops import convert
from penstock.ops.infer import ShapeContext
from penstock.ops.registry import define_op, gradient
from penstock.ops.wrappers import raw
from penstock.shapes import Dims

_ATTRS = (
    "depth_radius: int = 5, bias: float = 1.0, alpha: float = 1.0, beta: float = 0.5, "
    "T: {float16, bfloat16, float32} = float32"
)
_NAMES = ("depth_radius", "bias", "alpha", "beta")


def _grad_shape(ctx: ShapeContext) -> list[Dims]:
    for i in range(3):
        ctx.rank_is(i, 4)
    return [shapes.all_equal(ctx.shapes)]


define_op(
    "LRN",
    inputs="input: T",
    outputs="output: T",
    attrs=_ATTRS,
    shape=lambda ctx: [ctx.rank_is(0, 4)],
    doc="x / (bias + alpha (sum of squares of 2 depth_radius + 1 channels)) ** beta.",
)
define_op(
    "LRNGrad",
    inputs="input_grads: T, input_image: T, output_image: T",
    outputs="output: T",
    attrs=_ATTRS,
    shape=_grad_shape,
    doc="The gradient of `LRN` by its input.",
)


@export("nn.local_response_normalization nn.lrn")
def local_response_normalization(
    input: Any,
    depth_radius: int = 5,
    bias: float = 1,
    alpha: float = 1,
    beta: float = 0.5,
    name: str | None = None,
) -> Tensor:
    """Divide each channel by a power of what it and its neighbours hold.

    `input` is [batch, height, width, channels], float32, float16 or bfloat16. A window of
    2 `depth_radius` + 1 channels is squared and summed. Source: TensorFlow's `LRN`
    (Krizhevsky et al., 2012).

    >>> x = ps.constant([[[[1.0, 2.0, 3.0]]]])
    >>> ps.Session().run(ps.nn.lrn(x, depth_radius=1, beta=1.0)).round(4)
    array([[[[0.1667, 0.1333, 0.2143]]]], dtype=float32)
    """
    result: Tensor = raw.LRN(
        input, depth_radius=depth_radius, bias=bias, alpha=alpha, beta=beta, name=name
    )
    return result


def _attrs(op: Operation) -> dict[str, Any]:
    return {name: op.get_attr(name) for name in _NAMES}


@gradient("LRN")
def _lrn_grad(op: Operation, dy: Tensor) -> Any:
    return raw.LRNGrad(dy, op.inputs[0], op.outputs[0], **_attrs(op))


def _window_sum(x: Tensor, radius: int) -> Tensor:
    """Sum each channel with its neighbours up to `radius` away."""
    depth = raw.Shape(x)[3]
    padded = raw.Pad(x, [[0, 0], [0, 0], [0, 0], [radius, radius]])
    size = convert.to_tensor([-1, -1, -1, depth])
    parts = [raw.Slice(padded, [0, 0, 0, i], size) for i in range(2 * radius + 1)]
    result: Tensor = raw.AddN(parts)
    return result


@gradient("LRNGrad")
def _lrn_grad_grad(op: Operation, u: Tensor) -> Any:
    """Differentiate g N^-b - 2ab x W(g x N^(-b-1)), where N = bias + a W(x^2).

    W is its own adjoint. The output image counts as a function of the input image.
    """
    g, x, y = op.inputs
    attrs = _attrs(op)
    radius, bias, a, b = (attrs[name] for name in _NAMES)
    n = bias + a * _window_sum(raw.Square(x), radius)
    p = raw.Pow(n, -b - 1.0)  # N^(-b-1)
    s = _window_sum(u * x, radius)
    inner = x * _window_sum(u * g * p, radius) + u * _window_sum(g * x * p, radius) + s * g * p
    outer = x * _window_sum(s * g * x * p / n, radius)
    dx = 4.0 * a * a * b * (b + 1.0) * outer - 2.0 * a * b * inner
    return raw.LRNGrad(u, x, y, **attrs), dx, None
