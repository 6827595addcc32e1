"""The wire format beside TensorFlow's own message classes, in one process."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from penstock import protos

tf = pytest.importorskip("tensorflow")

# TensorFlow registers a file's messages when the file is imported.
for name in ("core.protobuf.meta_graph", "core.protobuf.saved_model", "core.util.event"):
    import_module(f"tensorflow.{name}_pb2")
for name in ("kernel_def", "graph", "cost_graph", "device_attributes", "variable"):
    import_module(f"tensorflow.core.framework.{name}_pb2")
for name in ("tensor_bundle", "tensorflow_server", "control_flow", "named_tensor", "queue_runner"):
    import_module(f"tensorflow.core.protobuf.{name}_pb2")
import_module("tensorflow.core.example.example_pb2")
import_module("tensorflow.python.training.checkpoint_state_pb2")


def messages() -> Iterator[Descriptor]:
    """Yield every message of our files, the nested ones too."""
    todo: list[Descriptor] = []
    for path in sorted(Path(protos.__file__).parent.glob("*_pb2.py")):
        module = import_module(f"penstock.protos.{path.stem}")
        todo += module.DESCRIPTOR.message_types_by_name.values()
    while todo:
        todo += todo[0].nested_types
        yield todo.pop(0)


def layout(field: FieldDescriptor) -> tuple[object, ...]:
    kind = field.message_type or field.enum_type
    group = field.containing_oneof.name if field.containing_oneof else None
    type_name = kind.full_name.replace("tensorflow.", "penstock.", 1) if kind else field.type
    return (
        *(field.number, field.is_repeated, field.is_packed, field.has_presence),
        *(group, type_name),
    )


@pytest.mark.parametrize("message", list(messages()), ids=lambda m: m.full_name)
def test_fields_are_tensorflows(message: Descriptor) -> None:
    name = message.full_name.replace("penstock.", "tensorflow.", 1)
    theirs = descriptor_pool.Default().FindMessageTypeByName(name)
    for field in message.fields:
        assert layout(field) == layout(theirs.fields_by_name[field.name]), field.full_name


def test_graph_survives_both_ways() -> None:
    graph = tf.Graph()
    with graph.as_default():
        x = tf.compat.v1.placeholder(tf.float32, [None, 3], "x")
        w = tf.constant(np.arange(6, dtype=np.float32).reshape(3, 2), name="w")
        tf.nn.relu(tf.matmul(x, w), name="y")
    theirs = graph.as_graph_def()
    ours = protos.GraphDef.FromString(theirs.SerializeToString())
    assert [n.name for n in ours.node] == [n.name for n in theirs.node]
    assert type(theirs).FromString(ours.SerializeToString()) == theirs
