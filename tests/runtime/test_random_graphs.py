"""Random graphs: a session and the NumPy interpreter agree on every fetch."""

from __future__ import annotations

import numpy as np
from hypothesis import given

import penstock as ps
from tests.random_graphs import Grown, grown
from tests.reference import Array


def assert_agree(actual: Array, expected: Array, exact: bool) -> None:
    """Compare a value with the reference's: to the last bit where that is certain."""
    assert actual.dtype == expected.dtype
    assert actual.shape == expected.shape
    if exact:
        np.testing.assert_array_equal(actual, expected)
    else:
        tolerance = 1e-3 if actual.dtype == np.float32 else 1e-9
        np.testing.assert_allclose(actual, expected, rtol=tolerance, atol=tolerance)


@given(grown())
def test_session_agrees_with_the_reference(program: Grown) -> None:
    with ps.Session(graph=program.graph) as session:
        results = session.run([v.tensor for v in program.fetches], program.feeds)
        again = session.run([v.tensor for v in program.fetches], program.feeds)
    for result, second, value in zip(results, again, program.fetches, strict=True):
        assert_agree(np.asarray(result), value.array, value.exact)
        np.testing.assert_array_equal(result, second, "the same run twice")


@given(grown())
def test_static_shapes_are_never_wrong(program: Grown) -> None:
    for tensor, value in program.known.items():
        assert tensor.shape.is_compatible_with(value.array.shape), tensor
