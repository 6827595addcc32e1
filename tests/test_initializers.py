"""Initializers: statistics, seeds, shapes, configurations, messages."""

from typing import Any

import numpy as np
import pytest

import penstock as ps

SIZE = 20_000
RANDOM = {
    "random_uniform": ps.random_uniform_initializer,
    "random_normal": ps.random_normal_initializer,
    "truncated_normal": ps.truncated_normal_initializer,
    "uniform_unit_scaling": ps.uniform_unit_scaling_initializer,
    "variance_scaling": ps.variance_scaling_initializer,
    "glorot_uniform": ps.glorot_uniform_initializer,
    "glorot_normal": ps.glorot_normal_initializer,
    "orthogonal": ps.orthogonal_initializer,
    "he_normal": ps.initializers.he_normal,
    "he_uniform": ps.initializers.he_uniform,
    "lecun_normal": ps.initializers.lecun_normal,
    "lecun_uniform": ps.initializers.lecun_uniform,
}


def value(initializer: Any, shape: Any, **more: Any) -> Any:
    return ps.Session().run(initializer(shape, **more))


def test_aliases_are_the_same_classes() -> None:
    for name in [n for n in RANDOM if not n.startswith(("he_", "lecun_"))]:
        assert getattr(ps, f"{name}_initializer") is getattr(ps.initializers, name)
    for name in ("zeros", "ones", "constant"):
        assert getattr(ps, f"{name}_initializer") is getattr(ps.initializers, name)
    assert ps.initializers.variables is ps.variables_initializer
    assert ps.initializers.global_variables is ps.global_variables_initializer


@pytest.mark.parametrize("dtype", [ps.float32, ps.float64, ps.int32, ps.bool])
def test_zeros_and_ones(dtype: Any) -> None:
    zeros, ones = (
        value(ps.zeros_initializer(), [2, 3], dtype=dtype),
        value(ps.ones_initializer(dtype), [2, 3]),
    )
    np.testing.assert_array_equal(zeros, np.zeros((2, 3), dtype.as_numpy_dtype))
    np.testing.assert_array_equal(ones, np.ones((2, 3), dtype.as_numpy_dtype))
    assert zeros.dtype == ones.dtype == dtype.as_numpy_dtype


def test_constants() -> None:
    make = ps.constant_initializer
    assert value(make(7), [2]).tolist() == [7, 7]
    assert value(make([1, 2, 3, 4]), [2, 2]).tolist() == [[1, 2], [3, 4]]
    assert value(make([1, 2]), [4]).tolist() == [1, 2, 2, 2]
    assert value(make(np.eye(2, dtype=int)), [2, 2], dtype=ps.int32).dtype == np.int32
    with pytest.raises(ValueError, match=r"does not fit shape \[2\]"):
        make([1, 2, 3])([2])
    with pytest.raises(ValueError, match=r"does not fit shape \[4\]"):
        make([1, 2], verify_shape=True)([4])
    with pytest.raises(TypeError, match="needs numbers"):
        make(object())


CASES = {
    "uniform": (ps.random_uniform_initializer(-1, 3), 1.0, 4 / np.sqrt(12), (-1, 3)),
    "uniform by default": (ps.random_uniform_initializer(), 0.5, 1 / np.sqrt(12), (0, 1)),
    "normal": (ps.random_normal_initializer(2.0, 0.5), 2.0, 0.5, (-2, 6)),
    "truncated": (ps.truncated_normal_initializer(1.0, 2.0), 1.0, 2 * 0.8796, (-3, 5)),
}


@pytest.mark.parametrize("name", CASES)
def test_statistics(name: str) -> None:
    initializer, mean, deviation, (low, high) = CASES[name]
    initializer.seed = 5
    x = value(initializer, [SIZE])
    assert abs(x.mean() - mean) < 0.03 * max(1, deviation)
    assert abs(x.std() - deviation) < 0.03 * deviation
    assert low <= x.min() <= x.max() <= high


FANS = {"fan_in": 50 * 9, "fan_out": 20 * 9, "fan_avg": 35 * 9}


@pytest.mark.parametrize("mode", FANS)
@pytest.mark.parametrize("distribution", ["uniform", "truncated_normal", "untruncated_normal"])
def test_variance_scaling(distribution: str, mode: str) -> None:
    """The variance is scale / n, whatever the distribution: n counts the window too."""
    initializer = ps.variance_scaling_initializer(2.0, mode, distribution, seed=3)
    x = value(initializer, [3, 3, 50, 20])
    expected = np.sqrt(2.0 / FANS[mode])
    assert abs(x.std() - expected) < 0.03 * expected
    limit = {"uniform": np.sqrt(3), "truncated_normal": 2 / 0.8796, "untruncated_normal": 6}
    assert np.abs(x).max() <= limit[distribution] * expected * 1.0001


@pytest.mark.parametrize(
    ("name", "variance", "limit"),
    [
        ("glorot_uniform", 2 / 300, np.sqrt(3)),
        ("glorot_normal", 2 / 300, 2 / 0.8796),
        ("he_uniform", 2 / 100, np.sqrt(3)),
        ("he_normal", 2 / 100, 2 / 0.8796),
        ("lecun_uniform", 1 / 100, np.sqrt(3)),
        ("lecun_normal", 1 / 100, 2 / 0.8796),
        ("uniform_unit_scaling", 1 / 100, np.sqrt(3)),
    ],
)
def test_named_rules(name: str, variance: float, limit: float) -> None:
    x = value(RANDOM[name](seed=1), [100, 200])
    assert abs(x.var() - variance) < 0.05 * variance
    assert np.abs(x).max() <= limit * np.sqrt(variance) * 1.0001


@pytest.mark.parametrize("shape", [[4, 4], [3, 5], [6, 2], [2, 3, 4]])
def test_orthogonal(shape: list[int]) -> None:
    x = value(ps.orthogonal_initializer(2.0, seed=1), shape).reshape(-1, shape[-1])
    product = x @ x.T if x.shape[0] < x.shape[1] else x.T @ x
    np.testing.assert_allclose(product, 4 * np.eye(min(x.shape)), atol=1e-5)


def test_identity() -> None:
    np.testing.assert_array_equal(value(ps.initializers.identity(3.0), [2, 3]), 3 * np.eye(2, 3))
    with pytest.raises(ValueError, match=r"makes matrices, not shape \[2\]"):
        ps.initializers.identity()([2])


@pytest.mark.parametrize("name", RANDOM)
def test_seeds(name: str) -> None:
    """The same seeds give the same numbers; without any, sessions or graphs differ."""

    def draw(op_seed: int | None, graph_seed: int | None) -> Any:
        with ps.Graph().as_default():
            ps.set_random_seed(graph_seed)
            x = RANDOM[name](seed=op_seed)([4, 3])
            return ps.Session().run(x)

    for seeds in ((1, None), (None, 2), (1, 2)):
        np.testing.assert_array_equal(draw(*seeds), draw(*seeds))
    assert (draw(1, None) != draw(2, None)).any()
    assert (draw(1, 1) != draw(1, 2)).any()
    assert (draw(None, None) != draw(None, None)).any()


@pytest.mark.parametrize("name", RANDOM)
@pytest.mark.parametrize("dtype", [ps.float16, ps.float64])
def test_dtypes(name: str, dtype: Any) -> None:
    assert value(RANDOM[name](), [3, 2], dtype=dtype).dtype == dtype.as_numpy_dtype


@pytest.mark.parametrize("name", [n for n in RANDOM if not n.startswith(("he_", "lecun_"))])
def test_configurations_make_equal_initializers(name: str) -> None:
    first = RANDOM[name](seed=7, dtype=ps.float64)
    config = first.get_config()
    assert config["seed"] == 7
    assert config["dtype"] == "float64"
    second = type(first).from_config(config)
    assert second.get_config() == config
    np.testing.assert_array_equal(value(first, [3, 2]), value(second, [3, 2]))


def test_messages() -> None:
    with pytest.raises(ValueError, match="scale must be positive, not 0"):
        ps.variance_scaling_initializer(0)
    with pytest.raises(ValueError, match="mode is one of fan_in, fan_out, fan_avg, not 'both'"):
        ps.variance_scaling_initializer(mode="both")
    with pytest.raises(ValueError, match=r"distribution is one of .*, not 'cauchy'"):
        ps.variance_scaling_initializer(distribution="cauchy")
    with pytest.raises(ValueError, match="makes floats, not int32"):
        ps.random_normal_initializer(dtype=ps.int32)
    with pytest.raises(ValueError, match="two dimensions or more"):
        ps.orthogonal_initializer()([3])
    with pytest.raises(ValueError, match=r"needs a known shape, not \[\?, 2\]"):
        ps.zeros_initializer()([None, 2])
