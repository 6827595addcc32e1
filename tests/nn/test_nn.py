"""Normalisation, dropout and embeddings against NumPy."""

from typing import Any

import numpy as np
import pytest

import penstock as ps


def run(*fetches: Any) -> Any:
    with ps.Session() as sess:
        sess.run(ps.global_variables_initializer())
        return sess.run(fetches[0] if len(fetches) == 1 else list(fetches))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize(("axes", "keep"), [([0], False), ([0, 1], True), ([-1], True)])
def test_moments(axes: list[int], keep: bool, dtype: str, rng: np.random.Generator) -> None:
    x = rng.normal(3, 2, size=(4, 5, 3)).astype(dtype)
    mean, variance = run(*ps.nn.moments(x, axes, keepdims=keep))
    wide = x.astype(np.float64)
    tolerance = 2e-3 if dtype == "float16" else 1e-5
    assert mean.dtype == variance.dtype == x.dtype
    np.testing.assert_allclose(mean, wide.mean(tuple(axes), keepdims=keep), rtol=tolerance)
    np.testing.assert_allclose(variance, wide.var(tuple(axes), keepdims=keep), rtol=tolerance)


def test_the_gradient_of_moments_flows_through_both(rng: np.random.Generator) -> None:
    x = ps.constant(rng.normal(size=(6, 2)))
    mean, variance = ps.nn.moments(x, [0])
    y = ps.reduce_sum(mean * 2.0 + ps.square(variance))
    with ps.Session():
        assert ps.test.compute_gradient_error(x, [6, 2], y, [], delta=1e-4) < 1e-6


def test_batch_normalization(rng: np.random.Generator) -> None:
    x, mean, offset, scale = (rng.normal(size=s).astype(np.float32) for s in ((4, 3), 3, 3, 3))
    variance = rng.uniform(1, 2, 3).astype(np.float32)
    plain = (x - mean) / np.sqrt(variance + 0.1)
    build = ps.nn.batch_normalization
    got = run(
        build(x, mean, variance, offset, scale, 0.1),
        build(x, mean, variance, None, None, 0.1),
    )
    np.testing.assert_allclose(got[0], plain * scale + offset, rtol=2e-5, atol=1e-5)
    np.testing.assert_allclose(got[1], plain, rtol=2e-5, atol=1e-5)


def test_l2_normalize_has_a_floor() -> None:
    x = np.array([[3.0, 4.0], [0.0, 0.0]], np.float32)
    np.testing.assert_allclose(run(ps.nn.l2_normalize(x, 1)), [[0.6, 0.8], [0, 0]], rtol=1e-6)
    np.testing.assert_allclose(run(ps.nn.l2_normalize(x)), x / 5, rtol=1e-6)


class TestDropout:
    """Values, rates, noise shapes, refusals."""

    def test_keeps_the_mean(self) -> None:
        x = run(ps.nn.dropout(ps.ones([100, 100]), keep_prob=0.8, seed=1))
        assert set(np.unique(x)) == {0.0, np.float32(1.25)}
        assert abs(x.mean() - 1) < 0.02

    def test_rate_may_be_fed(self) -> None:
        rate = ps.placeholder_with_default(0.0, [])
        y = ps.nn.dropout(ps.ones([1000]), rate=rate, seed=1)
        with ps.Session() as sess:
            assert (sess.run(y) == 1).all()
            assert 400 < (sess.run(y, {rate: 0.5}) == 2).sum() < 600

    def test_noise_shape_drops_together(self) -> None:
        x = run(ps.nn.dropout(ps.ones([50, 8]), 0.5, noise_shape=[None, 1], seed=1))
        assert set(x.sum(1)) == {0.0, 16.0}

    def test_the_gradient_is_zero_where_it_dropped(self) -> None:
        x = ps.ones([100])
        y = ps.nn.dropout(x, 0.5, seed=1)
        (g,) = ps.gradients(y, x)
        value, slope = run(y, g)
        np.testing.assert_array_equal(value, slope)

    def test_everything_kept_is_the_input(self) -> None:
        x = ps.constant([1.0])
        assert ps.nn.dropout(x, keep_prob=1.0) is x

    def test_refuses(self) -> None:
        with pytest.raises(ValueError, match=r"rate must be in \[0, 1\)"):
            ps.nn.dropout([1.0], keep_prob=0.0)
        with pytest.raises(ValueError, match="needs keep_prob or rate"):
            ps.nn.dropout([1.0], 0.5, rate=0.5)
        with pytest.raises(TypeError, match="must be a float, not int32"):
            ps.nn.dropout([1], 0.5)


class TestEmbedding:
    """Rows of whole and cut tables."""

    TABLE = np.arange(14, dtype=np.float32).reshape(7, 2)
    IDS = np.array([[0, 6, 3], [5, 5, 1]])

    def shards(self, strategy: str, count: int) -> list[Any]:
        if strategy == "mod":
            parts = [self.TABLE[i::count] for i in range(count)]
        else:
            parts = np.array_split(self.TABLE, count)
        return [ps.Variable(p) for p in parts]

    @pytest.mark.parametrize("count", [1, 2, 3, 5])
    @pytest.mark.parametrize("strategy", ["mod", "div"])
    def test_rows_of_shards(self, strategy: str, count: int) -> None:
        y = ps.nn.embedding_lookup(self.shards(strategy, count), self.IDS, strategy)
        assert y.shape.as_list() == [2, 3, 2]
        np.testing.assert_array_equal(run(y), self.TABLE[self.IDS])

    def test_the_gradient_is_sparse_and_adds_up(self) -> None:
        table = ps.Variable(self.TABLE)
        y = ps.nn.embedding_lookup(table, [1, 1, 4])
        (g,) = ps.gradients(y, table)
        assert isinstance(g, ps.IndexedSlices)
        dense = run(ps.convert_to_tensor(g))
        np.testing.assert_array_equal(dense[:, 0], [0, 2, 0, 0, 1, 0, 0])

    def test_max_norm_shortens_rows(self) -> None:
        y = run(ps.nn.embedding_lookup(ps.constant(self.TABLE), [0, 1, 6], max_norm=2.0))
        np.testing.assert_allclose(np.linalg.norm(y, axis=1), [1, 2, 2], rtol=1e-6)

    def test_refuses(self) -> None:
        with pytest.raises(ValueError, match="'mod' or 'div', not 'hash'"):
            ps.nn.embedding_lookup(ps.constant(self.TABLE), [0], "hash")
        with pytest.raises(ValueError, match="needs a table"):
            ps.nn.embedding_lookup([], [0])
