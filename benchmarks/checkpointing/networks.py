"""The networks of the recomputation bench as abstract problems.

Each function returns a `Problem` from a cost model: forward costs and bytes are given per
operation, a gradient costs twice its operation and reads what `saves` names (the inputs, the
output or nothing). Gradients arriving from several readers are added, in place. Parameters are
external. The input is made by a task that cannot run again, so it counts.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from penstock.remat.problem import Problem, Task, Value

BACKWARD = 2.0  # a gradient costs this many times its operation


@dataclass
class _Operation:
    name: str
    cost: float
    inputs: tuple[int, ...]
    output: int
    saves: str
    free: bool
    over: tuple[tuple[int, int], ...]


@dataclass
class Net:
    """Collects forward operations, then derives the joint problem."""

    values: list[Value] = field(default_factory=list)
    operations: list[_Operation] = field(default_factory=list)

    def feed(self, name: str, size: int) -> int:
        """Add an input."""
        return self.op(name, 0.0, size, (), saves="", source=True)

    def op(
        self,
        name: str,
        cost: float,
        size: int,
        inputs: tuple[int, ...],
        saves: str = "in",
        source: bool = False,
    ) -> int:
        """Add an operation; `saves` is some of "in" and "out". Return its value.

        One that does not save its inputs works element by element and may work in place.
        """
        self.values.append(Value(name, size))
        v = len(self.values) - 1
        over = tuple((v, i) for i in inputs) if "in" not in saves else ()
        self.operations.append(_Operation(name, cost, inputs, v, saves, source, over))
        return v

    def problem(self) -> Problem:
        """Return forward and backward tasks for a loss behind the last operation."""
        tasks = [
            Task(o.name, o.cost, o.inputs, (o.output,), 0, not o.free, in_place=o.over)
            for o in self.operations
        ]
        gradient: dict[int, int] = {}
        last = self.operations[-1]
        gradient[last.output] = self._value("ones", self.values[last.output].bytes)
        tasks.append(_backward("ones", 0.0, (), (gradient[last.output],)))
        for o in reversed(self.operations):
            if not o.free:
                self._differentiate(o, gradient, tasks)
        return Problem(tuple(tasks), tuple(self.values))

    def _value(self, name: str, size: int) -> int:
        self.values.append(Value(name, size))
        return len(self.values) - 1

    def _differentiate(self, o: _Operation, gradient: dict[int, int], tasks: list[Task]) -> None:
        arriving = gradient.pop(o.output)
        reads = [arriving]
        reads += o.inputs if "in" in o.saves else ()
        reads += (o.output,) if "out" in o.saves else ()
        made = {v: self._value(f"d_{o.name}_{v}", self.values[v].bytes) for v in o.inputs}
        pairs = tuple((g, arriving) for g in list(made.values())[:1])
        cost = BACKWARD * o.cost
        tasks.append(
            _backward(f"d_{o.name}", cost, tuple(dict.fromkeys(reads)), (*made.values(),), pairs)
        )
        for v, g in made.items():
            if v not in gradient:
                gradient[v] = g
                continue
            total = self._value(f"sum_{o.name}_{v}", self.values[v].bytes)
            old = gradient[v]
            tasks.append(
                _backward(f"sum_{o.name}_{v}", 0.0, (old, g), (total,), ((total, old), (total, g)))
            )
            gradient[v] = total


def _backward(
    name: str,
    cost: float,
    inputs: tuple[int, ...],
    outputs: tuple[int, ...],
    in_place: tuple[tuple[int, int], ...] = (),
) -> Task:
    return Task(name, cost, inputs, outputs, forward=False, recomputable=False, in_place=in_place)


def tanh_chain(length: int, size: int = 1) -> Problem:
    """Return x → tanh → tanh …; a gradient reads the output of its tanh."""
    net = Net()
    v = net.feed("x", size)
    for i in range(length):
        v = net.op(f"tanh{i}", 1.0, size, (v,), "out")
    return net.problem()


def residual_chain(blocks: int, size: int = 1) -> Problem:
    """Return blocks y = x + tanh(tanh(x)) of one size."""
    net = Net()
    v = net.feed("x", size)
    for i in range(blocks):
        inner = net.op(f"a{i}", 1.0, size, (v,), "out")
        inner = net.op(f"b{i}", 1.0, size, (inner,), "out")
        v = net.op(f"sum{i}", 0.1, size, (v, inner), "")
    return net.problem()


def resnet(stages: tuple[int, ...] = (3, 4, 6, 3), batch: int = 1) -> Problem:
    """Return a bottleneck ResNet: three convolutions, norms and relus a block, four widths."""
    net = Net()
    v = net.feed("x", batch * 224 * 224 * 3 * 4)
    v = _conv_norm_relu(net, "stem", v, batch * 56 * 56 * 64, 118.0)
    for s, blocks in enumerate(stages):
        pixels, width = batch * (56 >> s) ** 2, 64 << s
        for i in range(blocks):
            v = _bottleneck(net, f"s{s}b{i}", v, pixels, width, first=i == 0)
    net.op("pool", 0.1, batch * 2048 * 4, (v,), "")
    return net.problem()


def _bottleneck(net: Net, name: str, x: int, pixels: int, width: int, first: bool) -> int:
    small, wide = pixels * width, 4 * pixels * width
    flops = pixels * width * width / 1e6
    v = _conv_norm_relu(net, f"{name}a", x, small, 4 * flops)
    v = _conv_norm_relu(net, f"{name}b", v, small, 9 * flops)
    v = _conv_norm(net, f"{name}c", v, wide, 4 * flops)
    short = _conv_norm(net, f"{name}p", x, wide, 8 * flops) if first else x
    v = net.op(f"{name}sum", wide / 1e6, wide * 4, (v, short), "")
    return net.op(f"{name}relu", wide / 1e6, wide * 4, (v,), "out")


def _conv_norm(net: Net, name: str, x: int, elements: int, cost: float) -> int:
    v = net.op(f"{name}conv", cost, elements * 4, (x,), "in")
    return net.op(f"{name}norm", 5 * elements / 1e6, elements * 4, (v,), "in")


def _conv_norm_relu(net: Net, name: str, x: int, elements: int, cost: float) -> int:
    v = _conv_norm(net, name, x, elements, cost)
    return net.op(f"{name}relu", elements / 1e6, elements * 4, (v,), "out")


def unet(depth: int = 5, size: int = 256, width: int = 64) -> Problem:
    """Return a U-Net: two convolutions a level, down and up, skips joined by concatenation."""
    net = Net()
    v = net.feed("x", size * size * 3 * 4)
    skips: list[int] = []
    for d in range(depth):
        v = _double(net, f"down{d}", v, (size >> d) ** 2, width << d, 0.5 if d else 0.05)
        if d < depth - 1:
            skips.append(v)
            v = net.op(f"pool{d}", 0.1, net.values[v].bytes // 4, (v,), "in")
    for d in reversed(range(depth - 1)):
        pixels, channels = (size >> d) ** 2, width << d
        elements = pixels * channels
        v = net.op(f"up{d}", 4 * elements * channels * 2 / 1e6, elements * 4, (v,), "in")
        v = net.op(f"cat{d}", 2 * elements / 1e6, elements * 8, (skips[d], v), "")
        v = _double(net, f"up{d}", v, pixels, channels, 2.0)
    net.op("loss", 0.1, 4, (v,), "in")
    return net.problem()


def _double(net: Net, name: str, x: int, pixels: int, channels: int, share: float) -> int:
    elements = pixels * channels
    flops = 9 * elements * channels / 1e6
    v = _conv_norm_relu(net, f"{name}a", x, elements, flops * share)
    return _conv_norm_relu(net, f"{name}b", v, elements, flops)


def transformer(layers: int = 24, batch: int = 1, length: int = 512, width: int = 1024) -> Problem:
    """Return a Transformer encoder: attention, two layer norms, an MLP, dropout on each branch."""
    net = Net()
    tokens = batch * length
    flops = tokens * width * width / 1e6
    unit = tokens * width * 4
    v = net.feed("x", unit)
    for i in range(layers):
        v = _attention(net, f"l{i}", v, flops, unit, batch * length * length, width)
        v = _mlp(net, f"l{i}", v, flops, unit)
    net.op("loss", 0.1, 4, (v,), "in")
    return net.problem()


def _attention(
    net: Net, name: str, x: int, flops: float, unit: int, square: int, width: int
) -> int:
    heads = width // 64
    cheap = unit / 4e6
    normed = net.op(f"{name}ln1", 5 * cheap, unit, (x,), "in")
    q, k, v = (net.op(f"{name}{c}", flops, unit, (normed,), "in") for c in "qkv")
    product = square * width / 1e6
    scores = net.op(f"{name}qk", product, square * heads * 4, (q, k), "in")
    soft = net.op(f"{name}softmax", 5 * square * heads / 1e6, square * heads * 4, (scores,), "out")
    drop = net.op(f"{name}adrop", square * heads / 1e6, square * heads * 4, (soft,), "")
    mixed = net.op(f"{name}av", product, unit, (drop, v), "in")
    out = net.op(f"{name}proj", flops, unit, (mixed,), "in")
    out = net.op(f"{name}drop1", cheap, unit, (out,), "")
    return net.op(f"{name}add1", cheap, unit, (x, out), "")


def _mlp(net: Net, name: str, x: int, flops: float, unit: int) -> int:
    cheap = unit / 4e6
    v = net.op(f"{name}ln2", 5 * cheap, unit, (x,), "in")
    v = net.op(f"{name}up", 4 * flops, 4 * unit, (v,), "in")
    v = net.op(f"{name}gelu", 8 * 4 * cheap, 4 * unit, (v,), "in")
    v = net.op(f"{name}down", 4 * flops, unit, (v,), "in")
    v = net.op(f"{name}drop2", cheap, unit, (v,), "")
    return net.op(f"{name}add2", cheap, unit, (x, v), "")


def lstm(steps: int = 1000, size: int = 1) -> Problem:
    """Return an unrolled LSTM: gates (four sizes) from h, then c and h; both are carried."""
    net = Net()
    h, c = net.feed("h", size), net.feed("c", size)
    for i in range(steps):
        gates = net.op(f"gates{i}", 8.0, 4 * size, (h,), "in out")
        c = net.op(f"c{i}", 0.5, size, (gates, c), "in")
        h = net.op(f"h{i}", 0.5, size, (gates, c), "in")
    return net.problem()
