"""Step statistics and TensorFlow: the bytes of either side load in the other, and its own draw."""

import json
from typing import Any

import numpy as np
import pytest

import penstock as ps
from tests.timeline.stats import two_devices

tf = pytest.importorskip("tensorflow")
tf1 = tf.compat.v1
timeline = pytest.importorskip("tensorflow.python.client.timeline")


def test_statistics_survive_both_ways() -> None:
    ours = two_devices()
    theirs = tf1.RunMetadata().step_stats
    theirs.ParseFromString(ours.SerializeToString())
    assert theirs.dev_stats[0].node_stats[0].output[0].tensor_description.shape.dim[0].size == 4
    back = ps.protos.StepStats.FromString(theirs.SerializeToString())
    assert back == ours


@pytest.fixture(scope="module")
def of_a_run() -> Any:
    """Return the statistics of a step that penstock ran on two devices."""
    with ps.Graph().as_default():
        x = ps.placeholder(ps.float32, [64, 64], name="x")
        with ps.device("/cpu:1"):
            y = ps.matmul(x, x, name="y")
        with ps.device("/cpu:0"):
            z = ps.nn.relu(y, name="z")
        metadata = ps.RunMetadata()
        with ps.Session(config=ps.ConfigProto(device_count={"CPU": 2})) as sess:
            options = ps.RunOptions(trace_level=ps.RunOptions.FULL_TRACE)
            feeds = {x: np.ones((64, 64), np.float32)}
            sess.run(z, feeds, options=options, run_metadata=metadata)
    return metadata.step_stats


def test_tensorflows_timeline_reads_ours(of_a_run: Any) -> None:
    theirs = tf1.RunMetadata().step_stats
    theirs.ParseFromString(of_a_run.SerializeToString())
    trace = json.loads(timeline.Timeline(theirs).generate_chrome_trace_format(True, True))
    slices = {e["args"]["name"]: e for e in trace["traceEvents"] if e["ph"] == "X"}
    assert slices["y"]["name"] == "MatMul" and slices["z"]["name"] == "Relu"
    inputs = {slices["y"]["args"][f"input{i}"] for i in range(2)}
    assert len(inputs) == 1 and slices[inputs.pop()]["name"] == "_Recv"


@pytest.fixture(scope="module")
def recorded() -> Any:
    """The statistics of a step that TensorFlow ran on two devices."""
    with tf.Graph().as_default():
        x = tf1.placeholder(tf.float32, [64, 64], name="x")
        with tf.device("/cpu:1"):
            y = tf.matmul(x, x, name="y")
        with tf.device("/cpu:0"):
            z = tf.nn.relu(y + 1.0, name="z")
        metadata = tf1.RunMetadata()
        with tf1.Session(config=tf1.ConfigProto(device_count={"CPU": 2})) as sess:
            options = tf1.RunOptions(trace_level=tf1.RunOptions.FULL_TRACE)
            feeds = {x: np.ones((64, 64), np.float32)}
            sess.run(z, feeds, options=options, run_metadata=metadata)
    return metadata.step_stats


def test_ours_reads_tensorflows(recorded: Any) -> None:
    trace = json.loads(ps.timeline.Timeline(recorded).generate_chrome_trace_format(True, True))
    found = trace["traceEvents"]
    pids = {e["args"]["name"]: e["pid"] for e in found if e["name"] == "process_name"}
    assert set(pids) == {"CPU:0", "CPU:1"}
    starts = {e["id"]: e for e in found if e["ph"] == "s"}
    arrows = {(starts[e["id"]]["pid"], e["pid"]) for e in found if e["ph"] == "f"}
    assert {(pids["CPU:0"], pids["CPU:1"]), (pids["CPU:1"], pids["CPU:0"])} <= arrows
    assert all(e["args"]["bytes"] >= 0 for e in found if e["ph"] == "C")
