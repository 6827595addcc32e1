"""Print, print, Assert and the assert_ functions: what is written, what fails, and when."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import penstock as ps
from penstock import errors

Capture = pytest.CaptureFixture[str]


def written(fetch: Any, capfd: Capture, feeds: Any = None) -> str:
    """Return what a run writes to standard error."""
    with ps.Session() as session:
        session.run(fetch, feeds)
    return capfd.readouterr().err


@pytest.mark.parametrize(
    ("value", "summarize", "text"),
    [
        ([1.5, 2.25, 3.125, 4.0], 3, "[1.5 2.25 3.125...]"),
        ([1.5, 2.25], -1, "[1.5 2.25]"),
        ([1.5, 2.25], 0, "[...]"),
        ([[1, 2, 3], [4, 5, 6]], 3, "[[1 2 3]...]"),
        ([[[1, 2], [3, 4]], [[5, 6], [7, 8]]], 3, "[[[1 2][3...]]...]"),
        ([[[1, 2], [3, 4]], [[5, 6], [7, 8]]], 100, "[[[1 2][3 4]][[5 6][7 8]]]"),
        (["ab", "c"], 3, "[ab c]"),
        ([True, False], 3, "[1 0]"),
        (3, 3, "[3]"),
        ([1e10, float("nan"), float("inf")], 3, "[1e+10 nan inf]"),
        (np.float16([1.2]), 3, "[1.20019531]"),
        (np.float64([0.1, 1 / 3]), 3, "[0.1 0.33333333333333331]"),
        (np.int8([-3]), 3, "[-3]"),
        (np.complex64([1 + 2j]), 3, "[(1,2)]"),
        (np.zeros((2, 0), np.float32), 3, "[]"),
    ],
)
def test_print_writes_elements(value: Any, summarize: int, text: str, capfd: Capture) -> None:
    x = ps.constant(value)
    seen = ps.Print(ps.constant(1.0), [x, x], message="at ", summarize=summarize)
    assert written(seen, capfd) == f"at {text}{text}\n"


def test_print_passes_its_input_and_the_gradient_on(capfd: Capture) -> None:
    x = ps.constant([1.0, 2.0])
    y = ps.Print(x, [x], "x: ")
    (dx,) = ps.gradients(y * y, x)
    with ps.Session() as session:
        np.testing.assert_array_equal(session.run(dx), [2.0, 4.0])
    assert capfd.readouterr().err == "x: [1 2]\n"


def test_print_stops_after_first_n(capfd: Capture) -> None:
    y = ps.Print(ps.constant(1.0), [ps.constant(2.0)], first_n=2)
    with ps.Session() as session:
        for _ in range(4):
            session.run(y)
    assert capfd.readouterr().err == "[2]\n[2]\n"


def test_print_like_python(capfd: Capture) -> None:
    x = ps.constant([[1, 2], [3, 4]])
    op = ps.print("x:", x, {"a": [ps.constant(1.5), "s"], "b": (ps.constant("t"),)}, 3, "{}")
    assert written(op, capfd) == "x: [[1 2]\n [3 4]] {'a': [1.5, 's'], 'b': (t,)} 3 {}\n"
    op = ps.print(ps.constant(["a", "b"]), ps.constant("c"), sep="|", end="!")
    assert written(op, capfd) == '["a" "b"]|c!'


def test_print_shortens_long_dimensions(capfd: Capture) -> None:
    assert written(ps.print(ps.range(10)), capfd) == "[0 1 2 ... 7 8 9]\n"
    assert written(ps.print(ps.range(6)), capfd) == "[0 1 2 3 4 5]\n"
    assert written(ps.print(ps.range(8), summarize=-1), capfd) == "[0 1 2 3 4 5 6 7]\n"
    cube = ps.zeros([3, 1, 2], ps.int32)
    assert written(ps.print(cube, summarize=1), capfd) == "[[[0 0]]\n\n ...\n\n [[0 0]]]\n"


def test_print_to_other_streams(capfd: Capture, tmp_path: Path) -> None:
    import sys

    text = ps.constant("hello")
    with ps.Session() as session:
        session.run(ps.print(text, output_stream=sys.stdout))
        assert capfd.readouterr().out == "hello\n"
        file = tmp_path / "log"
        op = ps.print(text, output_stream=f"file://{file}")
        session.run(op)
        session.run(op)
        assert file.read_text() == "hello\nhello\n"
        session.run(ps.raw_ops.PrintV2(text, output_stream="log(info)"))
        assert capfd.readouterr().err == "info: hello\n"
        with pytest.raises(errors.InvalidArgumentError, match="file://"):
            session.run(ps.print(text, output_stream="printer"))
    with pytest.raises(TypeError, match="flush"):
        ps.print(text, flush=True)


def test_templates() -> None:
    made = ps.raw_ops.StringFormat([1.5, [1, 2]], template="a=%, b=%", placeholder="%")
    with ps.Session() as session:
        assert session.run(made) == b"a=1.5, b=[1 2]"
        wrong = ps.raw_ops.StringFormat([1.5], template="nothing", name="node")
        with pytest.raises(errors.InvalidArgumentError, match=r"0 placeholders(.|\n)*node"):
            session.run(wrong)


def test_assert_fails_with_its_data() -> None:
    ok = ps.placeholder(ps.bool, [])
    check = ps.Assert(ok, ["x is", [1, 2, 3, 4]], name="check")
    with ps.Session() as session:
        session.run(check, {ok: True})
        with pytest.raises(errors.InvalidArgumentError) as raised:
            session.run(check, {ok: False})
    assert "assertion failed: [x is] [1 2 3...]" in str(raised.value)
    assert '"check"' in str(raised.value)
    with pytest.raises(errors.ShapeError):
        ps.Assert([True], ["a"])


PAIRS: list[tuple[Callable[..., Any], list[int], list[int]]] = [
    (ps.assert_equal, [1, 1], [1, 2]),
    (ps.assert_none_equal, [2, 3], [2, 1]),
    (ps.assert_less, [0, 0], [0, 1]),
    (ps.assert_less_equal, [0, 1], [0, 2]),
    (ps.assert_greater, [2, 3], [2, 1]),
    (ps.assert_greater_equal, [2, 1], [2, 0]),
]
SIGNS: list[tuple[Callable[..., Any], list[int], list[int]]] = [
    (ps.assert_positive, [1, 2], [1, 0]),
    (ps.assert_negative, [-1, -2], [-1, 0]),
    (ps.assert_non_negative, [0, 1], [0, -1]),
    (ps.assert_non_positive, [0, -1], [0, 1]),
]


@pytest.mark.parametrize(("check", "good", "bad"), [*PAIRS, *SIGNS])
def test_comparisons(check: Callable[..., Any], good: list[int], bad: list[int]) -> None:
    other = () if (check, good, bad) in SIGNS else (1,)
    x = ps.placeholder(ps.int32, [2], name="x")
    op = check(x, *other, message="they differ")
    with ps.Session() as session:
        session.run(op, {x: good})
        with pytest.raises(errors.InvalidArgumentError, match=r"they differ(.|\n)*x:0"):
            session.run(op, {x: bad})
        session.run(check(ps.constant(good), *other))
    with pytest.raises(errors.InvalidArgumentError, match="they differ"):
        check(ps.constant(bad), *other, message="they differ")


def test_ranks() -> None:
    ps.assert_rank(ps.constant([1]), 1)
    ps.assert_rank_at_least(ps.constant([[1]]), 1)
    with pytest.raises(ValueError, match="must have rank 2"):
        ps.assert_rank(ps.constant([1]), 2)
    x = ps.placeholder(ps.float32)
    exactly, least = ps.assert_rank(x, 1), ps.debugging.assert_rank_at_least(x, 1)
    with ps.Session() as session:
        session.run([exactly, least], {x: [1.0]})
        session.run(least, {x: [[1.0]]})
        with pytest.raises(errors.InvalidArgumentError, match="must have rank"):
            session.run(exactly, {x: [[1.0]]})


def test_an_assertion_holds_back_what_depends_on_it() -> None:
    x = ps.placeholder(ps.float32, [])
    with ps.control_dependencies([ps.assert_positive(x)]):
        y = ps.log(x)
    with ps.Session() as session:
        assert session.run(y, {x: 1.0}) == 0
        with pytest.raises(errors.InvalidArgumentError, match="x > y"):
            session.run(y, {x: -1.0})
