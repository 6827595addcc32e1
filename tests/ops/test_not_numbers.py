"""NaN and infinities where only numbers make sense: what is documented happens, on every path."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import penstock as ps

ODD = np.array([np.nan, np.inf, -np.inf, 1e30, -1e30, -1.5, 200.25])
NARROW = ("int8", "uint8", "int16", "uint16", "int32")  # they go by way of int32
INTEGERS = (*NARROW, "uint32", "int64", "uint64")


@pytest.fixture
def session(graph: ps.Graph) -> Iterator[ps.Session]:
    with ps.Session(graph=graph) as opened:
        yield opened


@pytest.mark.parametrize("name", INTEGERS)
@pytest.mark.parametrize("source", ["float64", "float32", "float16", "bfloat16"])
@pytest.mark.filterwarnings("ignore:overflow")
def test_casts_to_integers(session: ps.Session, name: str, source: str) -> None:
    """What no integer is becomes the least int32 or int64, cut to width: the same everywhere."""
    x = ps.placeholder(source, [None])
    to, least = ps.as_dtype(name).numpy_dtype, -(2**31 if name in NARROW else 2**63)
    expected = [
        *[np.array(least).astype(to)] * 5,
        np.array(-1).astype(to),
        np.array(200).astype(to),
    ]
    value = ODD.astype(ps.as_dtype(source).numpy_dtype)
    for values, wanted in ((value, expected), (np.tile(value, 40), expected * 40)):
        assert session.run(ps.cast(x, name), {x: values}).tolist() == [w.item() for w in wanted]


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_places_of_extremes(session: ps.Session, dtype: str) -> None:
    """A NaN is never larger or smaller than anything; alone it is the first."""
    x = ps.placeholder(dtype, [None])
    both = [ps.argmax(x, 0), ps.argmin(x, 0)]
    assert session.run(both, {x: [np.nan, 1, np.inf, -np.inf, np.nan]}) == [2, 3]
    assert session.run(both, {x: [np.nan, np.nan]}) == [0, 0]
    assert session.run(both, {x: [2, np.nan, 1]}) == [0, 2]
