"""Memory: limits and what their errors tell, the cache's bound, what a training step allocates."""

import os
from typing import Any

import numpy as np
import pytest

import penstock as ps
from penstock import _native
from penstock.options import current, from_environment, parse_bytes

ADDRESS_SANITIZER = os.environ.get("PENSTOCK_SANITIZE") == "address"
nothing_is_cached = pytest.mark.skipif(ADDRESS_SANITIZER, reason="the sanitizer keeps freed memory")


def test_running_out_lists_the_largest_tensors_by_node():
    x = ps.placeholder(ps.float32, [None], name="x")
    v = ps.Variable(np.ones(50_000, np.float32), name="weights")
    a = ps.exp(x, name="a")
    b = ps.exp(a * 2.0, name="b")
    c = ps.concat([a, b, a, b], 0, name="c")
    with ps.Session() as session:
        session.run(v.initializer)
        session.run(c, {x: np.zeros(10)})
        session.set_memory_limit(2_000_000)
        live = session.memory_stats()["live"]
        for _ in range(3):
            with pytest.raises(ps.errors.ResourceExhaustedError) as caught:
                session.run(c, {x: np.zeros(100_000, np.float32)})
        text = str(caught.value)
        assert 'ConcatV2 "c" on CPU:0: out of memory: 1600000 bytes wanted' in text
        assert "the limit is 2000000 bytes" in text and "built at" in text
        table = text[text.index("largest live tensors") :].splitlines()[1:]
        rows = [line.split(maxsplit=1) for line in table if line[:14].strip().isdigit()]
        places = [f"test_memory.py:{t.op._source.lineno}" for t in (a, b, v.handle)]
        assert [row[1] for row in rows[:3]] == [
            f'float32[100000]  Exp "a"  {places[0]}',
            f'float32[100000]  Exp "b"  {places[1]}',
            f'float32[50000]  variable "weights"  {places[2]}',
        ]
        sizes = [int(row[0]) for row in rows[:5]]
        assert sizes == sorted(sizes, reverse=True) and sizes[0] >= 400_000
        assert session.memory_stats()["live"] == live
        assert session.run(c, {x: np.zeros(10)}).shape == (40,)
        session.set_memory_limit(None)
        assert session.run(c, {x: np.zeros(100_000, np.float32)}).shape == (400_000,)
        with pytest.raises(ValueError, match="positive number of bytes"):
            session.set_memory_limit(0)


def test_running_out_beside_other_branches():
    """The error of a run on several threads lists what was live when all had come to rest."""
    x = ps.placeholder(ps.float32, [1 << 16], name="x")
    y = x
    for _ in range(40):
        y = ps.exp(y * 0.5)
    branches = []
    for i in range(4):
        z = x
        for _ in range(20):
            z = ps.exp(z * 0.5)
        branches.append(ps.reshape(z, [-1, 1], name=f"z{i}"))
    wide = ps.matmul(branches[0], branches[1], transpose_b=True, name="wide")
    value = np.zeros(1 << 16, np.float32)
    config = ps.ConfigProto(inter_op_parallelism_threads=2, intra_op_parallelism_threads=1)
    with ps.Session(config=config) as session:
        session.set_memory_limit(1 << 30)
        for _ in range(4):
            with pytest.raises(ps.errors.ResourceExhaustedError, match=r'(?s)"wide".*z0'):
                session.run([y, wide, *branches], {x: value})
            assert session.memory_stats()["live"] <= 1 << 12
        assert session.run(y, {x: value}).shape == value.shape


def test_a_fed_value_that_does_not_fit():
    x = ps.placeholder(ps.float32, [None], name="x")
    v = ps.Variable(np.ones(1000, np.float32), name="weights")
    with ps.Session() as session:
        session.run(v.initializer)
        y = x + 1.0
        assert session.run(y, {x: [1.0]}) == 2.0
        session.set_memory_limit(session.memory_stats()["live"])
        with pytest.raises(ps.errors.ResourceExhaustedError, match=r'(?s)"x:0".*"weights"'):
            session.run(y, {x: [1.0]})
        session.set_memory_limit(None)
        assert session.run(y, {x: [1.0]}) == 2.0


def test_an_absurd_request_is_refused_and_the_session_goes_on():
    n = ps.placeholder(ps.int32, [2])
    y = ps.fill(n, 1.0, name="huge")
    with ps.Session() as session:
        for shape in ([1 << 20, 1 << 20], [1 << 16, 1 << 22]):
            with pytest.raises(ps.errors.ResourceExhaustedError, match="the system refused"):
                session.run(y, {n: shape})
        assert session.run(y, {n: [2, 3]}).shape == (2, 3)


def test_the_limit_from_the_environment(monkeypatch):
    options = from_environment({"PENSTOCK_MEMORY_LIMIT": "1MiB"})
    assert options.memory_limit == 1 << 20 and from_environment({}).memory_limit == 0
    with pytest.raises(ValueError, match="no number of bytes"):
        parse_bytes("much")
    monkeypatch.setattr("penstock.options.current", options)
    size = ps.placeholder(ps.int32, [])
    with (
        ps.Session() as session,
        pytest.raises(ps.errors.ResourceExhaustedError, match="limit is 1048576"),
    ):
        session.run(ps.fill([size], 1.0), {size: 1 << 20})


def resident_bytes() -> int:
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGESIZE")


@nothing_is_cached
@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="needs /proc")
def test_trimming_gives_memory_back_to_the_system():
    n = ps.placeholder(ps.int32, [])
    total = ps.reduce_sum(ps.exp(ps.fill([n, 1024], 0.5)))
    with ps.Session() as session:
        session.run(total, {n: 16 << 10})  # 64 MiB
        before, stats = resident_bytes(), session.memory_stats()
        assert stats["reserved"] - stats["live"] >= 64 << 20
        assert session.trim_memory() == stats["reserved"] - stats["live"]
        assert session.memory_stats()["reserved"] == stats["live"]
        assert before - resident_bytes() > 60 << 20
        assert session.trim_memory() == 0


@nothing_is_cached
def test_the_cache_is_bounded_when_shapes_grow():
    n = ps.placeholder(ps.int32, [])
    total = ps.reduce_sum(ps.sqrt(ps.cumsum(ps.fill([n], 1.0))))
    with ps.Session() as session:
        size = 1 << 10
        while size < 40 << 20:
            session.run(total, {n: size // 4})
            size = size * 9 // 8
        stats = session.memory_stats()
        assert stats["reserved"] - stats["live"] <= max(stats["peak"], 64 << 20)


@nothing_is_cached
def test_a_steady_step_needs_nothing_from_the_system():
    net = Convnet()
    config = ps.ConfigProto(inter_op_parallelism_threads=1, intra_op_parallelism_threads=1)
    with ps.Session(config=config) as session:
        session.run(net.initializers)
        for _ in range(3):
            session.run(net.train, net.feed)
        before = session.memory_stats()["system_allocations"]
        for _ in range(5):
            session.run(net.train, net.feed)
        assert session.memory_stats()["system_allocations"] == before


def fresh_outputs(ir: Any) -> int:
    """How many tensors a step must make: one for each output that no dying input can become."""
    views = {"_Arg", "_Retval", "Const", "VarHandleOp", "ReadVariableOp", "Reshape", "NoOp"}
    in_place = {"BiasAdd", "Relu", "ReluGrad", "Mul", "ResourceApplyGradientDescent"}
    # Of the cross-entropy's two outputs the gradient takes the place of the logits.
    forwarded = {"SparseSoftmaxCrossEntropyWithLogits": 1}
    return sum(
        len(node.dtypes) - forwarded.get(node.op, 0)
        for node in ir
        if node.op not in views and node.op not in in_place
    )


@nothing_is_cached
def test_a_convnet_step_allocates_its_outputs_and_nothing_else():
    """Beside outputs only scratch: what a kernel needs while it computes, listed here by op."""
    most_scratch = {
        "Conv2D": 2,  # the library's scratch memory, the filter in its layout
        "Conv2DBackpropInput": 2,
        "Conv2DBackpropFilter": 2,
        "MatMul": 1,  # copies of blocks
        "BiasAddGrad": 1,  # sums of blocks of rows
        "SparseSoftmaxCrossEntropyWithLogits": 1,  # the labels as int64
    }
    net = Convnet()
    config = ps.ConfigProto(inter_op_parallelism_threads=1, intra_op_parallelism_threads=1)
    with ps.Session(config=config) as session:
        session.run(net.initializers)
        for _ in range(4):
            _, memory = session.run_with_memory(net.train, net.feed)
        ir = session.explain_plan(net.train, net.feed).ir
        outputs = fresh_outputs(ir)
        assert outputs == 16
        scratch = sum(most_scratch.get(node.op, 0) for node in ir)
        # The portable convolutions gather patches, a piece of an image at a time.
        by_library = any(entry.label == "onednn" for entry in _native.kernel_entries("Conv2D"))
        most = outputs + scratch if by_library and not current.portable_kernels else 2**31
        assert outputs <= memory.allocations <= most


F32 = (6, 8, 8, 4)
MASK = np.arange(6 * 8 * 8 * 4).reshape(F32) % 2 == 0
FORWARDING = {
    "exp": ps.exp,
    "negative": lambda x: -x,
    "add a scalar": lambda x: x + 1.0,
    "subtract from a scalar": lambda x: 1.0 - x,
    "multiply by a row": lambda x: x * ps.constant([1.0, 2.0, 3.0, 4.0]),
    "divide a tensor": lambda x: ps.constant(MASK.astype(np.float32)) / x,
    "maximum": lambda x: ps.maximum(x, 0.5),
    "power": lambda x: ps.pow(x, 3.0),
    "relu": ps.nn.relu,
    "elu": ps.nn.elu,
    "leaky_relu": ps.nn.leaky_relu,
    "relu6": ps.nn.relu6,
    "softplus": ps.nn.softplus,
    "sigmoid": ps.sigmoid,
    "tanh": ps.tanh,
    "bias_add": lambda x: ps.nn.bias_add(x, [1.0, 2.0, 3.0, 4.0]),
    "softmax": ps.nn.softmax,
    "log_softmax": ps.nn.log_softmax,
    "clip": lambda x: ps.clip_by_value(x, -1.0, 1.0),
    "add_n": lambda x: ps.add_n([x, ps.constant(MASK.astype(np.float32))]),
    "where": lambda x: ps.where(ps.constant(MASK), x, ps.constant(np.zeros(F32, np.float32))),
    "cast": lambda x: ps.cast(x, ps.int32),
    "reshape": lambda x: ps.reshape(x, [-1]),
    "expand and squeeze": lambda x: ps.squeeze(ps.expand_dims(x, 0), [0]),
    "bitcast": lambda x: ps.bitcast(x, ps.int32),
    "cumsum": lambda x: ps.cumsum(x, 3),
    "check_numerics": lambda x: ps.check_numerics(x, "here"),
}


@pytest.mark.parametrize("name", FORWARDING)
def test_an_op_takes_over_the_memory_of_its_dying_input(name):
    x = ps.placeholder(ps.float32, F32)
    y = FORWARDING[name](ps.square(x))
    value = np.linspace(-2, 2, MASK.size, dtype=np.float32).reshape(F32)
    config = ps.ConfigProto(inter_op_parallelism_threads=1, intra_op_parallelism_threads=1)
    with ps.Session(config=config) as session:
        for _ in range(3):
            _, memory = session.run_with_memory(y, {x: value})
    assert memory.allocations == 1
    assert memory.peak - memory.live_before < 2 * value.nbytes


class Convnet:
    """Two convolutions with pooling and a dense layer, trained by plain gradient descent."""

    def __init__(self) -> None:
        rng = np.random.default_rng(3)
        self.x = ps.placeholder(ps.float32, [8, 12, 12, 3])
        self.labels = ps.placeholder(ps.int32, [8])
        shapes = [(3, 3, 3, 16), (16,), (3, 3, 16, 16), (16,), (144, 10), (10,)]
        self.variables = [
            ps.Variable((0.1 * rng.standard_normal(s)).astype(np.float32)) for s in shapes
        ]
        w1, b1, w2, b2, w3, b3 = self.variables
        y = self.x
        for w, b in ((w1, b1), (w2, b2)):
            y = ps.nn.conv2d(y, w, strides=[1, 1, 1, 1], padding="SAME")
            y = ps.nn.relu(ps.nn.bias_add(y, b))
            y = ps.nn.max_pool(y, [1, 2, 2, 1], [1, 2, 2, 1], "SAME")
        logits = ps.nn.bias_add(ps.matmul(ps.reshape(y, [8, 144]), w3), b3)
        losses = ps.nn.sparse_softmax_cross_entropy_with_logits(labels=self.labels, logits=logits)
        self.loss = ps.reduce_mean(losses)
        self.train = ps.train.GradientDescentOptimizer(0.1).minimize(self.loss)
        self.initializers = [v.initializer for v in self.variables]
        self.feed = {
            self.x: rng.standard_normal((8, 12, 12, 3)).astype(np.float32),
            self.labels: rng.integers(0, 10, 8).astype(np.int32),
        }
