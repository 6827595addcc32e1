"""The graphs of partitions are ones that TensorFlow reads, with its own ops for transfers."""

import numpy as np
import pytest

import penstock as ps

tf = pytest.importorskip("tensorflow").compat.v1


def test_tensorflow_reads_partition_graphs() -> None:
    x = ps.placeholder(ps.float32, [2], name="x")
    with ps.device("/device:CPU:1"):
        y = ps.add(ps.exp(x), x, name="y")
        with ps.control_dependencies([y]):
            ordered = ps.identity(x * 3.0)
    with ps.device("/device:CPU:0"):
        z = ps.negative(y, name="z")
        with ps.control_dependencies([ordered]):
            z = ps.add(z, y)
    metadata = ps.RunMetadata()
    asked = ps.RunOptions(output_partition_graphs=True)
    with ps.Session(config=ps.ConfigProto(device_count={"CPU": 2})) as session:
        session.run(z, {x: np.zeros(2)}, options=asked, run_metadata=metadata)
    ops = set()
    for part in metadata.partition_graphs:
        # What a session adds has names that begin with _: those an import refuses, its own too.
        text = part.SerializeToString()
        read = tf.GraphDef.FromString(text)
        for node in read.node:
            node.name = node.name.lstrip("_")
            node.input[:] = [i.replace("^_", "^").lstrip("_") for i in node.input]
        with tf.Graph().as_default() as graph:
            tf.import_graph_def(read, name="")
        ops |= {o.type for o in graph.get_operations()}
        assert len(graph.get_operations()) == len(part.node)
    assert {"_Send", "_Recv", "_Arg", "_Retval", "Const"} <= ops
