"""Names for programs of TensorFlow 1: compat, logging, flags, app, test."""

import io
import logging
import sys
import unittest
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import penstock as ps


def test_text_and_bytes() -> None:
    assert ps.compat.as_bytes("é") == "é".encode()
    assert ps.compat.as_bytes(b"a") == b"a"
    assert ps.compat.as_text(b"a") == ps.compat.as_str("a") == "a"
    assert ps.compat.as_str_any(b"a") == "a"
    assert ps.compat.as_str_any(1.5) == "1.5"
    assert ps.compat.path_to_str(Path("a") / "b") == str(Path("a/b"))
    for function in (ps.compat.as_bytes, ps.compat.as_text):
        with pytest.raises(TypeError):
            function(1)
    assert isinstance(np.float32(1), ps.compat.real_types)
    assert not isinstance(1.5, ps.compat.integral_types)


@pytest.fixture
def logged() -> Any:
    """Return what the logger writes, with every level on."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    logger = logging.getLogger("penstock")
    before = logger.level
    logger.addHandler(handler)
    ps.logging.set_verbosity(ps.logging.DEBUG)
    yield stream
    logger.removeHandler(handler)
    logger.setLevel(before)


def test_logging(logged: io.StringIO) -> None:
    assert ps.logging.get_verbosity() == logging.DEBUG
    ps.logging.debug("a %d", 1)
    ps.logging.info("b")
    ps.logging.warn("c")
    ps.logging.error("d")
    ps.logging.fatal("e")
    ps.logging.vlog(logging.INFO, "f")
    ps.logging.log_if(ps.logging.INFO, "g", False)
    for _ in range(5):
        ps.logging.log_every_n(ps.logging.INFO, "every", 2)
        ps.logging.log_first_n(ps.logging.INFO, "first", 2)
    ps.logging.flush()
    lines = logged.getvalue().splitlines()
    assert lines[:6] == ["DEBUG a 1", "INFO b", "WARNING c", "ERROR d", "CRITICAL e", "INFO f"]
    assert lines[6:].count("INFO every") == 3
    assert lines[6:].count("INFO first") == 2
    ps.logging.set_verbosity(ps.logging.ERROR)
    ps.logging.info("silent")
    assert "silent" not in logged.getvalue()


def some_flags() -> Any:
    values = ps.flags.FlagValues()
    ps.flags.DEFINE_string("name", "x", "a name", flag_values=values)
    ps.flags.DEFINE_integer("steps", 10, "steps", lower_bound=1, flag_values=values)
    ps.flags.DEFINE_float("rate", 0.5, "rate", flag_values=values)
    ps.flags.DEFINE_boolean("fast", False, "fast", flag_values=values)
    ps.flags.DEFINE_bool("safe", True, "safe", flag_values=values)
    ps.flags.DEFINE_enum("mode", "a", ["a", "b"], "mode", flag_values=values)
    ps.flags.DEFINE_list("parts", "p,q", "parts", flag_values=values)
    return values


def test_flags() -> None:
    values = some_flags()
    argv = ["prog", "--name=y", "in", "--steps", "3", "--fast", "--nosafe", "--parts=u,v", "out"]
    assert values(argv) == ["prog", "in", "out"]
    assert (values.name, values.steps, values.rate, values.mode) == ("y", 3, 0.5, "a")
    assert (values.fast, values.safe, values.parts) == (True, False, ["u", "v"])
    values.rate = 2.0
    assert values.flag_values_dict()["rate"] == 2.0
    assert sorted(values) == ["fast", "mode", "name", "parts", "rate", "safe", "steps"]
    assert "steps" in values
    values(["prog", "--fast=false"])
    assert values.fast is False


@pytest.mark.parametrize("bad", ["--steps=0", "--steps=x", "--fast=maybe", "--mode=c", "--what=1"])
def test_bad_flags_end_the_program(bad: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        some_flags()(["prog", bad])
    assert bad[2:].partition("=")[0] in capsys.readouterr().err


def test_flags_are_defined_once_and_known() -> None:
    values = some_flags()
    with pytest.raises(ValueError, match="twice"):
        ps.flags.DEFINE_string("name", "", "", flag_values=values)
    with pytest.raises(AttributeError, match="other"):
        _ = values.other
    with pytest.raises(AttributeError, match="other"):
        values.other = 1


def test_app_run(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit) as ended:
        ps.app.run(lambda argv: len(argv), ["prog", "a", "b"])
    assert ended.value.code == 3
    monkeypatch.setattr(sys.modules["__main__"], "main", lambda argv: argv[0], raising=False)
    with pytest.raises(SystemExit) as ended:
        ps.app.run(argv=["prog"])
    assert ended.value.code == "prog"


class Sample(ps.test.TestCase):  # type: ignore[name-defined,misc]
    """What the runner below runs; every assertion once with success, once with failure."""

    __test__ = False  # pytest leaves it to the test below

    def runTest(self) -> None:
        x = ps.constant([1.0, 2.0])
        with self.session() as session:
            self.assertAllEqual(session.run(x), [1.0, 2.0])
        with self.cached_session() as session:
            v = ps.Variable(3.0)
            session.run(v.initializer)
            self.assertAllClose(v, 3.0)
        with self.test_session():
            self.assertEqual(v.eval(), 3.0)
        self.assertAllClose({"a": [x, [[1.0]]]}, {"a": [[1.0, 2.0], [[1.0]]]})
        self.assertShapeEqual(np.zeros(2), x)
        self.assertNear(1.0, 1.1, 0.2)
        self.assertArrayNear([1.0], [1.1], 0.2)
        self.assertAllInRange(x, 1, 2)
        self.assertAllInSet(x, {1.0, 2.0, 3.0})
        self.assertAllGreater(x, 0)
        self.assertAllGreaterEqual(x, 1)
        self.assertAllLess(x, 3)
        self.assertAllLessEqual(x, 2)
        self.assertNotAllEqual(x, [1.0, 3.0])
        self.assertNotAllClose(x, [1.0, 3.0])
        self.assertDTypeEqual(x, np.float32)
        self.assertStartsWith("abc", "ab")
        self.assertAllCloseAccordingToType(ps.cast(x, ps.bfloat16), [1.0, 2.005])
        self.assertProtoEquals(
            "dtype: DT_FLOAT tensor_shape {} float_val: 1", ps.make_tensor_proto(1.0)
        )
        with self.assertRaisesOpError("assertion failed"):
            self.evaluate(ps.Assert(ps.constant(False), ["no"]))
        failures: list[Any] = [
            lambda: self.assertAllEqual(x, [1.0]),
            lambda: self.assertAllClose(x, [1.0, 2.1]),
            lambda: self.assertNear(1.0, 1.1, 0.05),
            lambda: self.assertAllInSet(x, {1.0}),
            lambda: self.assertNotAllClose(x, x),
            lambda: self.assertShapeEqual(np.zeros(3), x),
        ]
        for fails in failures:
            with self.assertRaises(AssertionError):
                fails()
        with self.assertRaises(AssertionError), self.assertRaisesOpError("else"):
            self.evaluate(ps.Assert(ps.constant(False), ["no"]))
        with self.assertRaises(AssertionError), self.assertRaisesOpError("anything"):
            pass


def test_the_test_case() -> None:
    result = unittest.TestResult()
    Sample().run(result)
    assert result.wasSuccessful(), result.failures + result.errors
    assert not ps.test.is_gpu_available()
    assert not ps.test.is_built_with_cuda()
    assert ps.test.gpu_device_name() == ""
    folder = Path(ps.test.get_temp_dir())
    assert folder.is_dir()
    assert folder == Path(ps.test.get_temp_dir())


def test_late_namespaces_hide_nothing() -> None:
    for name in ps._LATE:
        assert getattr(ps, name) is not None
    assert callable(ps.log)
    assert callable(ps.print)
