"""Layers: names and sharing of variables, values against NumPy, messages."""

from typing import Any

import numpy as np
import pytest

import penstock as ps

L = ps.layers


def names() -> list[str]:
    return [v.op.name for v in ps.global_variables()]


def run(fetches: Any, feed: Any = None) -> Any:
    with ps.Session() as sess:
        sess.run(ps.global_variables_initializer())
        return sess.run(fetches, feed)


class TestNames:
    """Variables are found by the names that checkpoints use."""

    def test_default_names_count_up(self) -> None:
        x = ps.zeros([2, 3])
        first, second = L.dense(x, 4), L.dense(x, 4)
        assert names() == ["dense/kernel", "dense/bias", "dense_1/kernel", "dense_1/bias"]
        assert (first.op.name, second.op.name) == ("dense/BiasAdd", "dense_1/BiasAdd")
        L.conv2d(ps.zeros([1, 4, 4, 1]), 2, 3)
        L.batch_normalization(x)
        assert names()[4:6] == ["conv2d/kernel", "conv2d/bias"]
        assert names()[6:] == [
            f"batch_normalization/{n}" for n in ("gamma", "beta", "moving_mean", "moving_variance")
        ]

    def test_given_names_are_shared_on_request(self) -> None:
        x = ps.zeros([2, 3])
        L.dense(x, 4, name="out")
        with pytest.raises(ValueError, match="'out/kernel' exists already"):
            L.dense(x, 4, name="out")
        L.dense(x, 4, name="out", reuse=True)
        with ps.variable_scope("", reuse=ps.AUTO_REUSE):
            L.dense(x, 4, name="out")
        assert names() == ["out/kernel", "out/bias"]

    def test_a_model_run_twice_shares_by_scope(self) -> None:
        def model(x: Any) -> Any:
            return L.dense(L.dense(x, 3), 2)

        x = ps.constant(np.ones((2, 3), np.float32))
        with ps.variable_scope("model"):
            first = model(x)
        with ps.variable_scope("model", reuse=True):
            second = model(x)
        assert len(names()) == 4
        np.testing.assert_array_equal(*run([first, second]))

    def test_an_object_keeps_its_variables(self) -> None:
        layer = L.Dense(2, name="mine")
        with pytest.raises(ValueError, match="'mine' has no scope before it is called"):
            _ = layer.scope_name
        a, b = layer(ps.ones([1, 3])), layer.apply(ps.ones([1, 3]))
        np.testing.assert_array_equal(*run([a, b]))
        assert names() == ["mine/kernel", "mine/bias"]
        assert layer.weights == [layer.kernel, layer.bias] == layer.trainable_variables
        assert (layer.count_params(), layer.name, layer.scope_name) == (8, "mine", "mine")
        assert layer.graph is ps.get_default_graph()

    def test_frozen_layers_are_not_trained(self) -> None:
        layer = L.Dense(2, trainable=False)
        layer(ps.ones([1, 3]))
        assert ps.trainable_variables() == layer.trainable_weights == []
        assert len(layer.non_trainable_weights) == 2


class TestDense:
    """Products along the last dimension."""

    @pytest.mark.parametrize("shape", [(5, 3), (2, 5, 3), (2, 0, 3)])
    @pytest.mark.parametrize("known", [True, False])
    def test_values(self, shape: tuple[int, ...], known: bool) -> None:
        value = np.random.default_rng(1).normal(size=shape).astype(np.float32)
        x = ps.placeholder(ps.float32, shape if known else [None] * (len(shape) - 1) + [3])
        layer = L.Dense(4, activation=ps.nn.relu, bias_initializer=ps.ones_initializer())
        y = layer(x)
        assert y.shape.as_list() == [*x.shape.as_list()[:-1], 4]
        got, kernel = run([y, layer.kernel], {x: value})
        np.testing.assert_allclose(got, np.maximum(value @ kernel + 1, 0), rtol=2e-5, atol=1e-6)
        assert layer.compute_output_shape(shape).as_list() == [*shape[:-1], 4]

    def test_regularizers_and_constraints_reach_the_variables(self) -> None:
        layer = L.Dense(
            2,
            use_bias=False,
            kernel_regularizer=ps.nn.l2_loss,
            kernel_constraint=ps.nn.relu,
            activity_regularizer=ps.reduce_sum,
        )
        layer(ps.ones([1, 3]))
        assert layer.bias is None
        assert layer.kernel.constraint is ps.nn.relu
        assert len(layer.losses) == 2
        assert ps.get_collection(ps.GraphKeys.REGULARIZATION_LOSSES) == layer.losses


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("padding", ["same", "valid"])
def test_conv2d(padding: str, data_format: str) -> None:
    """Against the op, which has tests of its own; the formats must agree."""
    value = np.random.default_rng(1).normal(size=(2, 6, 6, 3)).astype(np.float32)
    first = data_format == "channels_first"
    x = ps.constant(value.transpose(0, 3, 1, 2) if first else value)
    layer = L.Conv2D(
        5, (3, 2), 2, padding, data_format, bias_initializer=ps.constant_initializer(0.5)
    )
    y = layer(x)
    assert layer.kernel.shape.as_list() == [3, 2, 3, 5]
    plain = ps.nn.conv2d(value, layer.kernel, [1, 2, 2, 1], padding.upper()) + 0.5
    got, expected = run([y, plain])
    got = got.transpose(0, 2, 3, 1) if first else got
    np.testing.assert_allclose(got, expected, rtol=2e-5, atol=1e-5)


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_pooling(data_format: str) -> None:
    value = np.random.default_rng(1).normal(size=(2, 4, 6, 3)).astype(np.float32)
    first = data_format == "channels_first"
    x = value.transpose(0, 3, 1, 2) if first else value
    windows = value.reshape(2, 2, 2, 3, 2, 3)
    largest, mean = run(
        [
            L.max_pooling2d(x, 2, 2, data_format=data_format),
            L.average_pooling2d(x, [2, 2], (2, 2), data_format=data_format),
        ]
    )
    order = (0, 2, 3, 1) if first else (0, 1, 2, 3)
    np.testing.assert_array_equal(largest.transpose(order), windows.max((2, 4)))
    np.testing.assert_allclose(mean.transpose(order), windows.mean((2, 4)), rtol=2e-5, atol=1e-6)


def test_flatten() -> None:
    value = np.arange(24.0).reshape(2, 3, 2, 2)
    x, unknown = ps.placeholder(ps.float64, [None, 3, 2, 2]), ps.placeholder(ps.float64)
    flat, channels_first, free = (
        L.flatten(x),
        L.flatten(x, data_format="channels_first"),
        L.flatten(unknown),
    )
    assert flat.shape.as_list() == channels_first.shape.as_list() == [None, 12]
    assert free.shape.as_list() == [None, None]
    got = run([flat, channels_first, free], {x: value, unknown: value})
    np.testing.assert_array_equal(got[0], value.reshape(2, 12))
    np.testing.assert_array_equal(got[1], value.transpose(0, 2, 3, 1).reshape(2, 12))
    np.testing.assert_array_equal(got[2], value.reshape(2, 12))
    assert L.flatten(ps.zeros([3])).shape.as_list() == [3, 1]
    assert run(flat, {x: np.zeros((0, 3, 2, 2))}).shape == (0, 12)


def test_dropout_follows_training() -> None:
    x, training = ps.ones([1000]), ps.placeholder_with_default(False, [])
    off, on = L.dropout(x), L.dropout(x, 0.5, seed=1, training=True)
    fed = L.dropout(x, 0.5, seed=1, training=training)
    with ps.Session() as sess:
        assert (sess.run([off, fed])[1] == 1).all()
        assert set(np.unique(sess.run(on))) == {0, 2}
        assert set(np.unique(sess.run(fed, {training: True}))) == {0, 2}


class TestBatchNormalization:
    """Batch statistics while training, moving ones otherwise."""

    @pytest.mark.parametrize("as_tensor", [False, True])
    @pytest.mark.parametrize(
        ("shape", "axis"), [((6, 3), -1), ((4, 5, 5, 3), 3), ((4, 3, 5, 5), 1)]
    )
    def test_training_and_inference(
        self, shape: tuple[int, ...], axis: int, as_tensor: bool
    ) -> None:
        value = np.random.default_rng(1).normal(3, 2, size=shape).astype(np.float32)
        training = ps.placeholder_with_default(True, []) if as_tensor else True
        layer = L.BatchNormalization(axis, momentum=0.9, epsilon=0.01)
        y = layer(ps.constant(value), training=training)
        axes = tuple(i for i in range(len(shape)) if i != axis % len(shape))
        mean, variance = value.mean(axes, keepdims=True), value.var(axes, keepdims=True)
        with ps.Session() as sess:
            sess.run(ps.global_variables_initializer())
            got = sess.run(y)
            np.testing.assert_allclose(got, (value - mean) / np.sqrt(variance + 0.01), atol=2e-5)
            assert sess.run(layer.moving_mean).tolist() == [0, 0, 0]
            sess.run(layer.updates)
            moved = sess.run([layer.moving_mean, layer.moving_variance])
            n = value.size // 3
            sample = variance * (n / (n - 1) if len(shape) == 4 else 1)
            np.testing.assert_allclose(moved[0], 0.1 * mean.ravel(), rtol=1e-5)
            np.testing.assert_allclose(moved[1], 0.9 + 0.1 * sample.ravel(), rtol=1e-5)
            if as_tensor:
                got = sess.run(y, {training: False})
                rows = [m.reshape(mean.shape) for m in moved]
                np.testing.assert_allclose(
                    got, (value - rows[0]) / np.sqrt(rows[1] + 0.01), atol=2e-5
                )
                sess.run(layer.updates, {training: False})
                np.testing.assert_array_equal(sess.run(layer.moving_mean), moved[0])

    def test_updates_are_collected_and_variables_not_trained(self) -> None:
        L.batch_normalization(ps.ones([4, 2]), training=True)
        assert len(ps.get_collection(ps.GraphKeys.UPDATE_OPS)) == 2
        assert [v.op.name.rpartition("/")[2] for v in ps.trainable_variables()] == ["gamma", "beta"]
        L.batch_normalization(ps.ones([4, 2]), center=False, scale=False)
        assert len(ps.get_collection(ps.GraphKeys.UPDATE_OPS)) == 2
        assert len(ps.trainable_variables()) == 2

    def test_small_floats_keep_statistics_in_float32(self) -> None:
        y = L.batch_normalization(ps.ones([4, 2], ps.float16), training=True)
        assert y.dtype is ps.float16
        assert {v.dtype for v in ps.global_variables()} == {ps.float32}

    def test_refuses_renormalisation(self) -> None:
        with pytest.raises(ps.errors.UnimplementedError, match="renorm"):
            L.batch_normalization(ps.ones([4, 2]), renorm=True)


def test_a_convnet_of_layers_learns() -> None:
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 2, 64)
    images = rng.normal(size=(64, 8, 8, 1)).astype(np.float32)
    images[labels == 1, 2:6, 2:6] += 1.5
    x, y = ps.constant(images), ps.constant(labels)
    ps.set_random_seed(1)
    h = L.conv2d(x, 4, 3, activation=ps.nn.relu)
    h = L.max_pooling2d(L.batch_normalization(h, training=True), 2, 2)
    logits = L.dense(L.flatten(h), 2)
    loss = ps.reduce_mean(ps.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits))
    with ps.control_dependencies(ps.get_collection(ps.GraphKeys.UPDATE_OPS)):
        train_op = ps.train.AdamOptimizer(0.01).minimize(loss)
    with ps.Session() as sess:
        sess.run(ps.global_variables_initializer())
        for _ in range(60):
            sess.run(train_op)
        assert sess.run(loss) < 0.1


class TestMessages:
    """Inputs and arguments that do not fit."""

    def test_shapes(self) -> None:
        with pytest.raises(ValueError, match=r"'dense' \(Dense\) needs to know dimension -1"):
            L.dense(ps.placeholder(ps.float32, [None, None]), 2)
        with pytest.raises(ValueError, match=r"\(Dense\) takes inputs of rank 2 or more"):
            L.dense(ps.zeros([3]), 2)
        with pytest.raises(ValueError, match=r"\(Conv2D\) takes inputs of rank 4"):
            L.conv2d(ps.zeros([3, 3]), 2, 3)
        with pytest.raises(ValueError, match=r"\(MaxPooling2D\) takes inputs of rank 4"):
            L.max_pooling2d(ps.zeros([3, 3]), 2, 2)

    def test_arguments(self) -> None:
        with pytest.raises(ValueError, match="kernel_size must be one or two positive numbers"):
            L.Conv2D(2, (1, 2, 3))
        with pytest.raises(ValueError, match="channels_last or channels_first, not 'NHWC'"):
            L.Conv2D(2, 3, data_format="NHWC")
        with pytest.raises(TypeError, match="Dense has no argument 'unit'"):
            L.Dense(2, unit=3)

    def test_graphs(self) -> None:
        layer = L.Dense(2)
        layer(ps.zeros([1, 2]))
        with ps.Graph().as_default(), pytest.raises(ps.errors.GraphError, match="'dense' has its"):
            layer(ps.zeros([1, 2]))


@pytest.mark.parametrize(
    "make",
    [
        lambda: ps.layers.Dense(3, ps.nn.relu, name="d", trainable=False),
        lambda: ps.layers.Conv2D(4, 3, padding="same", name="c"),
        lambda: ps.layers.MaxPooling2D(2, strides=2, name="p"),
        lambda: ps.layers.Flatten(name="f"),
        lambda: ps.layers.Dropout(0.3, name="o"),
        lambda: ps.layers.BatchNormalization(momentum=0.9, name="b"),
    ],
)
def test_a_layer_is_made_again_from_its_config(make: Any) -> None:
    layer = make()
    config = layer.get_config()
    again = type(layer).from_config(config)
    assert again.get_config() == config
    assert config["name"] == layer.name == again.name
    assert config["trainable"] == layer.trainable == again.trainable
