"""Lesson 6: where nodes go, what crosses, and when everything ran.

A small network on three devices is followed through placement (why is this node here?), the cut
into one graph for each device (which tensors travel?), a traced run (when did they?), and the same
run a node at a time. Pictures go into a temporary folder, whose name is printed.
"""

import tempfile
from pathlib import Path

import numpy as np

import penstock as ps
from penstock.demo import load_digits

images, _ = load_digits()
images = images[:512].reshape(-1, 64)

with ps.Graph().as_default() as graph:
    ps.set_random_seed(2)
    x = ps.placeholder(ps.float32, [None, 64], name="x")
    with ps.device("/cpu:1"):
        left = ps.layers.dense(x, 128, ps.nn.relu, name="left")
    with ps.device("/cpu:2"):
        right = ps.layers.dense(x, 128, ps.nn.tanh, name="right")
    with ps.device("/cpu:0"):
        both = ps.concat([left, right], axis=1, name="both")
        score = ps.reduce_mean(ps.square(both), name="score")

    config = ps.ConfigProto(device_count={"CPU": 3})
    with ps.Session(config=config) as session:
        session.run(ps.global_variables_initializer())

        # Placement: every node has a reason.
        placement = session.explain_placement(score, [x])
        print(placement.table())
        print(session.explain_placement(left, [x]))

        # Partition: a graph for each device; x travels once to each of the two that read it.
        options = ps.RunOptions(trace_level=ps.RunOptions.FULL_TRACE, output_partition_graphs=True)
        metadata = ps.RunMetadata()
        for _ in range(4):
            value = session.run(score, {x: images}, options=options, run_metadata=metadata)
        sent = [
            (node.attr["tensor_name"].s.decode(), node.attr["recv_device"].s.decode()[-5:])
            for part in metadata.partition_graphs
            for node in part.node
            if node.op == "_Send"
        ]
        print("transfers:", *sorted(sent), sep="\n  ")

        # Timeline: the traced run, with an arrow for each transfer.
        folder = Path(tempfile.mkdtemp(prefix="penstock_"))
        timeline = ps.timeline.Timeline(metadata.step_stats)
        (folder / "trace.json").write_text(timeline.generate_chrome_trace_format())
        (folder / "timeline.svg").write_text(timeline.svg())
        session.explain_plan(score, [x]).visualize(title="plan").save(str(folder / "plan.html"))
        print(f"open {folder}/trace.json in Perfetto, plan.html and timeline.svg in a browser")

        # Stepping: the same run, a node at a time.
        stepper = session.stepper(score, {x: images})
        stepper.run_to("both")
        print(stepper)
        stepped = stepper.finish()

# The claims: two towers and one joint make three parts; x travels twice, each tower once; what is
# stepped through is what runs.
assert len(metadata.partition_graphs) == 3
assert len(sent) == 4, sent
assert np.isclose(stepped, value)
