"""Candidate samplers: TensorFlow's streams, the odds, and what cannot be drawn."""

import threading
import time

import numpy as np
import pytest

import penstock as ps
from penstock import errors

# What TensorFlow 2.21 draws with seeds (3, 5), in two executions.
STREAMS = {
    ("LogUniformCandidateSampler", 1000, False): (
        [2, 0, 17, 130, 184, 335],
        [3, 32, 82, 569, 7, 62],
    ),
    ("LogUniformCandidateSampler", 10, True): ([0, 1, 4, 5, 6, 2], [0, 2, 3, 8, 1, 4]),
    ("UniformCandidateSampler", 1000, False): (
        [59, 988, 972, 925, 490, 991],
        [315, 327, 750, 772, 531, 426],
    ),
    ("UniformCandidateSampler", 8, True): ([3, 4, 5, 2, 7, 1], [3, 7, 6, 4, 2, 5]),
    ("UniformCandidateSampler", 1 << 33, True): (
        [2058544851, 4596995092, 5736153348, 5124082333, 8211142450, 2932701495],
        [6105041315, 6955739487, 1210729134, 566145612, 417652011, 8133386578],
    ),
}


@pytest.mark.parametrize("key", STREAMS, ids=str)
def test_streams_are_tensorflow_s(key: tuple[str, int, bool]) -> None:
    op, classes, unique = key
    truth = np.array([[0, 2], [3, 4]], np.int64)
    drawn = getattr(ps.raw_ops, op)(truth, 2, 6, unique, classes, seed=3, seed2=5)
    with ps.Session() as session:
        runs = [session.run(drawn.sampled_candidates).tolist() for _ in range(2)]
    assert runs == list(STREAMS[key])


def test_expected_counts_are_those_of_the_tries() -> None:
    truth = np.array([[0, 2], [3, 4]], np.int64)
    drawn = ps.raw_ops.LogUniformCandidateSampler(truth, 2, 6, True, 10, seed=3, seed2=5)
    counts = ps.Session().run(drawn.true_expected_count)
    wanted = [[0.95360512, 0.68343341], [0.58484024, 0.50920069]]  # TensorFlow's: 8 tries
    np.testing.assert_allclose(counts, wanted, rtol=1e-6)


def test_small_classes_come_more_often() -> None:
    drawn = ps.nn.log_uniform_candidate_sampler([[0]], 1, 20000, False, 3, seed=1)
    classes = ps.Session().run(drawn.sampled_candidates)
    shares = np.bincount(classes, minlength=3) / 20000
    np.testing.assert_allclose(shares, [0.5, 0.2925, 0.2075], atol=0.015)


def test_more_than_there_are_is_refused() -> None:
    with pytest.raises(errors.ShapeError, match="4 different classes"):
        ps.nn.uniform_candidate_sampler([[0]], 1, 4, True, 3)
    drawn = ps.nn.uniform_candidate_sampler([[0]], 1, 4, False, 3)
    assert ps.Session().run(drawn.sampled_candidates).shape == (4,)


def test_every_class_once() -> None:
    drawn = ps.nn.log_uniform_candidate_sampler([[0]], 1, 2000, True, 2000, seed=1)
    classes = ps.Session().run(drawn.sampled_candidates)
    np.testing.assert_array_equal(np.sort(classes), np.arange(2000))


def test_closing_the_session_ends_a_long_search() -> None:
    """The rarest of so many classes would take minutes to come up."""
    drawn = ps.nn.log_uniform_candidate_sampler([[0]], 1, 1 << 23, True, 1 << 23, seed=1)
    session = ps.Session()
    ended: list[BaseException] = []

    def search() -> None:
        try:
            session.run(drawn.sampled_candidates)
        except errors.CancelledError as error:
            ended.append(error)

    thread = threading.Thread(target=search)
    thread.start()
    time.sleep(0.5)
    session.close()
    thread.join(20)
    assert not thread.is_alive()
    assert "its session was closed" in str(ended[0])
