"""compute_gradient: derivatives by differences beside those of the gradient rules.

Enters: tensors x and y of one graph, with their full shapes. Leaves: both Jacobians, or the largest
difference between them. Everything runs in the default session, so a caller can look at any op
with the values, variables and devices that are in use.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from penstock import errors
from penstock.autodiff.gradients import gradients
from penstock.exports import export
from penstock.graph import scopes
from penstock.graph.tensor import Tensor
from penstock.ops.indexed_slices import to_dense
from penstock.ops.sources import placeholder

Array = np.ndarray[Any, Any]


@export("test.compute_gradient")
def compute_gradient(
    x: Any,
    x_shape: Any,
    y: Tensor,
    y_shape: Sequence[int],
    x_init_value: Any = None,
    delta: float = 1e-3,
    init_targets: Any = None,
    extra_feed_dict: Mapping[Any, Any] | None = None,
) -> Any:
    """Return the Jacobian of `y` by `x` twice: by the gradient rules, and by differences.

    Each is a matrix with a row for every element of `x` and a column for every element of `y`;
    of complex elements the real and imaginary parts count separately. `x` may be a list (then
    `x_shape` and `x_init_value` are lists, and pairs are returned in a list). `x` starts at
    `x_init_value`, random numbers by default, and moves by `delta` either way. `init_targets`
    are run first, `extra_feed_dict` is fed always. Raises `DTypeError` unless the dtypes are
    float or complex and `ValueError` without a default session.

    >>> x = ps.placeholder(ps.float64, [2])
    >>> with ps.Session():
    ...     exact, numeric = ps.test.compute_gradient(x, [2], x * x, [2], np.array([1.0, 3.0]))
    >>> exact
    array([[2., 0.],
           [0., 6.]])
    """
    session = scopes.sessions.top()
    if session is None:
        raise ValueError("compute_gradient needs a session: use it inside `with Session():`")
    if init_targets is not None:
        for target in init_targets if isinstance(init_targets, (list, tuple)) else [init_targets]:
            session.run(target)
    xs, x_shapes, values = _lists(x, x_shape, x_init_value)
    starts = [_start(t, s, v) for t, s, v in zip(xs, x_shapes, values, strict=True)]
    feeds = {**(extra_feed_dict or {}), **dict(zip(xs, starts, strict=True))}
    _check_float(y)
    shape = tuple(int(d) for d in y_shape)
    found = [
        (_exact(session, t, y, shape, feeds), _numeric(session, t, y, shape, feeds, delta))
        for t in xs
    ]
    return found if isinstance(x, (list, tuple)) else found[0]


@export("test.compute_gradient_error")
def compute_gradient_error(
    x: Any,
    x_shape: Any,
    y: Tensor,
    y_shape: Sequence[int],
    x_init_value: Any = None,
    delta: float = 1e-3,
    init_targets: Any = None,
    extra_feed_dict: Mapping[Any, Any] | None = None,
) -> float:
    """Return the largest difference between the two Jacobians of `compute_gradient`.

    >>> x = ps.placeholder(ps.float64, [3])
    >>> with ps.Session():
    ...     error = ps.test.compute_gradient_error(x, [3], x * x * x, [3])
    >>> error < 1e-5
    True
    """
    found = compute_gradient(
        x, x_shape, y, y_shape, x_init_value, delta, init_targets, extra_feed_dict
    )
    pairs = found if isinstance(found, list) else [found]
    gaps = [np.abs(exact - numeric).max(initial=0.0) for exact, numeric in pairs]
    return float(max(gaps, default=0.0))


def _lists(x: Any, x_shape: Any, x_init_value: Any) -> tuple[list[Any], list[Any], list[Any]]:
    if not isinstance(x, (list, tuple)):
        return [x], [x_shape], [x_init_value]
    values = [None] * len(x) if x_init_value is None else list(x_init_value)
    if len(x_shape) != len(x) or len(values) != len(x):
        raise ValueError(
            f"{len(x)} tensors need as many shapes and values, got {len(x_shape)} and {len(values)}"
        )
    return list(x), list(x_shape), values


def _start(x: Tensor, shape: Any, value: Any) -> Array:
    _check_float(x)
    size = tuple(int(d) for d in shape)
    if value is None:
        drawn = np.random.default_rng(0).random(size)
        return np.asarray(drawn, dtype=x.dtype.numpy_dtype)
    start = np.array(value, dtype=x.dtype.numpy_dtype)
    if start.shape != size:
        raise ValueError(f"x_init_value has shape {start.shape}, x_shape is {size}")
    return start


def _check_float(tensor: Tensor) -> None:
    if not (tensor.dtype.is_floating or tensor.dtype.is_complex):
        raise errors.DTypeError(
            None, None, f'"{tensor.name}" is {tensor.dtype.name}: only floats have derivatives'
        )


def _exact(
    session: Any, x: Tensor, y: Tensor, y_shape: tuple[int, ...], feeds: dict[Any, Any]
) -> Array:
    """Return the Jacobian by the rules: one run for each element of y."""
    start = feeds[x]
    with y.graph.as_default():
        seed = placeholder(y.dtype.base_dtype, y_shape, name="seed")
        gradient = to_dense(gradients(y, x, [seed])[0])
    weights = np.zeros(y_shape, y.dtype.numpy_dtype)
    jacobian = np.zeros((_reals(start).size, _reals(weights).size), _reals(start).dtype)
    if gradient is None:
        return jacobian

    def column(k: int) -> None:
        jacobian[:, k] = _reals(np.asarray(session.run(gradient, {**feeds, seed: weights})))

    _for_each_part(weights, 1.0, column)
    return jacobian


def _numeric(
    session: Any,
    x: Tensor,
    y: Tensor,
    y_shape: tuple[int, ...],
    feeds: dict[Any, Any],
    delta: float,
) -> Array:
    """Return the Jacobian by central differences: two runs for each element of x."""
    start = feeds[x].copy()
    moved = {**feeds, x: start}
    count = _reals(np.zeros(y_shape, y.dtype.numpy_dtype)).size
    jacobian = np.zeros((_reals(start).size, count), _reals(start).dtype)

    def value(k: int) -> Array:
        return _reals(np.asarray(session.run(y, moved))).astype(np.float64)

    rises = _for_each_part(start, delta, value)
    falls = _for_each_part(start, -delta, value)
    for k, (above, below) in enumerate(zip(rises, falls, strict=True)):
        jacobian[k] = (above - below) / (2 * delta)
    return jacobian


def _reals(array: Array) -> Array:
    """Return the elements in a row; complex ones as real, imaginary, real, imaginary."""
    flat = np.ascontiguousarray(array).reshape(-1)
    return flat.view(flat.real.dtype) if flat.dtype.kind == "c" else flat


def _for_each_part(array: Array, step: float, visit: Callable[[int], Any]) -> list[Any]:
    """Call `visit(k)` with the real number k of `array` moved by `step`, one after the other."""
    parts = array.reshape(-1)
    numbers = parts.view(parts.real.dtype) if parts.dtype.kind == "c" else parts
    results = []
    for k in range(numbers.size):
        old = numbers[k]
        numbers[k] = old + step
        results.append(visit(k))
        numbers[k] = old
    return results
