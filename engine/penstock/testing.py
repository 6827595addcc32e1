"""`penstock.test`: a TestCase that compares arrays and opens sessions; a folder to write to."""

from __future__ import annotations

import atexit
import contextlib
import math
import random
import re
import shutil
import tempfile
import unittest
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from google.protobuf import text_format

from penstock import errors
from penstock.autodiff import numeric
from penstock.exports import export
from penstock.graph import scopes
from penstock.graph.graph import Graph, reset_default_graph
from penstock.graph.tensor import Tensor
from penstock.ops.random import set_random_seed
from penstock.runtime.session import Session, get_default_session

_PARTS = (numeric,)  # imported for what it exports

_folder: list[str] = []


@export("test.get_temp_dir")
def get_temp_dir() -> str:
    """Return a folder of this process for tests to write to; it goes away at the end."""
    if not _folder:
        _folder.append(tempfile.mkdtemp(prefix="penstock-test-"))
        atexit.register(shutil.rmtree, _folder[0], ignore_errors=True)
    return _folder[0]


@export("test.is_gpu_available")
def is_gpu_available(
    cuda_only: bool = False, min_cuda_compute_capability: tuple[int, int] | None = None
) -> bool:
    """Return False: there are kernels for the CPU only."""
    return False


@export("test.gpu_device_name")
def gpu_device_name() -> str:
    """Return the name of the first GPU, which is "" as there is none."""
    return ""


@export("test.is_built_with_cuda")
def is_built_with_cuda() -> bool:
    """Return False: there are kernels for the CPU only."""
    return False


@export("test.main")
def main(argv: list[str] | None = None) -> None:
    """Run the tests of the main module, as `unittest.main` does."""
    unittest.main(argv=argv)


@export("test.TestCase")
class TestCase(unittest.TestCase):
    """A unittest.TestCase for graphs: a fresh default graph for each test, array assertions."""

    def __init__(self, methodName: str = "runTest") -> None:
        """Take the method's name."""
        super().__init__(methodName)
        self._cached: Session | None = None

    def setUp(self) -> None:
        """Seed the generators and start with an empty default graph."""
        random.seed(1234)
        np.random.seed(1234)
        if not scopes.graphs.items:  # inside of Graph.as_default that graph is used
            reset_default_graph()
        set_random_seed(1234)

    def tearDown(self) -> None:
        """Close the session that `cached_session` kept."""
        if self._cached is not None:
            self._cached.close()
            self._cached = None

    def get_temp_dir(self) -> str:
        """Return a folder to write to."""
        return get_temp_dir()

    # ---- sessions

    @contextlib.contextmanager
    def session(
        self,
        graph: Graph | None = None,
        config: Any = None,
        use_gpu: bool = True,
        force_gpu: bool = False,
    ) -> Iterator[Session]:
        """Open a session of its own for the block; it is the default session there."""
        with Session(graph=graph, config=config) as session:
            yield session

    @contextlib.contextmanager
    def cached_session(
        self,
        graph: Graph | None = None,
        config: Any = None,
        use_gpu: bool = True,
        force_gpu: bool = False,
    ) -> Iterator[Session]:
        """Use one session for all such blocks of a test, so that variables last."""
        if self._cached is None:
            self._cached = Session(graph=graph, config=config)
        with self._cached.graph.as_default(), self._cached.as_default():
            yield self._cached

    def test_session(self, *args: Any, **kwargs: Any) -> Any:
        """Return `session()` for a given graph, `cached_session()` without one."""
        if self.id().endswith(".test_session"):
            self.skipTest("a method of the class, not a test")
        given = kwargs.get("graph") is not None or any(a is not None for a in args[:1])
        return (self.session if given else self.cached_session)(*args, **kwargs)

    def evaluate(self, tensors: Any) -> Any:
        """Return the values of tensors, in the default session or in one of its own."""
        session = get_default_session()
        if session is not None:
            return session.run(tensors)
        with Session() as own:
            return own.run(tensors)

    # ---- arrays

    def _array(self, value: Any) -> np.ndarray[Any, Any]:
        if isinstance(value, Tensor) or hasattr(value, "_as_graph_element"):
            value = self.evaluate(value)
        return np.asarray(value)

    def assertShapeEqual(self, np_array: Any, tf_tensor: Any, msg: str | None = None) -> None:
        """Check that an array has the static shape of a tensor."""
        self.assertEqual(list(np.shape(np_array)), tf_tensor.shape.as_list(), msg)

    def assertAllEqual(self, a: Any, b: Any, msg: str | None = None) -> None:
        """Check that two arrays have one shape and equal elements (NaN equals NaN)."""
        x, y = self._array(a), self._array(b)
        self.assertEqual(x.shape, y.shape, msg)
        np.testing.assert_array_equal(x, y, err_msg=msg or "")

    def assertNotAllEqual(self, a: Any, b: Any, msg: str | None = None) -> None:
        """Check that some element differs."""
        with self.assertRaises(AssertionError, msg=msg):
            self.assertAllEqual(a, b)

    def assertAllClose(
        self, a: Any, b: Any, rtol: float = 1e-6, atol: float = 1e-6, msg: str | None = None
    ) -> None:
        """Check that arrays, or dictionaries and lists of arrays, agree within tolerances."""
        if isinstance(a, dict):
            self.assertIsInstance(b, dict, msg)
            self.assertCountEqual(a, b, msg)
            for key in a:
                self.assertAllClose(a[key], b[key], rtol, atol, f"{msg or ''} at {key!r}")
            return
        if isinstance(a, (list, tuple)) and _is_ragged(a):
            self.assertEqual(len(a), len(b), msg)
            for x, y in zip(a, b, strict=True):
                self.assertAllClose(x, y, rtol, atol, msg)
            return
        x, y = _wide(self._array(a)), _wide(self._array(b))
        self.assertEqual(x.shape, y.shape, msg)
        np.testing.assert_allclose(x, y, rtol, atol, err_msg=msg or "")

    def assertAllCloseAccordingToType(
        self,
        a: Any,
        b: Any,
        rtol: float = 1e-6,
        atol: float = 1e-6,
        float_rtol: float = 1e-6,
        float_atol: float = 1e-6,
        half_rtol: float = 1e-3,
        half_atol: float = 1e-3,
        bfloat16_rtol: float = 1e-2,
        bfloat16_atol: float = 1e-2,
        msg: str | None = None,
    ) -> None:
        """Check as `assertAllClose`, with the tolerances of the narrower dtype."""
        by_name = {
            "float32": (float_rtol, float_atol),
            "complex64": (float_rtol, float_atol),
            "float16": (half_rtol, half_atol),
            "bfloat16": (bfloat16_rtol, bfloat16_atol),
        }
        for value in (self._array(a), self._array(b)):
            least = by_name.get(value.dtype.name, (rtol, atol))
            rtol, atol = max(rtol, least[0]), max(atol, least[1])
        self.assertAllClose(a, b, rtol, atol, msg)

    def assertNotAllClose(self, a: Any, b: Any, **kwargs: Any) -> None:
        """Check that `assertAllClose` would fail."""
        with self.assertRaises(AssertionError):
            self.assertAllClose(a, b, **kwargs)

    def assertNear(self, f1: float, f2: float, err: float, msg: str | None = None) -> None:
        """Check that two numbers differ by `err` at most."""
        self.assertTrue(f1 == f2 or math.fabs(f1 - f2) <= err, f"{f1} != {f2} ± {err}: {msg or ''}")

    def assertArrayNear(self, farray1: Any, farray2: Any, err: float, msg: Any = None) -> None:
        """Check that the elements of two lists differ by `err` at most."""
        self.assertEqual(len(farray1), len(farray2), msg)
        for x, y in zip(farray1, farray2, strict=True):
            self.assertNear(float(x), float(y), err, msg)

    def assertAllInRange(self, target: Any, lower_bound: float, upper_bound: float) -> None:
        """Check that all elements lie between two bounds, which are allowed."""
        values = self._array(target)
        self.assertTrue(bool(((values >= lower_bound) & (values <= upper_bound)).all()), values)

    def assertAllInSet(self, target: Any, expected_set: Any) -> None:
        """Check that all elements are in a set."""
        self.assertLessEqual(set(self._array(target).ravel().tolist()), set(expected_set))

    def assertAllGreater(self, a: Any, comparison_target: float) -> None:
        """Check that all elements are greater."""
        self.assertGreater(self._array(a).min(), comparison_target)

    def assertAllGreaterEqual(self, a: Any, comparison_target: float) -> None:
        """Check that all elements are greater or equal."""
        self.assertGreaterEqual(self._array(a).min(), comparison_target)

    def assertAllLess(self, a: Any, comparison_target: float) -> None:
        """Check that all elements are less."""
        self.assertLess(self._array(a).max(), comparison_target)

    def assertAllLessEqual(self, a: Any, comparison_target: float) -> None:
        """Check that all elements are less or equal."""
        self.assertLessEqual(self._array(a).max(), comparison_target)

    def assertDTypeEqual(self, target: Any, expected_dtype: Any) -> None:
        """Check the dtype of an array or tensor."""
        self.assertEqual(self._array(target).dtype, np.dtype(expected_dtype))

    def assertStartsWith(self, actual: str, expected_start: str, msg: str | None = None) -> None:
        """Check how a text begins."""
        self.assertTrue(actual.startswith(expected_start), msg or f"{actual!r}: {expected_start!r}")

    # ---- errors

    @contextlib.contextmanager
    def assertRaisesWithPredicateMatch(
        self, exception_type: Any, expected_err_re_or_predicate: Any
    ) -> Iterator[None]:
        """Check that the block raises an error whose message matches (or that satisfies)."""
        wanted = expected_err_re_or_predicate
        try:
            yield
        except exception_type as error:
            fits: Callable[[Any], Any] = (
                wanted if callable(wanted) else lambda e: re.search(wanted, str(e))
            )
            if not fits(error):
                raise AssertionError(
                    f"raised {error!r}, which does not match {wanted!r}"
                ) from error
        else:
            self.fail(f"{exception_type.__name__} was not raised")

    def assertRaisesOpError(self, expected_err_re_or_predicate: Any) -> Any:
        """Check that the block raises an `OpError` whose message matches."""
        return self.assertRaisesWithPredicateMatch(errors.OpError, expected_err_re_or_predicate)

    def assertProtoEquals(
        self, expected_message_maybe_ascii: Any, message: Any, msg: str | None = None
    ) -> None:
        """Check that a message equals another one, which may be written as text."""
        expected = expected_message_maybe_ascii
        if isinstance(expected, (str, bytes)):
            expected = text_format.Parse(expected, type(message)())
        self.assertEqual(str(expected), str(message), msg)


def _is_ragged(value: Any) -> bool:
    """Return True for lists that hold tensors, dictionaries, or arrays of several shapes."""
    if any(isinstance(v, (dict, Tensor)) for v in value):
        return True
    return len({np.shape(v) for v in value}) > 1 if value else False


def _wide(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return narrow floats as float32, which NumPy can compare."""
    return array.astype(np.float32) if array.dtype.name in ("bfloat16", "float16") else array
