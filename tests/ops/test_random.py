"""Random streams: exact values, what seeds mean, how streams go on."""

import numpy as np
import pytest

import penstock as ps

# Recorded from a TensorFlow run with the same seeds.
UNIFORM = np.array(
    [
        [0.023186326026916504, 0.0994875431060791, 0.5691264867782593, 0.5842281579971313],
        [0.39302825927734375, 0.09798407554626465, 0.9673762321472168, 0.3548307418823242],
    ],
    np.float32,
)


def test_the_stream_is_the_recorded_one() -> None:
    x = ps.raw_ops.RandomUniform(np.array([4], np.int32), dtype=ps.float32, seed=7, seed2=11)
    with ps.Session() as session:
        np.testing.assert_array_equal(session.run(x), UNIFORM[0])
        np.testing.assert_array_equal(session.run(x), UNIFORM[1])


def test_a_node_goes_on_in_every_plan_of_a_session() -> None:
    x = ps.random_uniform([3], seed=1)
    with ps.Session() as session:
        first, second = session.run(x), session.run([x, x + 1.0])[0]
    with ps.Session() as session:
        again = [session.run([x, x + 2.0])[0], session.run(x)]
    np.testing.assert_array_equal(first, again[0])
    np.testing.assert_array_equal(second, again[1])
    assert (first != second).any()


def test_equal_ops_with_equal_seeds_draw_the_same_numbers() -> None:
    a, b = ps.random_normal([4], seed=3), ps.random_normal([4], seed=3)
    with ps.Session() as session:
        x, y = session.run([a, b])
    np.testing.assert_array_equal(x, y)


def test_without_seeds_sessions_differ() -> None:
    x = ps.random_uniform([4])
    values = [ps.Session().run(x) for _ in range(2)]
    assert (values[0] != values[1]).any()


@pytest.mark.parametrize(
    ("graph_seed", "op_seed", "expected"),
    [
        (None, None, (None, None)),
        (None, 5, (87654321, 5)),
        (3, 5, (3, 5)),
        (3, None, (3, 0)),
        (0, 0, (0, (1 << 31) - 1)),
    ],
)
def test_seed_rules(graph_seed: int | None, op_seed: int | None, expected: object) -> None:
    ps.set_random_seed(graph_seed)
    assert ps.get_seed(op_seed) == expected


def test_the_graph_seed_gives_each_op_its_own() -> None:
    ps.set_random_seed(1)
    a, b = ps.random_uniform([4]), ps.random_uniform([4])
    with ps.Session() as session:
        x, y = session.run([a, b])
    assert (x != y).any()


def test_multinomial_and_shuffle_follow_the_seed() -> None:
    picks = ps.multinomial([[0.0, 0.0, 0.0]], 20, seed=1)
    order = ps.random_shuffle(np.arange(20), seed=1)
    runs = []
    for _ in range(2):
        with ps.Session() as session:
            runs.append(session.run([picks, order]))
    for a, b in zip(*runs, strict=True):
        np.testing.assert_array_equal(a, b)


def test_integers_need_an_upper_bound() -> None:
    with pytest.raises(ValueError, match="maxval"):
        ps.random_uniform([2], dtype=ps.int32)


def test_uniform_range_may_be_tensors() -> None:
    low = ps.placeholder(ps.float32, [])
    x = ps.random_uniform([100], low, low + 1.0)
    with ps.Session() as session:
        value = session.run(x, {low: 5.0})
    assert 5 <= value.min() < value.max() < 6
