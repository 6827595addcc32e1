"""Batch normalisation as one op, its gradient as one op, and the gradient of that."""

from __future__ import annotations

from typing import Any

from penstock import dtypes
from penstock.exports import export
from penstock.graph.tensor import Operation, Tensor
from penstock.ops import convert
from penstock.ops.infer import ShapeContext
from penstock.ops.registry import define_op, gradient
from penstock.ops.windows import FORMATS, is_channels_first
from penstock.ops.wrappers import raw
from penstock.shapes import Dims, merge

_FORMATS_V3 = "{'NHWC', 'NCHW', 'NDHWC', 'NCDHW'}"


def _image(ctx: ShapeContext, i: int) -> tuple[Dims, tuple[int | None, ...]]:
    """Return the shape of an image and of a vector of its channels."""
    dims = ctx.shape(i)
    if dims is None:
        return None, (None,)
    if len(dims) not in (4, 5):
        ctx.fail(f"the input must have 4 or 5 dimensions, not {len(dims)}")
    return dims, (dims[1 if is_channels_first(ctx.attr("data_format")) else -1],)


def _per_channel(ctx: ShapeContext, channels: Dims, *inputs: int) -> Dims:
    for i in inputs:
        ctx.rank_is(i, 1)
        channels = merge(channels, ctx.shape(i))
    return channels


def _forward_shape(ctx: ShapeContext) -> list[Dims]:
    dims, vector = _image(ctx, 0)
    given = (1, 2) if ctx.attr("is_training") else (1, 2, 3, 4)
    channels = _per_channel(ctx, vector, *given)
    return [dims, *[channels] * 4, (0,)][: len(ctx.op.outputs)]


def _grad_shape(ctx: ShapeContext) -> list[Dims]:
    dims, vector = _image(ctx, 1)
    channels = _per_channel(ctx, vector, 2, 3, 4)
    return [merge(dims, ctx.shape(0)), channels, channels, (0,), (0,)]


for _version, _types, _formats in (
    ("", "T: {float32}", FORMATS),
    ("V2", "T: {float16, bfloat16, float32}, U: {float32}", FORMATS),
    ("V3", "T: {float16, bfloat16, float32}, U: {bfloat16, float32}", _FORMATS_V3),
):
    _u = "U" if _version else "T"
    _last = f", reserve_space_3: {_u}" if _version == "V3" else ""
    define_op(
        "FusedBatchNorm" + _version,
        inputs=f"x: T, scale: {_u}, offset: {_u}, mean: {_u}, variance: {_u}",
        outputs=f"y: T, batch_mean: {_u}, batch_variance: {_u}, reserve_space_1: {_u}, "
        f"reserve_space_2: {_u}{_last}",
        attrs=f"{_types}, epsilon: float = 0.0001, exponential_avg_factor: float = 1.0, "
        f"data_format: {_formats} = 'NHWC', is_training: bool = True",
        shape=_forward_shape,
        doc="(x - mean) / sqrt(variance + epsilon) * scale + offset for each channel.",
    )
    _u_grad = _types.replace("{bfloat16, float32}", "{float32}")
    _first = 4 if _version == "V3" else 3
    define_op(
        "FusedBatchNormGrad" + _version,
        inputs=f"y_backprop: T, x: T, scale: {'float32' if _version else 'T'}, "
        f"reserve_space_1: {_u}, reserve_space_2: {_u}{_last}",
        outputs=f"x_backprop: T, scale_backprop: {_u}, offset_backprop: {_u}, "
        f"reserve_space_{_first}: {_u}, reserve_space_{_first + 1}: {_u}",
        attrs=f"{_u_grad}, epsilon: float = 0.0001, data_format: {_formats} = 'NHWC', "
        "is_training: bool = True",
        shape=_grad_shape,
        doc="The gradient of batch normalisation by x, scale and offset.",
    )


@gradient("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3")
def _batch_norm_grad(op: Operation, dy: Tensor, *_: Any) -> Any:
    """Differentiate the first output; the statistics pass no gradient."""
    training = op.get_attr("is_training")
    x, scale = op.inputs[0], op.inputs[1]
    used = list(op.outputs[3:5]) if training else list(op.inputs[3:5])
    if op.type.endswith("V3"):
        used.append(op.outputs[5])
    results = getattr(raw, op.type.replace("Norm", "NormGrad"))(
        dy,
        x,
        scale,
        *used,
        epsilon=op.get_attr("epsilon"),
        data_format=op.get_attr("data_format"),
        is_training=training,
    )
    return results[0], results[1], results[2], None, None


@gradient("FusedBatchNormGrad", "FusedBatchNormGradV2", "FusedBatchNormGradV3")
def _batch_norm_grad_grad(op: Operation, u: Tensor, v: Tensor, w: Tensor, *_: Any) -> Any:
    """Differentiate by the output's gradient, x and scale, statistics of x included.

    With h = (x - mean) r and r = 1 / sqrt(variance + epsilon), the op computes
    dx = scale r P(g), d_scale = sum(g h), d_offset = sum(g), where in training
    P(z) = z - mean(z) - h mean(z h), and P(z) = z with given statistics.
    """
    space = _Channels(op)
    g, x, u = space.wide(op.inputs[0]), space.wide(op.inputs[1]), space.wide(u)
    scale, v, w = space.row(op.inputs[2]), space.row(v), space.row(w)
    if op.get_attr("is_training"):
        mean = space.mean(x)
        variance = space.mean(raw.SquaredDifference(x, mean))
    else:
        mean, variance = space.row(op.inputs[3]), space.row(op.inputs[4])
    r = raw.Rsqrt(variance + op.get_attr("epsilon"))
    h = (x - mean) * r
    if not op.get_attr("is_training"):
        d_g = u * scale * r + v * h + w
        return _results(op, space, d_g, v * g * r, space.total(u * g * r))
    a, b = space.mean(u * h), space.mean(g * h)

    def project(z: Tensor, z_h: Tensor) -> Tensor:
        projected: Tensor = z - space.mean(z) - h * z_h
        return projected

    # Of sum(u P(g)), which scale and r multiply; then what reaches x through h and through r.
    inner = space.mean(u * project(g, b))
    d_h = v * g - scale * r * (u * b + g * a)
    d_x = r * project(d_h, space.mean(d_h * h)) - scale * inner * r * r * h
    d_g = scale * r * project(u, a) + v * h + w
    return _results(op, space, d_g, d_x, space.total(u * project(g, b)) * r)


def _results(op: Operation, space: _Channels, d_g: Tensor, d_x: Tensor, d_scale: Tensor) -> Any:
    flat = raw.Reshape(d_scale, [-1])
    rest = [None] * (len(op.inputs) - 3)
    return [space.narrow(d_g), space.narrow(d_x), flat, *rest]


class _Channels:
    """Reductions over all but the channels of the image of a node, in float32."""

    def __init__(self, op: Operation) -> None:
        self.dtype = op.inputs[0].dtype
        layout = op.get_attr("data_format")
        rank = len(layout)
        channel = 1 if is_channels_first(layout) else rank - 1
        self.axes = [i for i in range(rank) if i != channel]
        self.shape = [-1 if i == channel else 1 for i in range(rank)]

    def wide(self, x: Tensor) -> Tensor:
        """Return an image in float32."""
        result: Tensor = x if x.dtype == dtypes.float32 else raw.Cast(x, DstT=dtypes.float32)
        return result

    def narrow(self, x: Tensor) -> Tensor:
        """Return an image in the node's dtype."""
        result: Tensor = x if x.dtype == self.dtype else raw.Cast(x, DstT=self.dtype)
        return result

    def row(self, x: Tensor) -> Tensor:
        """Return a vector of channels so that it broadcasts against the image."""
        result: Tensor = raw.Reshape(self.wide(x), self.shape)
        return result

    def mean(self, x: Tensor) -> Tensor:
        """Return the mean of each channel."""
        result: Tensor = raw.Mean(x, self.axes, keep_dims=True)
        return result

    def total(self, x: Tensor) -> Tensor:
        """Return the sum of each channel."""
        result: Tensor = raw.Sum(x, self.axes, keep_dims=True)
        return result


@export("nn.fused_batch_norm")
def fused_batch_norm(
    x: Any,
    scale: Any,
    offset: Any,
    mean: Any = None,
    variance: Any = None,
    epsilon: float = 0.001,
    data_format: str = "NHWC",
    is_training: bool = True,
    name: str | None = None,
    exponential_avg_factor: float = 1.0,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return `x` normalised for each channel, and the (running) mean and variance.

    In training the statistics are those of the batch; otherwise `mean` and `variance`.

    >>> x = ps.constant([[[[1.]], [[3.]]]])
    >>> y, mean, variance = ps.nn.fused_batch_norm(x, [1.], [0.], epsilon=1e-4)
    >>> ps.Session().run([mean, variance])
    [array([2.], dtype=float32), array([2.], dtype=float32)]
    """
    if (not is_training or exponential_avg_factor != 1.0) and (mean is None or variance is None):
        raise ValueError("fused_batch_norm needs mean and variance unless it is training alone")
    least = 1.001e-5  # what the fastest devices accept: the same result everywhere
    result = raw.FusedBatchNormV3(
        convert.to_tensor(x),
        scale,
        offset,
        _vector(mean),
        _vector(variance),
        epsilon=max(float(epsilon), least),
        exponential_avg_factor=exponential_avg_factor,
        data_format=data_format,
        is_training=is_training,
        name=name,
    )
    return result[0], result[1], result[2]


def _vector(given: Any) -> Tensor:
    return convert.to_tensor([] if given is None else given, dtypes.float32)
