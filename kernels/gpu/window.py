"""Sliding windows over images on a GPU: sizes from attributes, and what kernels are told.

Images are NHWC in kernels; `nhwc` and `given_layout` move the channels of the other layout.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from penstock.kernel_api import Array
from penstock.kernels.array.table import require, shape_text


class Window(NamedTuple):
    """A window over an image, in the order of the arguments that kernels take."""

    batch: int
    rows: int
    columns: int
    channels: int
    out_rows: int
    out_columns: int
    window_rows: int
    window_columns: int
    row_stride: int
    column_stride: int
    row_dilation: int
    column_dilation: int
    top: int
    left: int

    @property
    def positions(self) -> int:
        """In how many places the window lies."""
        return self.batch * self.out_rows * self.out_columns

    @property
    def area(self) -> int:
        """How many elements of one channel it covers."""
        return self.window_rows * self.window_columns

    def output(self, channels: int) -> tuple[int, int, int, int]:
        """Return the shape of what is computed at each position."""
        return self.batch, self.out_rows, self.out_columns, channels


def _text(attr: Any, otherwise: str = "") -> str:
    attr = otherwise if attr is None else attr
    return attr.decode() if isinstance(attr, bytes) else str(attr)


def channels_first(attrs: Mapping[str, Any]) -> bool:
    """Return True when images are given as NCHW (or NCDHW)."""
    return _text(attrs.get("data_format"), "NHWC").startswith("NC")


def nhwc(xp: Any, x: Array, attrs: Mapping[str, Any]) -> Array:
    """Return a given image with its channels last, dense."""
    return xp.ascontiguousarray(xp.moveaxis(x, 1, -1)) if channels_first(attrs) else x


def given_layout(xp: Any, x: Array, attrs: Mapping[str, Any]) -> Array:
    """Return an image with its channels where the node has them."""
    return xp.ascontiguousarray(xp.moveaxis(x, -1, 1)) if channels_first(attrs) else x


def nhwc_sizes(sizes: Sequence[int], attrs: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the sizes of an image with the channels last."""
    given = tuple(int(size) for size in sizes)
    return (given[0], *given[2:], given[1]) if channels_first(attrs) else given


def _spatial(values: Any, name: str, attrs: Mapping[str, Any]) -> tuple[int, int]:
    require(len(values) == 4, f"{name} must have 4 elements, got {len(values)}")
    n, rows, columns, c = nhwc_sizes(values, attrs)
    listed = ", ".join(str(v) for v in (n, rows, columns, c))
    require(n == 1 and c == 1, f"{name} must be 1 for batch and channels, got [{listed}]")
    for value in (rows, columns):
        require(0 < value < 1 << 31, f"{name} must be positive, got {value}")
    return rows, columns


def _explicit(attrs: Mapping[str, Any]) -> list[tuple[int, int]]:
    given = [int(v) for v in attrs.get("explicit_paddings") or ()]
    require(len(given) == 8, f"explicit_paddings must have 8 elements, got {len(given)}")
    require(all(0 <= v < 1 << 31 for v in given), "explicit_paddings must not be negative")
    pairs = nhwc_sizes(range(4), attrs)
    ordered = [(given[2 * d], given[2 * d + 1]) for d in pairs]
    require(
        ordered[0] == ordered[3] == (0, 0),
        "explicit_paddings must be 0 for batch and channels",
    )
    return ordered[1:3]


class _Dim(NamedTuple):
    output: int
    before: int
    after: int


def _along(
    name: str, size: int, window: int, stride: int, dilation: int, pads: tuple[int, int] | None
) -> _Dim:
    require(window > 0, f"the window's {name} must be positive, got {window}")
    extent = (window - 1) * dilation + 1
    if pads is None:  # SAME
        output = -(-size // stride)
        total = max(0, (output - 1) * stride + extent - size)
        return _Dim(output, total // 2, total - total // 2)
    padded = size + sum(pads)
    require(
        padded >= extent,
        f"the window's {name} of {extent} is larger than the padded input's, {padded}",
    )
    return _Dim((padded - extent) // stride + 1, *pads)


def window_over(
    shape: Sequence[int],
    attrs: Mapping[str, Any],
    window: tuple[int, int] | None = None,
    pooling: bool = False,
) -> Window:
    """Return the window that a node's attributes describe over an NHWC image of `shape`.

    `window` is its height and width where the filter says them, else `ksize` does.
    """
    require(len(shape) == 4, f"the input must have 4 dimensions, got shape {shape_text(shape)}")
    strides = _spatial(attrs["strides"], "strides", attrs)
    dilations = _spatial(attrs.get("dilations") or (1, 1, 1, 1), "dilations", attrs)
    size = _spatial(attrs["ksize"], "ksize", attrs) if window is None else window
    padding = _text(attrs["padding"])
    require(
        padding in ("SAME", "VALID", "EXPLICIT"),
        f"padding must be SAME, VALID or EXPLICIT, got {padding}",
    )
    pads: Sequence[tuple[int, int] | None] = [None, None]
    if padding != "SAME":
        pads = _explicit(attrs) if padding == "EXPLICIT" else [(0, 0), (0, 0)]
    dims = [
        _along(name, shape[i + 1], size[i], strides[i], dilations[i], pads[i])
        for i, name in enumerate(("height", "width"))
    ]
    for i, dim in enumerate(dims if pooling else ()):
        require(
            dim.before < size[i] and dim.after < size[i],
            f"padding of {dim.before} and {dim.after} must be smaller than the window, {size[i]}",
        )
        require(
            shape[i + 1] > 0 or dim.output == 0,
            f"cannot pool an image without pixels, got shape {shape_text(shape)}",
        )
    outputs = (dims[0].output, dims[1].output)
    padding_before = (dims[0].before, dims[1].before)
    numbers = (*shape, *outputs, *size, *strides, *dilations, *padding_before)
    return Window._make(int(number) for number in numbers)
