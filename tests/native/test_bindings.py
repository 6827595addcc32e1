"""The border to C++: what may be fed, who owns what is fetched, how runs end, and the stub."""

import ast
import gc
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from penstock import _native, dtypes, errors, shapes

F32 = dtypes.float32


def identity(
    dtype: dtypes.DType = F32,
    shape: Any = None,
    session: _native.Session | None = None,
    op: str = "Identity",
) -> _native.Program:
    """A program of one feed `x:0`, one node that reads it in all its inputs, and one fetch."""
    builder = _native.ProgramBuilder(session or _native.Session())
    number = dtype.as_datatype_enum
    attrs = {"index": 0, "_fed": b"x:0", "shape": shapes.TensorShape(shape)}
    builder.add_node("x", "_Arg", "", [], [], attrs, [number])
    inputs = [0, 0, 0, 0] if op in ("AddV2", "MatMul") else [0, 0]
    given = {"T": dtype, "transpose_a": False, "transpose_b": False}
    builder.add_node("y", op, "/device:CPU:0", inputs, [], given, [number])
    builder.add_node("r", "_Retval", "", [1, 0], [], {"index": 0}, [])
    return builder.build()


def read_only(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array


def misaligned(array: np.ndarray) -> np.ndarray:
    memory = np.zeros(array.nbytes + 1, np.uint8)[1:]
    view = memory.view(array.dtype).reshape(array.shape)
    view[...] = array
    assert not view.flags.aligned
    return view


BIG = np.arange(6000, dtype=np.float32).reshape(60, 100)


@pytest.mark.parametrize(
    "value",
    [
        *(1.5, 2, True, np.float32(3), np.float64(3.5), np.int8(-3), np.float16(0.5)),
        *([1, 2.5, 3], ((1, 2), (3, 4)), [np.float32(1), 2], [], [[]]),
        *(np.arange(3), np.array(2.5), np.zeros((0, 3)), BIG, BIG.T, BIG[::2, 5:], BIG[::-1]),
        *(BIG.astype(">f4"), BIG.astype(np.float64), BIG.astype(ml_dtypes.bfloat16)),
        *(misaligned(BIG), misaligned(BIG[:2, :2]), read_only(BIG.copy()), np.asfortranarray(BIG)),
        np.broadcast_to(np.float32(7), (50, 50)),
    ],
    ids=lambda value: f"{type(value).__name__}-{getattr(value, 'dtype', '')}",
)
def test_values_become_the_placeholder_dtype(value: Any) -> None:
    (result,) = identity().call(value)
    expected = np.asarray(value, np.float32)
    np.testing.assert_array_equal(result, expected)
    assert type(result) is (np.ndarray if expected.ndim else np.float32)
    assert result.dtype == np.float32


@pytest.mark.parametrize("dtype", [d for d in dtypes.ALL if d.name not in ("string", "resource")])
@pytest.mark.parametrize("shape", [(), (2, 3), (40, 50)])
def test_every_dtype_survives(dtype: dtypes.DType, shape: tuple[int, ...]) -> None:
    value = np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(dtype.as_numpy_dtype)
    program = identity(dtype)
    (result,) = program.call(value)
    assert result.dtype == value.dtype
    np.testing.assert_array_equal(result, value)
    assert program.call(1)[0] == 1


def test_strings() -> None:
    program = identity(dtypes.string)
    assert program.call("ü") == ["ü".encode()]
    assert program.call(b"a\0b") == [b"a\0b"]
    (result,) = program.call([["a", b"b"], [np.bytes_(b"c"), "d" * 100]])
    assert result.dtype == object and result.tolist() == [[b"a", b"b"], [b"c", b"d" * 100]]
    assert program.call(np.array(["p", "qq"]))[0].tolist() == [b"p", b"qq"]
    with pytest.raises(errors.InvalidArgumentError, match="element 1 is neither bytes nor str"):
        program.call(["a", 1])


@pytest.mark.parametrize(
    ("dtype", "value", "text"),
    [
        (F32, "abc", "type str for .*takes float32.*it holds text"),
        (F32, [[1], [2, 3]], "inhomogeneous"),
        (F32, object(), "type object"),
        (F32, 1j, "type complex"),
        (dtypes.int32, 2**40, "not every element fits int32"),
        (dtypes.uint8, -1, "not every element fits uint8"),
        (F32, np.zeros((1,) * 9), "more than 8 dimensions"),
    ],
)
def test_values_that_do_not_fit_are_refused(dtype: dtypes.DType, value: Any, text: str) -> None:
    with pytest.raises(errors.InvalidArgumentError, match=text):
        identity(dtype).call(value)


def test_shapes_are_checked_with_both_signatures() -> None:
    with pytest.raises(errors.InvalidArgumentError, match=r"float32\[2\].*float32\[\?, 2\]"):
        identity(shape=(None, 2)).call([1, 2])
    with pytest.raises(errors.InvalidArgumentError, match="takes 1 values, got 0"):
        identity().call()


@pytest.mark.parametrize("shape", [(3,), (100, 100)])
def test_fetched_arrays_belong_to_the_user(shape: tuple[int, ...]) -> None:
    value = np.ones(shape, np.float32)
    for op, expected in (("Identity", 1), ("AddV2", 2)):
        program = identity(op=op)
        first, second = program.call(value)[0], program.call(value)[0]
        first[...] = -1
        assert (value == 1).all() and (second == expected).all()
        assert (program.call(value)[0] == expected).all()


def test_fetched_arrays_outlive_their_session() -> None:
    session = _native.Session()
    result = identity(session=session, op="AddV2").call(BIG)[0]
    session.close()
    del session
    gc.collect()
    np.testing.assert_array_equal(result, 2 * BIG)


def test_fed_arrays_are_released() -> None:
    program = identity(op="AddV2")
    value = np.ones(10_000, np.float32)
    before = sys.getrefcount(value)
    for _ in range(50):
        program.call(value)
    assert sys.getrefcount(value) == before


@pytest.mark.skipif(
    os.environ.get("PENSTOCK_SANITIZE") == "address", reason="the sanitizer keeps freed memory"
)
def test_runs_leave_no_memory_behind() -> None:
    session = _native.Session()
    program = identity(session=session, op="AddV2")
    program.call(BIG)
    for _ in range(2000):
        program.call(BIG)
        with pytest.raises(errors.InvalidArgumentError):
            program.call("x")
    stats = session.memory_stats()
    assert stats["live"] == 0 and stats["system_allocations"] <= 2
    assert session.trim_memory() == stats["reserved"]
    results, [(device, before, after, peak, allocations, _)], _ = program.run_with_stats([BIG])
    assert device.endswith("CPU:0") and peak >= BIG.nbytes and before == 0 and allocations >= 1
    assert after == session.memory_stats()["live"] and len(results) == 1


def test_many_threads_run_one_program() -> None:
    program = identity(op="AddV2")
    wrong: list[int] = []

    def run(number: int) -> None:
        for size in (1, 3000):
            value = np.full(size, number, np.float32)
            wrong.extend(number for _ in range(200) if program.call(value)[0][0] != 2 * number)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def products(session: _native.Session, count: int) -> _native.Program:
    """A chain of matrix products: about a millisecond each for 256 columns."""
    builder = _native.ProgramBuilder(session)
    attrs = {"index": 0, "_fed": b"x:0", "shape": shapes.TensorShape(None)}
    builder.add_node("x", "_Arg", "", [], [], attrs, [1])
    given = {"T": F32, "transpose_a": False, "transpose_b": False}
    for i in range(count):
        builder.add_node(f"m{i}", "MatMul", "", [i, 0, 0, 0], [], given, [1])
    builder.add_node("r", "_Retval", "", [count, 0], [], {"index": 0}, [])
    return builder.build()


def test_runs_can_be_ended() -> None:
    session = _native.Session()
    program = products(session, 20_000)
    value = np.eye(256, dtype=np.float32)
    begin = time.perf_counter()
    with pytest.raises(errors.DeadlineExceededError, match="limit of 50 ms"):
        program.run([value], 50)
    timer = threading.Timer(0.05, session.cancel_all)
    timer.start()
    with pytest.raises(errors.CancelledError):
        program.run([value])
    timer.join()
    timer = threading.Timer(0.05, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        program.run([value])
    timer.join()
    assert time.perf_counter() - begin < 4
    assert session.memory_stats()["live"] == 0
    assert products(session, 3).call(2.0 * value[:2, :2])[0].shape == (2, 2)


def test_limits_and_closed_sessions_raise() -> None:
    session = _native.Session(memory_limit=100_000)
    program = identity(session=session, op="AddV2")
    with pytest.raises(errors.ResourceExhaustedError, match=r"(?s)limit is 100000.*\[50000\]"):
        program.call(np.ones(50_000, np.float32))
    assert program.call(1.0) == [2.0]
    session.close()
    with pytest.raises(errors.FailedPreconditionError, match="closed"):
        program.call(1.0)


def test_builder_errors_name_the_node() -> None:
    builder = _native.ProgramBuilder(_native.Session())
    with pytest.raises(errors.NotFoundError, match="no kernel on any device type"):
        builder.add_node("n", "NoSuchOp", "", [], [], {}, [1])
    with pytest.raises(errors.InvalidArgumentError, match=r"attribute .a.: .*type object"):
        builder.add_node("n", "Identity", "", [], [], {"a": object()}, [1])


def test_the_stub_lists_what_there_is() -> None:
    stub = Path(_native.__file__).with_name("_native.pyi")
    named = {
        node.name: node
        for node in ast.parse(stub.read_text()).body
        if isinstance(node, ast.ClassDef | ast.FunctionDef)
    }
    assert set(named) == {name for name in vars(_native) if not name.startswith("_")}
    for name, node in named.items():
        if isinstance(node, ast.ClassDef):
            members = {item.name for item in node.body if isinstance(item, ast.FunctionDef)}
            there = {m for m in vars(getattr(_native, name)) if not m.startswith("_")}
            assert members - {"__init__"} == there, name
