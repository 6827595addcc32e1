"""tensordot and einsum against NumPy, with sizes known and unknown, and their gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import penstock as ps

EQUATIONS = {
    "ij,jk->ik": [(2, 3), (3, 4)],
    "ij,jk": [(2, 3), (3, 4)],
    "bij,bjk->bik": [(5, 2, 3), (5, 3, 4)],
    "ij->ji": [(2, 3)],
    "ij->": [(2, 3)],
    "ij->j": [(2, 3)],
    "ii->i": [(3, 3)],
    "ii": [(3, 3)],
    "bii->b": [(2, 3, 3)],
    "i,j->ij": [(2,), (3,)],
    "i,i->": [(3,), (3,)],
    "ij,ij->ij": [(2, 3), (2, 3)],
    "ij,jk,kl->il": [(2, 3), (3, 4), (4, 5)],
    "bij,kj->bki": [(2, 3, 4), (5, 4)],
    "...ij,...jk->...ik": [(2, 1, 2, 3), (4, 3, 2)],
    "...i,i->...": [(2, 3, 4), (4,)],
    "i...,i...": [(3, 2), (3, 2)],
    "ijk,lj->": [(2, 3, 4), (5, 3)],
    "abc,cd,de->aeb": [(2, 3, 4), (4, 2), (2, 3)],
    "ij,k->ijk": [(2, 3), (0,)],
}


def arrays_of(shapes: Any) -> list[Any]:
    rng = np.random.default_rng(3)
    return [rng.uniform(-1, 1, shape) for shape in shapes]


@pytest.mark.parametrize("equation", EQUATIONS)
@pytest.mark.parametrize("known", [True, False])
def test_einsum(equation: str, known: bool) -> None:
    arrays = arrays_of(EQUATIONS[equation])
    if not known and "..." in equation:
        pytest.skip("dimensions of size 1 broadcast where they are known")
    inputs = [ps.placeholder(ps.float64, a.shape if known else [None] * a.ndim) for a in arrays]
    y = ps.einsum(equation, *inputs)
    wanted = np.einsum(equation, *arrays)
    assert y.shape.is_compatible_with(wanted.shape)
    if known:
        assert y.shape.as_list() == list(wanted.shape)
    with ps.Session() as session:
        found = session.run(y, dict(zip(inputs, arrays, strict=True)))
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-12)


def test_einsum_has_gradients() -> None:
    arrays = arrays_of([(2, 3, 4), (4, 5), (2, 5)])
    x, y, z = (ps.constant(a) for a in arrays)
    total = ps.reduce_sum(ps.einsum("bij,jk,bk->bi", x, y, z))
    with ps.Session() as session:
        dx, dy, dz = session.run(ps.gradients(total, [x, y, z]))
    np.testing.assert_allclose(dx, np.einsum("jk,bk,bi->bij", *arrays[1:], np.ones((2, 3))))
    np.testing.assert_allclose(dy, np.einsum("bij,bk->jk", arrays[0], arrays[2]))
    np.testing.assert_allclose(dz, np.einsum("bij,jk->bk", *arrays[:2]))


@pytest.mark.parametrize(
    ("equation", "shapes"),
    [
        ("ij,jk->ik", [(2, 3), (4, 5)]),
        ("ij,jk->ik", [(2, 3)]),
        ("ij->ik", [(2, 3)]),
        ("ij->ii", [(2, 3)]),
        ("ijk->i", [(2, 3)]),
        ("i1->i", [(2, 3)]),
        ("...i...->i", [(2, 3)]),
    ],
)
def test_einsum_refuses(equation: str, shapes: Any) -> None:
    with pytest.raises(ValueError, match="einsum"):
        ps.einsum(equation, *[ps.zeros(s) for s in shapes])


@pytest.mark.parametrize(
    ("shapes", "axes"),
    [
        ([(2, 3), (3, 4)], 1),
        ([(2, 3), (2, 3)], 2),
        ([(2,), (3,)], 0),
        ([(2, 3, 4), (4, 5, 2)], [[0, 2], [2, 0]]),
        ([(2, 3, 4), (4, 5, 2)], [2, 0]),
        ([(2, 3, 4), (4, 5, 2)], ((-1,), (0,))),
        ([(2, 0), (0, 4)], 1),
    ],
)
@pytest.mark.parametrize("known", [True, False])
def test_tensordot(shapes: Any, axes: Any, known: bool) -> None:
    a, b = arrays_of(shapes)
    x, y = (ps.placeholder(ps.float64, v.shape if known else [None] * v.ndim) for v in (a, b))
    z = ps.tensordot(x, y, axes)
    wanted = np.tensordot(a, b, axes)
    assert z.shape.is_compatible_with(wanted.shape)
    with ps.Session() as session:
        np.testing.assert_allclose(session.run(z, {x: a, y: b}), wanted, atol=1e-12)


@pytest.mark.parametrize("axes", [3, -1, [[0], [0, 1]], [[0, 0], [0, 1]], [[5], [0]], [[0], [0]]])
def test_tensordot_refuses(axes: Any) -> None:
    with pytest.raises(ValueError, match=r"tensordot|axis"):
        ps.tensordot(ps.zeros([2, 3]), ps.zeros([4, 5]), axes)
