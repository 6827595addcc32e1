"""Public functions made of array ops, against NumPy: order, counts, norms, blocks, positions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import penstock as ps
from penstock import errors


def run(fetches: Any, feeds: Any = None) -> Any:
    with ps.Session() as session:
        return session.run(fetches, feeds)


SORTED = [np.float32([[3, -1, 2], [0, 5, 5]]), np.int8([[-128, 127, 0], [1, 1, 1]])]


@pytest.mark.parametrize("values", [*SORTED, np.uint8([[255, 0, 3], [9, 9, 1]])], ids=str)
@pytest.mark.parametrize("axis", [-1, 0, 1])
@pytest.mark.parametrize("direction", ["ASCENDING", "DESCENDING"])
def test_sort_and_argsort(values: Any, axis: int, direction: str) -> None:
    sign = 1 if direction == "ASCENDING" else -1
    order = np.argsort(sign * values.astype(np.int64), axis=axis, kind="stable")
    x = ps.constant(values)
    found, places = run([ps.sort(x, axis, direction), ps.argsort(x, axis, direction)])
    np.testing.assert_array_equal(found, np.take_along_axis(values, order, axis))
    np.testing.assert_array_equal(places, order)


def test_sort_refuses() -> None:
    with pytest.raises(ValueError, match="direction"):
        ps.sort([1, 2], direction="UP")
    with pytest.raises(ValueError, match="axis"):
        ps.sort([1, 2], axis=1)
    with pytest.raises(ValueError, match="rank"):
        ps.sort(ps.placeholder(ps.float32), axis=0)


@pytest.mark.parametrize("side", ["left", "right"])
def test_searchsorted_of_stacks(side: Any) -> None:
    rows = np.sort(np.random.default_rng(0).integers(0, 9, (2, 3, 5)), axis=-1)
    values = np.random.default_rng(1).integers(-1, 10, (2, 3, 4))
    found = run(ps.searchsorted(rows, values, side, ps.int64))
    for i in np.ndindex(2, 3):
        np.testing.assert_array_equal(found[i], np.searchsorted(rows[i], values[i], side))


X = np.float32([[3, -4, 0], [1, 2, -2]])


@pytest.mark.parametrize("order", ["euclidean", 1, 2, 3, 2.5, np.inf])
@pytest.mark.parametrize("axis", [None, 0, 1, -1, [1]])
@pytest.mark.parametrize("keep", [False, True])
def test_norms_of_vectors(order: Any, axis: Any, keep: bool) -> None:
    power = 2 if order == "euclidean" else order
    data = X.ravel() if axis is None else X
    place = 0 if axis is None else (axis[0] if isinstance(axis, list) else axis)
    wanted = np.linalg.norm(data, power, place, keepdims=keep and axis is not None)
    found = run(ps.norm(X, order, axis, keep))
    wanted = wanted.reshape((1, 1)) if keep and axis is None else wanted
    np.testing.assert_allclose(found, wanted, rtol=1e-5)


@pytest.mark.parametrize("order", ["fro", 1, np.inf])
def test_norms_of_matrices(order: Any) -> None:
    stack = np.stack([X, X * 2])
    wanted = [np.linalg.norm(m, order) for m in stack]
    np.testing.assert_allclose(run(ps.norm(stack, order, [1, 2])), wanted, rtol=1e-5)
    np.testing.assert_allclose(run(ps.norm(stack, order, (-2, -1))), wanted, rtol=1e-5)
    assert run(ps.norm(stack, order, [1, 2], keepdims=True)).shape == (2, 1, 1)


@pytest.mark.parametrize(("order", "axis"), [("max", 0), (-1, 0), (3, [0, 1]), (1, [0, 0])])
def test_norm_refuses(order: Any, axis: Any) -> None:
    with pytest.raises(ValueError, match="norm"):
        ps.norm(X, order, axis)


def test_trace_of_stacks() -> None:
    x = np.arange(24.0).reshape(2, 3, 4)
    np.testing.assert_array_equal(run(ps.trace(x)), np.trace(x, axis1=1, axis2=2))


def test_bincount() -> None:
    x = [3, 1, 1]
    assert run(ps.math.bincount(x)).tolist() == [0, 2, 0, 1]
    assert run(ps.math.bincount(x, minlength=6)).tolist() == [0, 2, 0, 1, 0, 0]
    assert run(ps.math.bincount(x, maxlength=2)).tolist() == [0, 2]
    assert run(ps.math.bincount(x, weights=[0.5, 1.0, 2.0])).tolist() == [0, 3, 0, 0.5]
    assert run(ps.math.bincount(ps.zeros([0], ps.int32))).tolist() == []
    assert run(ps.math.bincount(x, dtype=ps.float64)).dtype == np.float64
    with pytest.raises(errors.InvalidArgumentError):
        run(ps.math.bincount([-1]))


def test_confusion_matrix() -> None:
    labels, predictions = [0, 2, 2], [[0], [1], [2]]
    wanted = [[1, 0, 0], [0, 0, 0], [0, 1, 1]]
    assert run(ps.confusion_matrix(labels, predictions)).tolist() == wanted
    weighted = ps.confusion_matrix(labels, [0, 1, 2], 4, ps.float32, weights=[1, 2, 3])
    assert run(weighted)[2].tolist() == [0, 2, 3, 0]
    with pytest.raises(errors.InvalidArgumentError):
        run(ps.confusion_matrix([3], [0], num_classes=2))
    with pytest.raises(errors.InvalidArgumentError):
        run(ps.confusion_matrix([-1], [0], num_classes=2))


def test_histogram() -> None:
    values = np.random.default_rng(0).uniform(-1, 3, 100).astype(np.float32)
    found = run(ps.histogram_fixed_width(values, np.float32([0, 2]), 5, ps.int64))
    inside = np.clip(values, 0, np.nextafter(2, 0))
    np.testing.assert_array_equal(found, np.histogram(inside, 5, (0, 2))[0])


def test_gather_nd_by_batch() -> None:
    params = np.arange(24).reshape(2, 3, 4)
    indices = np.int32([[[2, 1], [0, 0]], [[1, 3], [2, 2]]])
    wanted = [[params[b, i, j] for i, j in indices[b]] for b in range(2)]
    np.testing.assert_array_equal(run(ps.gather_nd(params, indices, batch_dims=1)), wanted)
    rows = run(ps.gather_nd(params, [[[2]], [[0]]], batch_dims=1))
    np.testing.assert_array_equal(rows[:, 0], [params[0, 2], params[1, 0]])
    with pytest.raises(ValueError, match="batch_dims"):
        ps.gather_nd(params, [[0]], batch_dims=2)


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("num", [1, 2, 5])
def test_linspace_of_tensors(axis: int, num: int) -> None:
    low, high = np.float32([1, -2]), np.float32([5, 9])
    found = run(ps.linspace(low, high, num, axis=axis))
    np.testing.assert_allclose(found, np.linspace(low, high, num, axis=axis), rtol=1e-6)
    if num > 1:
        np.testing.assert_array_equal(np.take(found, num - 1, axis), high)


def test_required_paddings() -> None:
    size, block = ps.placeholder(ps.int32, [2]), ps.placeholder(ps.int32, [2])
    base = ps.placeholder(ps.int32, [2, 2])
    values = {size: [5, 8], block: [2, 3], base: [[1, 0], [2, 2]]}
    later = run(ps.required_space_to_batch_paddings(size, block, base), values)
    at_once = run(ps.required_space_to_batch_paddings(*values.values()))
    for found in (later, at_once):
        assert found[0].tolist() == [[1, 0], [2, 2]]
        assert found[1].tolist() == [[0, 0], [0, 0]]
    paddings, crops = run(ps.required_space_to_batch_paddings([5, 8], [2, 3]))
    assert paddings.tolist() == crops.tolist() == [[0, 1], [0, 1]]


def test_blocks_there_and_back() -> None:
    x = np.arange(2 * 4 * 6, dtype=np.float32).reshape(2, 4, 6, 1)
    pads = [[0, 0], [0, 0]]
    moved = ps.space_to_batch(x, pads, 2)
    assert moved.shape.as_list() == [8, 2, 3, 1]
    np.testing.assert_array_equal(run(ps.batch_to_space(moved, pads, 2)), x)
    np.testing.assert_array_equal(run(ps.batch_to_space(moved, pads, None, block_shape=[2, 2])), x)
    with pytest.raises(ValueError, match="block"):
        ps.space_to_batch(x, pads)


def test_lbeta() -> None:
    assert run(ps.lbeta([1.0, 1.0, 1.0])) == pytest.approx(-np.log(2), rel=1e-6)
    assert run(ps.lbeta(ps.zeros([2, 0]))).tolist() == [-np.inf, -np.inf]


def test_mean_and_root_of_unsorted_segments() -> None:
    data, ids = np.float32([[1, 2], [3, 4], [5, 6]]), [1, 1, -1]
    mean, root = run(
        [ps.unsorted_segment_mean(data, ids, 3), ps.unsorted_segment_sqrt_n(data, ids, 3)]
    )
    np.testing.assert_array_equal(mean, [[0, 0], [2, 3], [0, 0]])
    np.testing.assert_allclose(root, [[0, 0], np.float32([4, 6]) / np.sqrt(2), [0, 0]], rtol=1e-6)


def test_diagonals_of_any_dtype() -> None:
    assert run(ps.matrix_diag([True, True], k=1)).sum() == 2
    assert run(ps.matrix_diag(["a"], k=1))[0].tolist() == [b"", b"a"]
    assert run(ps.matrix_diag([1, 2], padding_value=5)).tolist() == [[1, 5], [5, 2]]
    assert run(ps.linalg.diag_part(np.eye(2) * 3)).tolist() == [3, 3]
