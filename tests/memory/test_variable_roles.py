"""Parameters and slots are told apart, whatever the optimizer does and wherever a graph is from."""

import numpy as np
import pytest

import penstock as ps
from penstock.runtime.variable_roles import variable_roles

OPTIMIZERS = {
    "adam": (lambda: ps.train.AdamOptimizer(), 2),
    "adagrad": (lambda: ps.train.AdagradOptimizer(0.1), 1),
    "momentum": (lambda: ps.train.MomentumOptimizer(0.1, 0.9), 1),
    "rmsprop": (lambda: ps.train.RMSPropOptimizer(0.1), 2),
    "ftrl": (lambda: ps.train.FtrlOptimizer(0.1), 2),
    "descent": (lambda: ps.train.GradientDescentOptimizer(0.1), 0),
}


def build(name: str) -> None:
    """A table read by rows and a matrix, trained; beside them a counter and an average."""
    ids = ps.placeholder(ps.int32, [4], name="ids")
    table = ps.get_variable("table", [10, 3])
    matrix = ps.get_variable("matrix", [3, 2])
    average = ps.get_variable("average", [3, 2], trainable=False)
    rows = ps.nn.embedding_lookup(table, ids)
    loss = ps.reduce_sum(ps.square(ps.matmul(rows, matrix)))
    step = ps.train.get_or_create_global_step()
    train = OPTIMIZERS[name][0]().minimize(loss, global_step=step, name="train")
    with ps.control_dependencies([train]):
        ps.assign(average, matrix)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_roles(name):
    build(name)
    graph = ps.get_default_graph()
    roles = variable_roles(graph)
    parameters = {v for v, role in roles.items() if role == "parameters"}
    slots = {v for v, role in roles.items() if role == "slots"}
    assert parameters == {"table", "matrix"}
    assert len(slots) == 2 * OPTIMIZERS[name][1], slots
    assert all("table/" in v or "matrix/" in v for v in slots)
    definition = graph.as_graph_def()
    with ps.Graph().as_default() as again:
        ps.import_graph_def(definition, name="")
        imported = variable_roles(again)
    assert {v for v, role in imported.items() if role == "slots"} >= {
        v for v in slots if "matrix/" in v
    }
    assert imported.get("matrix") == "parameters"


def test_usage_between_runs():
    build("adam")
    with ps.Session() as session:
        session.run(ps.global_variables_initializer())
        usage = session.memory_usage()["CPU:0"]
        assert usage.parameters == 128 + 64 and usage.slots == 2 * usage.parameters
        assert usage.variables == 4 * 64  # two powers, the average, the counter
        assert usage.live == sum(usage[4:])
        held = session.run(ps.fill([ps.placeholder_with_default(5000, [])], 1.0))
        assert session.memory_usage()["CPU:0"].rest >= usage.rest + held.nbytes
        assert np.all(held == 1)
