"""Graphs to look at: a small training graph, one of two thousand nodes, one on two devices."""

import random

import penstock as ps
from penstock import dtypes
from penstock.graph.extract import extract
from penstock.graph.ir import IR, Node
from penstock.passes.partition import partition
from tests.passes.placed import context, placed, session_of


def network() -> tuple[ps.Graph, ps.Operation, list[ps.Tensor]]:
    """Return a graph that trains a network of two layers, its update, its feeds."""
    with ps.Graph().as_default() as graph:
        x = ps.placeholder(ps.float32, [None, 8], name="x")
        y = ps.placeholder(ps.float32, [None, 1], name="y")
        hidden = ps.layers.dense(x, 4, ps.nn.relu, name="hidden")
        loss = ps.reduce_mean(ps.square(ps.layers.dense(hidden, 1, name="out") - y), name="loss")
        update = ps.train.AdamOptimizer(0.1).minimize(loss)
    return graph, update, [x, y]


def whole(graph: ps.Graph) -> IR:
    return IR([operation.to_node() for operation in graph.get_operations()], ())


def node(name: str, op: str, inputs: tuple[str, ...] = (), device: str = "") -> Node:
    ends = tuple((name, 0) for name in inputs)
    return Node(name, op, ends, (), {}, device, (dtypes.float32,), ((2,),))


def random_ir(count: int, seed: int, depth: int = 3) -> IR:
    """Return nodes in nested scopes that read random ones before them."""
    draw = random.Random(seed)
    nodes: list[Node] = []
    for i in range(count):
        scope = "/".join(f"s{draw.randrange(3)}" for _ in range(draw.randrange(depth + 1)))
        reads = draw.sample(nodes, min(len(nodes), draw.randrange(4)))
        name = f"{scope}/n{i}" if scope else f"n{i}"
        nodes.append(node(name, draw.choice(("Add", "Mul", "Relu")), tuple(n.name for n in reads)))
    return IR(nodes, ())


def layers_ir(count: int) -> IR:
    """Return about `count` nodes: layer after layer, as a deep network has them."""
    nodes = [node("x", "Placeholder")]
    last = "x"
    for k in range(count // 8):
        scope = f"block{k // 10}/layer{k % 10}"
        parts = ("w", "read", "matmul", "b", "add", "mean", "norm", "relu")
        w, read, matmul, b, add, mean, norm, relu = (f"{scope}/{part}" for part in parts)
        nodes += [
            *(node(w, "VarHandleOp"), node(read, "ReadVariableOp", (w,))),
            *(node(matmul, "MatMul", (last, read)), node(b, "VarHandleOp")),
            *(node(add, "AddV2", (matmul, b)), node(mean, "Mean", (add,))),
            *(node(norm, "Sub", (add, mean)), node(relu, "Relu", (norm,))),
        ]
        last = relu
    return IR(nodes, ())


def two_devices() -> dict[str, IR]:
    """Return the partitions of a product whose halves are computed on two devices."""
    with ps.Graph().as_default() as graph:
        x = ps.placeholder(ps.float32, [2, 3], name="x")
        with ps.name_scope("left"):
            left = ps.tanh(x) * 2.0
        with ps.name_scope("right"):
            right = ps.exp(x) + left
        y = ps.add(left, right, name="y")
    ir = extract(graph, [y], [], [x])
    on = placed(ir, lambda n: "CPU:1" if n.name.startswith("right") else "CPU:0")
    return partition(on, context(session_of("CPU")))
