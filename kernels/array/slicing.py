"""Parts of a tensor by begin, end and stride along each dimension; gradients of that.

The numbers are in host memory, so that a part is a view and nothing is waited for.
"""

from __future__ import annotations

from typing import Any

from penstock.kernel_api import Array, KernelNode
from penstock.kernels.array.table import PLAIN, host_shape, kernel, require, shape_text


@kernel("Slice", host=["begin", "size"], T=PLAIN)
def _slice(xp: Any, node: KernelNode, x: Array, begin: Any, size: Any) -> Array:
    require(
        begin.shape == (x.ndim,) and size.shape == begin.shape,
        f"begin and size must be vectors of length {x.ndim}, the rank of the input, got "
        f"{shape_text(begin.shape)} and {shape_text(size.shape)}",
    )
    parts = []
    for d, whole in enumerate(x.shape):
        first, count = int(begin[d]), int(size[d])
        require(0 <= first <= whole, f"begin[{d}] = {first} is not in [0, {whole}]")
        require(
            -1 <= count <= whole - first,
            f"size[{d}] = {count} is not in [0, {whole - first}] (the dimension has size {whole}, "
            f"begin is {first})",
        )
        parts.append(slice(first, whole if count == -1 else first + count))
    return x[tuple(parts)]


class _Reader:
    """Reads the items of an index one after the other: what they take of a shape."""

    def __init__(self, node: KernelNode, shape: tuple[int, ...], *numbers: Any) -> None:
        self.begin, self.end, self.strides = numbers
        require(
            self.begin.ndim == 1 and all(n.shape == self.begin.shape for n in numbers),
            "begin, end and strides must be vectors of one length, got shapes "
            + ", ".join(shape_text(n.shape) for n in numbers),
        )
        self.masks = {
            name: int(node.attrs.get(f"{name}_mask", 0))
            for name in ("begin", "end", "ellipsis", "new_axis", "shrink_axis")
        }
        ellipsis = self.masks["ellipsis"]
        require(ellipsis & (ellipsis - 1) == 0, "only one ellipsis (...) is allowed in an index")
        self.shape = shape
        self.parts: list[slice] = []  # of each dimension
        self.result: list[int] = []

    def has(self, mask: str, item: int) -> bool:
        """Return one bit of a mask."""
        return item < 63 and bool(self.masks[mask] >> item & 1)

    def read(self) -> tuple[tuple[slice, ...], tuple[int, ...]]:
        """Return what is taken of each dimension, and the shape of the result."""
        items = len(self.begin)
        for i in range(items):
            if self.has("ellipsis", i):
                later = sum(not self.has("new_axis", k) for k in range(i + 1, items))
                self.take_whole(len(self.shape) - later)
            elif self.has("new_axis", i):
                self.result.append(1)
            else:
                require(
                    len(self.parts) < len(self.shape),
                    f"the index has more items than the {len(self.shape)} dimensions of shape "
                    f"{shape_text(self.shape)}",
                )
                (self.take_one if self.has("shrink_axis", i) else self.take_range)(i)
        self.take_whole(len(self.shape))
        return tuple(self.parts), tuple(self.result)

    def take_whole(self, stop: int) -> None:
        """Take all of the dimensions before `stop`."""
        while len(self.parts) < stop:
            self.result.append(self.shape[len(self.parts)])
            self.parts.append(slice(None))

    def take_one(self, i: int) -> None:
        """Take one element of the next dimension, which the result does not have."""
        index, size = int(self.begin[i]), self.shape[len(self.parts)]
        require(
            int(self.strides[i]) > 0, f"strides[{i}] must be positive where one element is taken"
        )
        require(
            -size <= index < size,
            f"index {index} of dimension {len(self.parts)} is out of range for size {size} "
            f"(shape {shape_text(self.shape)})",
        )
        index += size if index < 0 else 0
        self.parts.append(slice(index, index + 1))

    def take_range(self, i: int) -> None:
        """Take a range of the next dimension."""
        step, size = int(self.strides[i]), self.shape[len(self.parts)]
        require(step != 0, f"strides[{i}] must not be 0")
        start = None if self.has("begin", i) else int(self.begin[i])
        stop = None if self.has("end", i) else int(self.end[i])
        taken = range(*slice(start, stop, step).indices(size))
        self.result.append(len(taken))
        end = taken.start + step * len(taken)
        self.parts.append(slice(taken.start, None if end < 0 else end, step))
        if not taken:
            self.parts[-1] = slice(0, 0)


_NUMBERS = ["begin", "end", "strides"]


@kernel("StridedSlice", host=_NUMBERS, T=PLAIN)
def _strided_slice(xp: Any, node: KernelNode, x: Array, *numbers: Any) -> Array:
    parts, shape = _Reader(node, x.shape, *numbers).read()
    return x[parts].reshape(shape)


@kernel("StridedSliceGrad", host=["shape", *_NUMBERS], T=PLAIN)
def _strided_slice_grad(xp: Any, node: KernelNode, shape: Any, *rest: Any) -> Array:
    whole, dy = host_shape(shape), rest[3]
    parts, result = _Reader(node, whole, *rest[:3]).read()
    require(
        dy.shape == result,
        f"the gradient has shape {shape_text(dy.shape)}, the slice that it belongs to has "
        f"{shape_text(result)}",
    )
    out = xp.zeros(whole, dtype=dy.dtype)
    out[parts] = dy.reshape(out[parts].shape)
    return out


@kernel("ResourceStridedSliceAssign", host=_NUMBERS, T=PLAIN)
def _strided_slice_assign(xp: Any, node: KernelNode, variable: Any, *rest: Any) -> Any:
    value, after = rest[3], variable.read().copy()
    parts, result = _Reader(node, after.shape, *rest[:3]).read()
    require(
        value.shape == result,
        f"the value has shape {shape_text(value.shape)}, the slice of the variable has "
        f"{shape_text(result)}",
    )
    after[parts] = value.reshape(after[parts].shape)
    variable.assign(after)
    return ()
