"""Products and convolutions by a library against our portable kernels, on the same operands.

Sizes lie on both sides of those from which on a library is called: thin, small, empty, cut into
parts by several threads. Skipped for a library that this build was made without.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import penstock as ps
from penstock import _native, options

RNG = np.random.default_rng(7)
TOLERANCE = {"float32": 2e-5, "float64": 1e-12, "complex64": 2e-5, "complex128": 1e-12}
TOLERANCE |= {"float16": 2e-2, "bfloat16": 4e-2}
SIZES = [(130, 70, 90), (1, 300, 500), (300, 1, 500), (33, 31, 200), (64, 64, 1), (5, 4, 3)]
SIZES += [(40, 50, 0)]


@pytest.fixture(params=["onednn", "openblas"])
def library(request: pytest.FixtureRequest) -> str:
    """The label of a library's kernels."""
    if not any(entry.label == request.param for entry in _native.kernel_entries("MatMul")):
        pytest.skip(f"built without {request.param}")
    if options.current.portable_kernels:
        pytest.skip("libraries are left out on request")
    return str(request.param)


def drawn(shape: tuple[int, ...], dtype: str) -> Any:
    values = RNG.standard_normal(shape)
    if dtype.startswith("complex"):
        values = values + 1j * RNG.standard_normal(shape)
    return values.astype(ps.as_dtype(dtype).numpy_dtype)


def assert_agree(build: Callable[..., ps.Tensor], *arrays: Any) -> None:
    """Compare what a graph gives with and without libraries."""
    results = []
    for portable in (False, True):
        before = options.configure(portable_kernels=portable)
        config = ps.ConfigProto(intra_op_parallelism_threads=3)
        try:
            with ps.Graph().as_default(), ps.Session(config=config) as session:
                feeds = [ps.placeholder(a.dtype, a.shape) for a in arrays]
                fetched = session.run(build(*feeds), dict(zip(feeds, arrays, strict=True)))
        finally:
            options.configure(portable_kernels=before.portable_kernels)
        wide = np.complex128 if np.iscomplexobj(fetched) else np.float64
        results.append(fetched.astype(wide))
    scale = max(1.0, float(np.max(np.abs(results[1]), initial=0.0)))
    tolerance = TOLERANCE[ps.as_dtype(arrays[0].dtype).name] * scale
    np.testing.assert_allclose(results[0], results[1], rtol=0, atol=tolerance)


def supported(library: str, op: str, dtype: str) -> None:
    number = ps.as_dtype(dtype).as_datatype_enum
    entries = [e for e in _native.kernel_entries(op) if e.label == library]
    if not any(number in e.types["T"] for e in entries):
        pytest.skip(f"{library} has no {op} in {dtype}")


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("sizes", SIZES)
def test_products(library: str, dtype: str, sizes: tuple[int, int, int]) -> None:
    m, n, k = sizes
    supported(library, "MatMul", dtype)
    for of_a in (False, True):
        for of_b in (False, True):
            a = drawn((k, m) if of_a else (m, k), dtype)
            b = drawn((n, k) if of_b else (k, n), dtype)
            assert_agree(
                lambda x, y, s=of_a, t=of_b: ps.matmul(x, y, transpose_a=s, transpose_b=t), a, b
            )


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("adjoint", [False, True])
def test_batches(library: str, dtype: str, adjoint: bool) -> None:
    supported(library, "BatchMatMulV2", dtype)
    y = drawn((5, 80, 60) if adjoint else (5, 60, 80), dtype)
    for batch in ((2, 1), (1,), (2, 5)):
        x = drawn((*batch, 70, 60), dtype)
        assert_agree(lambda a, b: ps.matmul(a, b, adjoint_b=adjoint), x, y)


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
@pytest.mark.parametrize("window", [1, 3])
@pytest.mark.parametrize("stride", [1, 2])
def test_convolutions(library: str, dtype: str, window: int, stride: int) -> None:
    supported(library, "Conv2D", dtype)
    raw = ps.raw_ops
    common = {"strides": [1, stride, stride, 1], "padding": "SAME"}
    small = -(-15 // stride)
    x = drawn((3, 15, 15, 32), dtype)
    f = drawn((window, window, 32, 48), dtype)
    dy = drawn((3, small, small, 48), dtype)
    assert_agree(lambda a, b: raw.Conv2D(a, b, **common), x, f)
    assert_agree(lambda a, b: raw.Conv2DBackpropInput(list(x.shape), a, b, **common), f, dy)
    assert_agree(lambda a, b: raw.Conv2DBackpropFilter(a, list(f.shape), b, **common), x, dy)
