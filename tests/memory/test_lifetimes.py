"""Lifetimes of small partitions, by hand."""

import numpy as np

import penstock as ps
from penstock.graph.ir import IR
from penstock.memory.arena_plan import plan_arena
from penstock.memory.lifetimes import Block, Lifetimes, lifetimes
from penstock.memory.picture import arena_svg

KB = 4096


def planned(fetches: object, targets: object = None) -> IR:
    """The partition of a run, in its order."""
    session = ps.Session(graph=ps.get_default_graph())
    run = [fetches] if targets is None else [fetches, targets]
    plan = session._find_call(run, {}).plan
    (part,) = plan.partitions.values()
    return part


def vector(name: str) -> ps.Tensor:
    """A value that a kernel makes, of 4096 bytes."""
    return ps.random_uniform([1024], name=name)


def block(found: Lifetimes, tensor: ps.Tensor) -> Block:
    name = tensor.op.name
    name = name if name in found.nodes else f"{name}/RandomUniform"
    return found.blocks[found.block_of[name, 0]]


def test_an_output_takes_over_a_dying_input() -> None:
    with ps.Graph().as_default():
        a = vector("a")
        b = ps.tanh(a)
        c = ps.tanh(b) * ps.reduce_sum(b)
        found = lifetimes(planned(ps.reduce_max(c)))
    assert block(found, a) is block(found, b)
    assert block(found, c) is not block(found, b)
    assert max(found.live(kinds=("step",))) in range(2 * KB, 2 * KB + 512)


def test_views_share_and_prolong() -> None:
    with ps.Graph().as_default():
        a = vector("a")
        v = ps.reshape(a, [32, 32])
        m = ps.matmul(v, v)
        s = ps.reduce_sum(m + v)
        found = lifetimes(planned(s))
    assert block(found, a) is block(found, v)
    assert block(found, a).last > found.nodes.index(m.op.name)


def test_what_is_fetched_lives_to_the_end() -> None:
    with ps.Graph().as_default():
        a = vector("a")
        b = ps.tanh(a)
        c = ps.reduce_sum(ps.matmul(ps.reshape(b, [1, -1]), ps.reshape(b, [-1, 1])))
        part = planned(ps.reshape(b, [2, 512]), c)
        found = lifetimes(part)
    assert block(found, b).kind == "fetched"
    assert block(found, b).last == len(part) - 1
    assert plan_arena(part) is None


def test_a_variable_takes_what_it_is_assigned() -> None:
    with ps.Graph().as_default():
        v = ps.get_variable("v", [1024], initializer=ps.zeros_initializer())
        a = ps.tanh(vector("a"))
        found = lifetimes(planned(v.assign(a).op))
    assert block(found, a).kind == "handed"


def test_unknown_sizes_are_left_out() -> None:
    with ps.Graph().as_default():
        n = ps.random_uniform([], 3, 5, dtype=ps.int32)
        a = ps.random_uniform(ps.stack([n]), name="a")
        found = lifetimes(planned(ps.reduce_sum(ps.tanh(a))))
    assert block(found, a).kind == "unknown"
    assert block(found, a) not in [b for b in found.blocks if b.kind == "step"]


def test_a_plan_tells_and_draws() -> None:
    with ps.Graph().as_default():
        h = vector("a")
        for _ in range(4):
            h = ps.reshape(ps.matmul(ps.reshape(h, [32, 32]), np.eye(32, dtype=np.float32)), [-1])
        plan = plan_arena(planned(ps.reduce_sum(h)))
    assert plan is not None
    assert plan.bytes == plan.live == 2 * KB
    assert plan.ratio == 1.0
    assert "2 at once" not in str(plan) and "8,192 bytes" in str(plan)
    assert arena_svg(plan).count("<rect") == 2 + len(plan.blocks)
