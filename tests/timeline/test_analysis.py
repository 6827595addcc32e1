"""The peaks of a trace: one for each device, with what was live."""

import json

import numpy as np

import penstock as ps


def test_the_peak_of_each_device():
    with ps.device("/cpu:0"):
        x = ps.placeholder(ps.float32, [1 << 16], name="x")
        a = ps.exp(x, name="a")
    with ps.device("/cpu:1"):
        b = ps.concat([a, a], 0, name="b")
        c = ps.reduce_sum(b, name="c")
    config = ps.ConfigProto(
        device_count={"CPU": 2}, inter_op_parallelism_threads=1, intra_op_parallelism_threads=1
    )
    options = ps.RunOptions(trace_level=ps.RunOptions.FULL_TRACE)
    metadata = ps.RunMetadata()
    with ps.Session(config=config) as session:
        feed = {x: np.zeros(1 << 16, np.float32)}
        plain = session.run_with_memory(c, feed)[1]
        session.run(c, feed, options, metadata)
    analysis = ps.timeline.Timeline(metadata.step_stats).analyze_step_stats()
    peaks = analysis.allocator_maximums
    assert list(peaks) == ["CPU:0", "CPU:1"]
    for name, peak in peaks.items():  # scratch memory within a node is not in a trace
        assert 0 <= plain.devices[name].peak - peak.num_bytes <= 256
    assert "a" in peaks["CPU:0"].tensors and "b" in peaks["CPU:1"].tensors
    assert "b" not in peaks["CPU:0"].tensors and peaks["CPU:1"].timestamp >= 0
    events = json.loads(analysis.chrome_trace)["traceEvents"]
    counters = {(e["pid"], e["name"]) for e in events if e["ph"] == "C"}
    assert counters == {(1, "memory (CPU:0)"), (2, "memory (CPU:1)")}


def test_statistics_without_memory():
    stats = ps.protos.StepStats()
    assert ps.timeline.Timeline(stats).analyze_step_stats().allocator_maximums == {}
