"""Random tensors, and the seeds that make them repeatable.

Every op node has a stream of its own, chosen by its two seeds; see `get_seed`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock import dtypes
from penstock.exports import export
from penstock.graph.graph import get_default_graph
from penstock.graph.tensor import Tensor
from penstock.ops import convert
from penstock.ops.identity import same
from penstock.ops.infer import ShapeContext
from penstock.ops.registry import define_op, no_gradient
from penstock.ops.wrappers import raw
from penstock.shapes import Dims

_DEFAULT_GRAPH_SEED = 87654321
_SEEDS = "seed: int = 0, seed2: int = 0"


def spelt(ctx: ShapeContext) -> list[Dims]:
    """Return the shape that input 0 spells out."""
    ctx.rank_is(0, 1)
    values = ctx.ints(0)
    if values is not None and any(v is not None and v < 0 for v in values):
        ctx.fail(f"a shape cannot have negative dimensions: {values}")
    return [None if values is None else tuple(values)]


def _spelt_with_seed(ctx: ShapeContext) -> list[Dims]:
    seed = ctx.rank_is(1, 1)
    if seed is not None and seed[0] not in (2, None):
        ctx.fail(f"seed must have two elements, got {seed[0]}")
    return spelt(ctx)


for _name, _doc in (
    ("RandomUniform", "Random numbers, uniform in [0, 1)."),
    ("RandomStandardNormal", "Random numbers, normal with mean 0 and deviation 1."),
    ("TruncatedNormal", "As RandomStandardNormal, drawn again outside of (-2, 2)."),
):
    define_op(
        _name,
        inputs="shape: T",
        outputs="output: dtype",
        attrs=f"{_SEEDS}, dtype: floating, T: index",
        shape=spelt,
        stateful=True,
        doc=_doc,
    )
    no_gradient(_name)
for _name, _doc in (
    ("StatelessRandomUniform", "Numbers uniform in [0, 1), a function of the seed alone."),
    ("StatelessRandomNormal", "Normal numbers, a function of the seed alone."),
    ("StatelessTruncatedNormal", "Normal numbers in (-2, 2), a function of the seed alone."),
):
    define_op(
        _name,
        inputs="shape: T, seed: Tseed",
        outputs="output: dtype",
        attrs="dtype: floating = float32, T: index = int32, Tseed: index = int64",
        shape=_spelt_with_seed,
        doc=_doc,
    )
    no_gradient(_name)
define_op(
    "RandomUniformInt",
    inputs="shape: T, minval: Tout, maxval: Tout",
    outputs="output: Tout",
    attrs=f"{_SEEDS}, Tout: index, T: index",
    shape=spelt,
    stateful=True,
    doc="Random integers in [minval, maxval).",
)
define_op(
    "StatelessRandomUniformInt",
    inputs="shape: T, seed: Tseed, minval: dtype, maxval: dtype",
    outputs="output: dtype",
    attrs="dtype: index, T: index, Tseed: index = int64",
    shape=_spelt_with_seed,
    doc="Integers in [minval, maxval), a function of the seed alone.",
)
define_op(
    "RandomShuffle",
    inputs="value: T",
    outputs="output: T",
    attrs=f"{_SEEDS}, T: type",
    shape=same,
    stateful=True,
    doc="The rows of `value` in random order.",
)


def multinomial_shape(ctx: ShapeContext) -> list[Dims]:
    """Return [rows of input 0, the number in input 1]."""
    rows, count = ctx.rank_is(0, 2), ctx.scalar(1)
    ctx.rank_is(1, 0)
    return [(None if rows is None else rows[0], count)]


define_op(
    "Multinomial",
    inputs="logits: T, num_samples: int32",
    outputs="output: output_dtype",
    attrs=f"{_SEEDS}, T: real, output_dtype: index = int64",
    shape=multinomial_shape,
    stateful=True,
    doc="Class numbers drawn with unnormalised log-probabilities `logits`.",
)
no_gradient("RandomUniformInt", "StatelessRandomUniformInt", "RandomShuffle", "Multinomial")


# ---- seeds


@export("set_random_seed random.set_random_seed")
def set_random_seed(seed: int | None) -> None:
    """Set the seed of the default graph; nodes built later take their own from it.

    >>> with ps.Graph().as_default():
    ...     ps.set_random_seed(1)
    ...     x = ps.random_uniform([2])
    ...     a, b = ps.Session().run(x), ps.Session().run(x)
    >>> bool((a == b).all())
    True
    """
    get_default_graph().seed = None if seed is None else int(seed)


@export("get_seed random.get_seed")
def get_seed(op_seed: int | None) -> tuple[int | None, int | None]:
    """Return the two seeds of a random op that was given `op_seed`.

    Without seeds both are None: every session draws other numbers. The graph's seed and the
    op's are used together; a missing op seed is a count of the ops that took one from the
    graph, a missing graph seed a constant.
    """
    graph = get_default_graph()
    if graph.seed is None:
        return (None, None) if op_seed is None else (_DEFAULT_GRAPH_SEED, _wrapped(op_seed))
    second = graph.next_op_seed() if op_seed is None else op_seed
    seeds = _wrapped(graph.seed), _wrapped(second)
    return (0, (1 << 31) - 1) if seeds == (0, 0) else seeds


def _wrapped(seed: int) -> int:
    return int(seed) % ((1 << 31) - 1)


def seed_attrs(seed: int | None) -> dict[str, int]:
    """Return the seed attributes of a random op that was given `seed`."""
    first, second = get_seed(seed)
    return {"seed": first or 0, "seed2": second or 0}


# ---- public functions


def _index(shape: Any) -> Any:
    """Return a shape as something an op takes: [] is an int vector, not a float one."""
    if isinstance(shape, (list, tuple)) and not shape:
        return np.array([], dtype=np.int32)
    return convert.to_tensor(shape)


def _scaled(x: Tensor, scale: Any, offset: Any, name: str) -> Tensor:
    """Return x * scale + offset, leaving out what changes nothing."""
    kind = x.dtype.base_dtype
    if isinstance(offset, (int, float)) and offset == 0:
        if isinstance(scale, (int, float)) and scale == 1:
            return raw.Identity(x, name=name)  # type: ignore[no-any-return]
        return raw.Mul(x, convert.to_tensor(scale, kind), name=name)  # type: ignore[no-any-return]
    product = raw.Mul(x, convert.to_tensor(scale, kind))
    result: Tensor = raw.AddV2(product, convert.to_tensor(offset, kind), name=name)
    return result


@export("random_uniform random.uniform")
def random_uniform(
    shape: Any,
    minval: Any = 0,
    maxval: Any = None,
    dtype: Any = dtypes.float32,
    seed: int | None = None,
    name: str | None = None,
) -> Tensor:
    """Return random numbers, uniform in [minval, maxval) (1 by default; integers need it).

    >>> x = ps.Session().run(ps.random_uniform([1000], 2., 3.))
    >>> bool(2 <= x.min() and x.max() < 3)
    True
    """
    kind = dtypes.as_dtype(dtype)
    name = name or "random_uniform"
    if kind.is_integer:
        if maxval is None:
            raise ValueError(f"random_uniform of {kind.name} needs maxval")
        low, high = (convert.to_tensor(v, kind) for v in (minval, maxval))
        whole: Tensor = raw.RandomUniformInt(
            _index(shape), low, high, **seed_attrs(seed), name=name
        )
        return whole
    top = 1 if maxval is None else maxval
    x = raw.RandomUniform(
        _index(shape), dtype=kind, **seed_attrs(seed), name=f"{name}/RandomUniform"
    )
    return _scaled(x, _span(minval, top, kind), minval, name)


def _span(low: Any, high: Any, kind: dtypes.DType) -> Any:
    if isinstance(low, Tensor) or isinstance(high, Tensor):
        return raw.Sub(convert.to_tensor(high, kind), convert.to_tensor(low, kind))
    return high - low


@export("random_normal random.normal")
def random_normal(
    shape: Any,
    mean: Any = 0.0,
    stddev: Any = 1.0,
    dtype: Any = dtypes.float32,
    seed: int | None = None,
    name: str | None = None,
) -> Tensor:
    """Return random numbers, normal with that mean and standard deviation.

    >>> x = ps.Session().run(ps.random_normal([10000], mean=5., seed=1))
    >>> bool(abs(x.mean() - 5) < 0.1)
    True
    """
    name = name or "random_normal"
    node = f"{name}/RandomStandardNormal"
    x = raw.RandomStandardNormal(_index(shape), dtype=dtype, **seed_attrs(seed), name=node)
    return _scaled(x, stddev, mean, name)


@export("truncated_normal random.truncated_normal")
def truncated_normal(
    shape: Any,
    mean: Any = 0.0,
    stddev: Any = 1.0,
    dtype: Any = dtypes.float32,
    seed: int | None = None,
    name: str | None = None,
) -> Tensor:
    """Return normal numbers, drawn again when two deviations or more from the mean.

    >>> x = ps.Session().run(ps.truncated_normal([1000], seed=1))
    >>> bool(abs(x).max() < 2)
    True
    """
    name = name or "truncated_normal"
    node = f"{name}/TruncatedNormal"
    x = raw.TruncatedNormal(_index(shape), dtype=dtype, **seed_attrs(seed), name=node)
    return _scaled(x, stddev, mean, name)


@export("random_shuffle random.shuffle")
def random_shuffle(value: Any, seed: int | None = None, name: str | None = None) -> Tensor:
    """Return the rows of `value` in random order.

    >>> sorted(ps.Session().run(ps.random_shuffle([3, 1, 2])).tolist())
    [1, 2, 3]
    """
    result: Tensor = raw.RandomShuffle(value, **seed_attrs(seed), name=name)
    return result


@export("multinomial random.multinomial")
def multinomial(
    logits: Any,
    num_samples: Any,
    seed: int | None = None,
    name: str | None = None,
    output_dtype: Any = None,
) -> Tensor:
    """Return [rows, num_samples] class numbers drawn with log-probabilities `logits`.

    >>> ps.Session().run(ps.multinomial([[-100., 0.]], 3))
    array([[1, 1, 1]])
    """
    kind = dtypes.int64 if output_dtype is None else output_dtype
    result: Tensor = raw.Multinomial(
        logits, num_samples, output_dtype=kind, **seed_attrs(seed), name=name
    )
    return result


@export("random.categorical")
def categorical(
    logits: Any,
    num_samples: Any,
    dtype: Any = None,
    seed: int | None = None,
    name: str | None = None,
) -> Tensor:
    """Return [rows, num_samples] class numbers drawn with log-probabilities `logits`."""
    return multinomial(logits, num_samples, seed, name, dtype)


@export("random.stateless_uniform")
def stateless_uniform(
    shape: Any,
    seed: Any,
    minval: Any = 0,
    maxval: Any = None,
    dtype: Any = dtypes.float32,
    name: str | None = None,
    alg: str = "auto_select",
) -> Tensor:
    """Return uniform numbers that depend on `seed` (two integers) and nothing else.

    >>> x = ps.random.stateless_uniform([2], seed=[1, 2])
    >>> bool((ps.Session().run(x) == ps.Session().run(x)).all())
    True
    """
    kind = dtypes.as_dtype(dtype)
    name = name or "stateless_random_uniform"
    if kind.is_integer:
        if maxval is None:
            raise ValueError(f"stateless_uniform of {kind.name} needs maxval")
        low, high = (convert.to_tensor(v, kind) for v in (minval, maxval))
        whole: Tensor = raw.StatelessRandomUniformInt(_index(shape), seed, low, high, name=name)
        return whole
    top = 1 if maxval is None else maxval
    x = raw.StatelessRandomUniform(_index(shape), seed, dtype=kind)
    return _scaled(x, _span(minval, top, kind), minval, name)


@export("random.stateless_normal")
def stateless_normal(
    shape: Any,
    seed: Any,
    mean: Any = 0.0,
    stddev: Any = 1.0,
    dtype: Any = dtypes.float32,
    name: str | None = None,
    alg: str = "auto_select",
) -> Tensor:
    """Return normal numbers that depend on `seed` (two integers) and nothing else."""
    x = raw.StatelessRandomNormal(_index(shape), seed, dtype=dtype)
    return _scaled(x, stddev, mean, name or "stateless_random_normal")


@export("random.stateless_truncated_normal")
def stateless_truncated_normal(
    shape: Any,
    seed: Any,
    mean: Any = 0.0,
    stddev: Any = 1.0,
    dtype: Any = dtypes.float32,
    name: str | None = None,
    alg: str = "auto_select",
) -> Tensor:
    """Return truncated normal numbers that depend on `seed` (two integers) and nothing else."""
    x = raw.StatelessTruncatedNormal(_index(shape), seed, dtype=dtype)
    return _scaled(x, stddev, mean, name or "stateless_truncated_normal")
