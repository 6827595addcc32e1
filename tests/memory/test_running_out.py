"""A limit smaller than what is needed: a report that can be read, wherever that happens."""

import re

import numpy as np
import pytest

import penstock as ps

KIB = 1 << 10
DEVICES = {"CPU": 2, "SIM_GPU": 2}


def session(**threads: int) -> ps.Session:
    given = {"inter_op_parallelism_threads": 1, "intra_op_parallelism_threads": 1, **threads}
    return ps.Session(
        config=ps.ConfigProto(device_count=DEVICES, allow_soft_placement=True, **given)
    )


def listed(text: str) -> list[tuple[int, str]]:
    """The lines of the report: bytes, and what holds them."""
    table = text[text.index("largest live tensors") :].splitlines()[1:]
    rows = [line.split(maxsplit=1) for line in table]
    return [(int(row[0]), row[1]) for row in rows if row[0].isdigit()]


@pytest.mark.parametrize("device", ["CPU:0", "CPU:1", "SIM_GPU:0", "SIM_GPU:1"])
@pytest.mark.parametrize("threads", [1, 2])
def test_a_chain_that_does_not_fit(device, threads):
    with ps.device(f"/device:{device}"):
        x = ps.placeholder(ps.float32, [None], name="x")
        a = ps.exp(x, name="a")
        b = ps.sin(a, name="b")
        c = ps.concat([a, b, a], 0, name="c")
        y = ps.reduce_sum(c, name="y")
    with session(inter_op_parallelism_threads=threads) as sess:
        small, large = np.zeros(10, np.float32), np.zeros(64 * KIB, np.float32)
        sess.run(y, {x: small})
        live = sess.memory_stats(device)["live"]
        sess.set_memory_limit(900 * KIB, device)
        for _ in range(3):
            with pytest.raises(ps.errors.ResourceExhaustedError) as caught:
                sess.run(y, {x: large})
        assert sess.memory_stats(device)["live"] == live
        np.testing.assert_allclose(sess.run(y, {x: small}), 20 + 10 * np.sin(1.0), rtol=1e-6)
        sess.set_memory_limit(None, device)
        sess.run(y, {x: large})
    text = caught.value.message
    assert re.search(rf'"\w+" on {device}', text) and str(900 * KIB) in text
    rows = listed(text)
    assert [size for size, _ in rows] == sorted([size for size, _ in rows], reverse=True)
    place = rf"test_running_out\.py:{a.op._source.lineno}$"
    assert any('Exp "a"' in what and re.search(place, what) for _, what in rows), text
    assert f"built at test_running_out.py:{c.op._source.lineno}" in text


@pytest.mark.parametrize("device", ["CPU:0", "CPU:1", "SIM_GPU:0"])
def test_training_that_does_not_fit(device):
    with ps.device(f"/device:{device}"):
        x = ps.placeholder(ps.float32, [None, 64], name="x")
        w = ps.Variable(np.full((64, 128), 0.01, np.float32), name="w")
        hidden = ps.nn.relu(ps.matmul(x, w, name="product"), name="hidden")
        loss = ps.reduce_mean(ps.square(hidden), name="loss")
        train = ps.train.AdamOptimizer(0.01).minimize(loss)
    with session() as sess:
        sess.run(ps.global_variables_initializer())
        feed = {x: np.ones((16, 64), np.float32)}
        first = sess.run([loss, train], feed)[0]
        sess.set_memory_limit(3 * 64 * 128 * 4 + 300 * KIB, device)
        with pytest.raises(ps.errors.ResourceExhaustedError) as caught:
            sess.run([loss, train], {x: np.ones((1024, 64), np.float32)})
        second = sess.run([loss, train], feed)[0]
        assert second < first
        usage = sess.memory_usage()[device]
        assert usage.parameters == 32 * KIB and usage.slots == 64 * KIB
        assert usage.limit == 3 * 64 * 128 * 4 + 300 * KIB
    rows = listed(caught.value.message)
    for name in ("w", "w/Adam", "w/Adam_1"):
        what = next(what for _, what in rows if f'variable "{name}"' in what)
        assert "test_running_out.py:" in what
    assert device in caught.value.message.splitlines()[0]


def test_views_of_a_device_are_listed_once():
    with ps.device("/device:SIM_GPU:0"):
        x = ps.placeholder(ps.float32, [256, 256], name="x")
        a = ps.exp(x, name="a")
        b = ps.concat([ps.reshape(a, [-1]), ps.reshape(ps.transpose(a), [-1])], 0, name="b")
    with session() as sess:
        sess.set_memory_limit(700 * KIB, "SIM_GPU:0")
        with pytest.raises(ps.errors.ResourceExhaustedError) as caught:
            sess.run([b, a], {x: np.zeros((256, 256), np.float32)})
    assert sum(size for size, _ in listed(caught.value.message)) <= 700 * KIB
