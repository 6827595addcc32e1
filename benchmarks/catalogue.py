"""What is measured: one row a program, the same for every peer.

A row gives the name (`family/subject`), a sentence, the sizes that every implementation receives
as keyword arguments, and small sizes for the test that merely wants each program to run.
Results of the first steps must agree between peers within `tolerance`, as a share of the largest
magnitude. Programs of the family `training` also have their peak memory taken. `dialects` are
those in which a program has something to say: sessions and graph building belong to graph programs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Sizes = Mapping[str, Any]


@dataclass(frozen=True)
class Program:
    """A program of the catalogue."""

    name: str
    about: str
    sizes: Sizes = field(default_factory=dict)
    small: Sizes = field(default_factory=dict)
    tolerance: float = 1e-4
    dialects: tuple[str, ...] = ("graph", "jax", "torch")

    @property
    def family(self) -> str:
        """The part of the name before the slash."""
        return self.name.partition("/")[0]


MEGA = 1 << 20
GRAPH = ("graph",)
OP_BY_OP = ("graph", "torch")

FAMILIES = {
    "dispatch": "What a run costs beside its arithmetic",
    "building": "Python's share: building graphs, gradients, first runs",
    "start": "New processes",
    "devices": "Several devices in one process",
    "elementwise": "Elementwise",
    "products": "Matrix products",
    "convolutions": "Convolutions and pooling",
    "reductions": "Reductions",
    "layout": "Moving elements: transposes, gathers, joins",
    "normalisation": "Softmax, cross-entropy, normalisation",
    "optimizers": "Optimizer updates",
    "training": "Training steps, end to end",
}

DISPATCH = (
    Program("dispatch/run_constant", "`Session.run` of a scalar constant", dialects=GRAPH),
    Program("dispatch/call_constant", "`make_callable` of a scalar constant", dialects=GRAPH),
    Program("dispatch/run_scalar", "feed a scalar, add 1, fetch", dialects=GRAPH),
    Program("dispatch/call_scalar", "`make_callable` of a fed scalar plus 1"),
    Program("dispatch/run_ten", "feed ten scalars, fetch their ten successors", dialects=GRAPH),
    Program(
        "dispatch/run_matmul", "feed 100x784, multiply by a 784x10 variable, fetch", dialects=GRAPH
    ),
    Program("dispatch/call_matmul", "`make_callable` of a fed 100x784 by a 784x10 variable"),
    Program(
        "dispatch/feed_fetch", "feed 4M floats, add 1, fetch", {"count": 4 * MEGA}, {"count": 64}
    ),
    Program(
        "dispatch/chain",
        "10,000 scalar subtractions in a row",
        {"ops": 10_000},
        {"ops": 50},
        dialects=OP_BY_OP,
    ),
    Program(
        "dispatch/wide",
        "10,000 scalar additions side by side",
        {"ops": 10_000},
        {"ops": 50},
        dialects=OP_BY_OP,
    ),
    Program(
        "dispatch/chain_vectors",
        "2,000 additions of 1,024 floats in a row",
        {"ops": 2_000, "width": 1024},
        {"ops": 20, "width": 16},
        dialects=OP_BY_OP,
    ),
)

BUILDING = (
    Program(
        "building/graph", "a graph of 10,000 ops", {"ops": 10_000}, {"ops": 50}, dialects=GRAPH
    ),
    Program(
        "building/gradients",
        "gradients of a 200-layer perceptron",
        {"layers": 200},
        {"layers": 3},
        dialects=GRAPH,
    ),
    Program(
        "building/first_run",
        "new session to first result, graph of 10,000 ops",
        {"ops": 10_000},
        {"ops": 50},
        dialects=GRAPH,
    ),
    Program("start/import", "import in a new process"),
    Program("start/hello", "new process to the first result"),
)

DEVICES = (
    Program("devices/run_one", "feed a scalar, 3x - x, fetch, on one CPU device", dialects=GRAPH),
    Program("devices/run_two", "the same, the product on a second device", dialects=GRAPH),
    Program(
        "devices/transfers_none",
        "1,000 pairs of ops on 16 floats in a row, on one device",
        {"ops": 1000, "width": 16},
        {"ops": 4, "width": 3},
        dialects=GRAPH,
    ),
    Program(
        "devices/transfers",
        "the same, each pair on the other of two devices",
        {"ops": 1000, "width": 16},
        {"ops": 4, "width": 3},
        dialects=GRAPH,
    ),
    Program(
        "devices/first_run",
        "new session to first result, 10,000 ops over 8 devices",
        {"ops": 10_000},
        {"ops": 80},
        dialects=GRAPH,
    ),
)

ELEMENTWISE = (
    Program("elementwise/add", "x + y, 4M floats", {"count": 4 * MEGA}, {"count": 64}),
    Program(
        "elementwise/arithmetic",
        "eight additions and products, 4M floats",
        {"count": 4 * MEGA},
        {"count": 64},
    ),
    Program(
        "elementwise/functions",
        "chain with tanh, sigmoid, sqrt, exp, 4M floats",
        {"count": 4 * MEGA},
        {"count": 64},
    ),
    Program(
        "elementwise/functions_cached",
        "the chain with tanh, sigmoid, sqrt, exp over 64K floats",
        {"count": 1 << 16},
        {"count": 64},
    ),
    Program(
        "elementwise/bias_relu",
        "relu(x + row), 4096x1024",
        {"rows": 4096, "columns": 1024},
        {"rows": 4, "columns": 8},
    ),
    Program(
        "elementwise/gelu",
        "GELU (with tanh) and its gradient, 1M floats",
        {"count": MEGA},
        {"count": 64},
    ),
    Program(
        "elementwise/select", "where(x > y, x, 2y), 4M floats", {"count": 4 * MEGA}, {"count": 64}
    ),
)


def _product(subject: str, about: str, m: int, k: int, n: int) -> Program:
    return Program(f"products/{subject}", about, {"m": m, "k": k, "n": n}, {"m": 4, "k": 3, "n": 5})


PRODUCTS = (
    _product("square_256", "256x256 by 256x256", 256, 256, 256),
    _product("square_1024", "1024x1024 by 1024x1024", 1024, 1024, 1024),
    _product("square_2048", "2048x2048 by 2048x2048", 2048, 2048, 2048),
    _product("dense_layer", "128x784 by 784x512", 128, 784, 512),
    _product("one_row", "1x1024 by 1024x1024", 1, 1024, 1024),
    Program(
        "products/batched",
        "128 products of 128x64 by 64x128",
        {"batch": 128, "m": 128, "k": 64, "n": 128},
        {"batch": 2, "m": 4, "k": 3, "n": 5},
    ),
    Program(
        "products/gradients",
        "both gradients of 128x784 by 784x512",
        {"m": 128, "k": 784, "n": 512},
        {"m": 4, "k": 3, "n": 5},
    ),
)

# subject, batch, side, channels, filters, window, stride
_CONVOLUTIONS = (
    ("cifar_16", 32, 32, 16, 16, 3, 1),
    ("cifar_5x5", 64, 16, 32, 64, 5, 1),
    ("56x64_3x3", 8, 56, 64, 64, 3, 1),
    ("28x128_3x3", 8, 28, 128, 128, 3, 1),
    ("14x256_3x3", 8, 14, 256, 256, 3, 1),
    ("56x64_1x1", 8, 56, 64, 256, 1, 1),
    ("28x128_strided", 8, 28, 128, 256, 3, 2),
    ("stem_7x7", 8, 224, 3, 64, 7, 2),
)


def _convolutions() -> list[Program]:
    rows: list[Program] = []
    for subject, batch, side, channels, filters, window, stride in _CONVOLUTIONS:
        sizes = {
            "batch": batch,
            "side": side,
            "channels": channels,
            "filters": filters,
            "window": window,
            "stride": stride,
        }
        small = {**sizes, "batch": 1, "side": 8, "channels": 2, "filters": 3}
        about = f"[{batch},{side},{side},{channels}] by {window}x{window}x{filters}"
        about += f", stride {stride}" if stride > 1 else ""
        rows.append(Program(f"convolutions/forward_{subject}", about, sizes, small))
        about = f"both gradients of {about}" if channels > 3 else f"filter gradient of {about}"
        rows.append(Program(f"convolutions/backward_{subject}", about, sizes, small, 1e-3))
    return rows


_POOL = ({"batch": 32, "side": 32, "channels": 64}, {"batch": 2, "side": 4, "channels": 3})
CONVOLUTIONS = (
    *_convolutions(),
    Program("convolutions/max_pool", "2x2 maximum of [32,32,32,64], and its gradient", *_POOL),
    Program("convolutions/average_pool", "2x2 mean of [32,32,32,64], and its gradient", *_POOL),
)

_SQUARE = ({"rows": 2048, "columns": 2048}, {"rows": 6, "columns": 8})
_IMAGES = ({"shape": (32, 56, 56, 64)}, {"shape": (2, 3, 4, 5)})
REDUCTIONS = (
    Program("reductions/sum_all", "sum of 2048x2048", *_SQUARE, tolerance=1e-3),
    Program("reductions/sum_rows", "sum over axis 0 of 2048x2048", *_SQUARE),
    Program("reductions/sum_columns", "sum over axis 1 of 2048x2048", *_SQUARE),
    Program("reductions/max_columns", "maximum over axis 1 of 2048x2048", *_SQUARE),
    Program("reductions/argmax", "argmax over axis 1 of 2048x2048", *_SQUARE, tolerance=0),
    Program("reductions/channel_means", "mean over all but the channels, [32,56,56,64]", *_IMAGES),
)

_TABLE = (
    {"rows": 100_000, "width": 128, "count": 4096},
    {"rows": 20, "width": 4, "count": 6},
)
LAYOUT = (
    Program("layout/transpose", "transpose 2048x2048", *_SQUARE),
    Program("layout/channels_first", "transpose [32,56,56,64] by 0,3,1,2", *_IMAGES),
    Program(
        "layout/heads",
        "transpose [16,128,8,64] by 0,2,1,3",
        {"shape": (16, 128, 8, 64)},
        {"shape": (2, 3, 4, 5)},
    ),
    Program("layout/concat", "join two 2048x2048 along axis 1", *_SQUARE),
    Program("layout/slice", "the middle half of each axis of 2048x2048", *_SQUARE),
    Program("layout/pad", "pad 2048x2048 by 2 on each side", *_SQUARE),
    Program("layout/gather", "gather 4,096 rows of 100,000x128", *_TABLE),
    Program("layout/embedding_update", "sparse update of 4,096 rows of 100,000x128", *_TABLE),
)

_LOGITS = ({"rows": 512, "classes": 10_000}, {"rows": 4, "classes": 7})
NORMALISATION = (
    Program("normalisation/softmax", "softmax of 512x10,000", *_LOGITS),
    Program(
        "normalisation/cross_entropy", "cross-entropy of 512x10,000 and its gradient", *_LOGITS
    ),
    Program(
        "normalisation/batch_norm",
        "training batch norm of [32,28,28,128] and its gradients",
        {"shape": (32, 28, 28, 128)},
        {"shape": (2, 3, 4, 5)},
        tolerance=1e-3,
    ),
    Program(
        "normalisation/layer_norm",
        "layer norm of 2048x512, written with moments, and its gradients",
        {"rows": 2048, "columns": 512},
        {"rows": 4, "columns": 6},
        tolerance=1e-3,
    ),
)

_PARAMETERS = ({"variables": 10, "count": 1_000_000}, {"variables": 2, "count": 12})
OPTIMIZERS = (
    Program("optimizers/sgd", "gradient descent, ten variables of 1M", *_PARAMETERS),
    Program("optimizers/momentum", "momentum, ten variables of 1M", *_PARAMETERS),
    Program("optimizers/adam", "Adam, ten variables of 1M", *_PARAMETERS, tolerance=1e-3),
)

TRAINING = (
    Program(
        "training/mlp",
        "perceptron 784-512-512-10, batch 128, Adam",
        {"batch": 128, "widths": (784, 512, 512, 10)},
        {"batch": 4, "widths": (6, 5, 5, 10)},
        tolerance=1e-3,
    ),
    Program(
        "training/convnet",
        "two 5x5 convolutions, two dense layers, 32x32 images, batch 64, Adam",
        {"batch": 64, "side": 32, "filters": (32, 64), "units": 384},
        {"batch": 2, "side": 8, "filters": (3, 4), "units": 5},
        tolerance=1e-3,
    ),
    Program(
        "training/resnet20",
        "ResNet-20 for 32x32 images, batch 32, batch norm, momentum",
        {"batch": 32, "side": 32, "width": 16, "blocks": 3},
        {"batch": 2, "side": 8, "width": 4, "blocks": 1},
        tolerance=5e-3,
    ),
    Program(
        "training/word2vec",
        "skip-gram with NCE, 50,000 words of 128, batch 128, 64 fed candidates",
        {"words": 50_000, "width": 128, "batch": 128, "sampled": 64},
        {"words": 30, "width": 4, "batch": 5, "sampled": 3},
        tolerance=1e-3,
    ),
    Program(
        "training/transformer",
        "encoder of 4 layers, width 256, 8 heads, 16 sequences of 128, Adam",
        {"layers": 4, "width": 256, "heads": 8, "length": 128, "batch": 16, "words": 1000},
        {"layers": 1, "width": 8, "heads": 2, "length": 5, "batch": 2, "words": 11},
        tolerance=5e-3,
    ),
)

PROGRAMS: dict[str, Program] = {
    p.name: p
    for p in (
        *DISPATCH,
        *BUILDING,
        *DEVICES,
        *ELEMENTWISE,
        *PRODUCTS,
        *CONVOLUTIONS,
        *REDUCTIONS,
        *LAYOUT,
        *NORMALISATION,
        *OPTIMIZERS,
        *TRAINING,
    )
}


def choose(beginnings: list[str]) -> list[Program]:
    """Return the programs whose names begin with any of these; all of them for none.

    Raises:
        ValueError: a beginning fits no program.
    """
    for beginning in beginnings:
        if not any(name.startswith(beginning) for name in PROGRAMS):
            raise ValueError(f"no program begins with {beginning!r}; --list shows them")
    wanted = tuple(beginnings) or ("",)
    return [p for p in PROGRAMS.values() if p.name.startswith(wanted)]
