"""Optimizer updates against NumPy: dense and sparse, both float types."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pytest

import penstock as ps
from penstock import _native, errors
from penstock.ops.registry import find_op

Array = np.ndarray[Any, Any]


class Rule(NamedTuple):
    """How many slots an update has, its scalars by name, and what it does."""

    slots: int
    scalars: dict[str, float]
    step: Callable[..., tuple[Array, ...]]
    attrs: Mapping[str, bool] = MappingProxyType({})


def descent(v: Array, g: Array, alpha: float) -> tuple[Array, ...]:
    return (v - alpha * g,)


def momentum(v: Array, a: Array, g: Array, lr: float, momentum: float) -> tuple[Array, ...]:
    a = a * momentum + g
    return v - lr * a, a


def nesterov(v: Array, a: Array, g: Array, lr: float, momentum: float) -> tuple[Array, ...]:
    a = a * momentum + g
    return v - lr * (g + momentum * a), a


def keras(v: Array, a: Array, g: Array, lr: float, momentum: float) -> tuple[Array, ...]:
    a = a * momentum - lr * g
    return v + a, a


def keras_nesterov(v: Array, a: Array, g: Array, lr: float, momentum: float) -> tuple[Array, ...]:
    a = a * momentum - lr * g
    return v + momentum * a - lr * g, a


def adagrad(v: Array, a: Array, g: Array, lr: float, epsilon: float = 0) -> tuple[Array, ...]:
    a = a + g * g
    return v - lr * g / (np.sqrt(a) + epsilon), a


def frozen_adagrad(v: Array, a: Array, g: Array, lr: float) -> tuple[Array, ...]:
    return v - lr * g / np.sqrt(a), a


def adam(
    v: Array,
    m: Array,
    s: Array,
    g: Array,
    beta1_power: float,
    beta2_power: float,
    lr: float,
    beta1: float,
    beta2: float,
    epsilon: float,
    ahead: bool = False,
) -> tuple[Array, ...]:
    m, s = beta1 * m + (1 - beta1) * g, beta2 * s + (1 - beta2) * g * g
    top = beta1 * m + (1 - beta1) * g if ahead else m
    rate = lr * np.sqrt(1 - beta2_power) / (1 - beta1_power)
    return v - rate * top / (np.sqrt(s) + epsilon), m, s


def adam_ahead(*values: Any, **scalars: float) -> tuple[Array, ...]:
    return adam(*values, **scalars, ahead=True)


def rms_prop(
    v: Array,
    ms: Array,
    mom: Array,
    g: Array,
    lr: float,
    rho: float,
    momentum: float,
    epsilon: float,
) -> tuple[Array, ...]:
    ms = rho * ms + (1 - rho) * g * g
    mom = momentum * mom + lr * g / np.sqrt(ms + epsilon)
    return v - mom, ms, mom


def centered(
    v: Array,
    mg: Array,
    ms: Array,
    mom: Array,
    g: Array,
    lr: float,
    rho: float,
    momentum: float,
    epsilon: float,
) -> tuple[Array, ...]:
    ms, mg = rho * ms + (1 - rho) * g * g, rho * mg + (1 - rho) * g
    mom = momentum * mom + lr * g / np.sqrt(ms - mg * mg + epsilon)
    return v - mom, mg, ms, mom


def adadelta(
    v: Array, a: Array, d: Array, g: Array, lr: float, rho: float, epsilon: float
) -> tuple[Array, ...]:
    a = rho * a + (1 - rho) * g * g
    update = np.sqrt(d + epsilon) / np.sqrt(a + epsilon) * g
    return v - lr * update, a, rho * d + (1 - rho) * update * update


def ftrl(
    v: Array,
    a: Array,
    linear: Array,
    g: Array,
    lr: float,
    l1: float,
    l2: float,
    lr_power: float,
    l2_shrinkage: float = 0,
) -> tuple[Array, ...]:
    grown = a + g * g
    strength, before = grown**-lr_power, a**-lr_power
    linear = linear + g + 2 * l2_shrinkage * v - (strength - before) / lr * v
    pull = np.sign(linear) * l1 - linear
    v = np.where(np.abs(linear) > l1, pull / (strength / lr + 2 * l2), 0)
    return v, grown, linear


def ftrl_by_lr(v: Array, a: Array, linear: Array, g: Array, **scalars: float) -> tuple[Array, ...]:
    """Store lr * linear: the weights are the same."""
    lr = scalars["lr"]
    v, a, linear = ftrl(v, a, linear / lr, g, **scalars)
    return v, a, linear * lr


def shrunk(x: Array, amount: Any) -> Array:
    return np.sign(x) * np.maximum(np.abs(x) - amount, 0)


def proximal(v: Array, g: Array, alpha: float, l1: float, l2: float) -> tuple[Array, ...]:
    return (shrunk(v - alpha * g, alpha * l1) / (1 + alpha * l2),)


def proximal_adagrad(
    v: Array, a: Array, g: Array, lr: float, l1: float, l2: float
) -> tuple[Array, ...]:
    a = a + g * g
    rate = lr / np.sqrt(a)
    return shrunk(v - rate * g, rate * l1) / (1 + rate * l2), a


def adagrad_da(
    v: Array,
    total: Array,
    squares: Array,
    g: Array,
    lr: float,
    l1: float,
    l2: float,
    global_step: int,
) -> tuple[Array, ...]:
    total, squares = total + g, squares + g * g
    step = -lr * shrunk(total, l1 * global_step)
    return step / (l2 * global_step * lr + np.sqrt(squares)), total, squares


ADAM = {
    "beta1_power": 0.81,
    "beta2_power": 0.99,
    "lr": 0.1,
    "beta1": 0.9,
    "beta2": 0.999,
    "epsilon": 1e-3,
}
RMS = {"lr": 0.1, "rho": 0.9, "momentum": 0.5, "epsilon": 1e-3}
FTRL = {"lr": 0.1, "l1": 0.3, "l2": 0.1, "lr_power": -0.5}

RULES = {
    "ApplyGradientDescent": Rule(0, {"alpha": 0.1}, descent),
    "ApplyMomentum": Rule(1, {"lr": 0.1, "momentum": 0.9}, momentum),
    "ApplyMomentum-nesterov": Rule(
        1, {"lr": 0.1, "momentum": 0.9}, nesterov, {"use_nesterov": True}
    ),
    "ApplyKerasMomentum": Rule(1, {"lr": 0.1, "momentum": 0.9}, keras),
    "ApplyKerasMomentum-nesterov": Rule(
        1, {"lr": 0.1, "momentum": 0.9}, keras_nesterov, {"use_nesterov": True}
    ),
    "ApplyAdagrad": Rule(1, {"lr": 0.1}, adagrad),
    "ApplyAdagrad-frozen": Rule(1, {"lr": 0.1}, frozen_adagrad, {"update_slots": False}),
    "ApplyAdagradV2": Rule(1, {"lr": 0.1, "epsilon": 0.01}, adagrad),
    "ApplyAdam": Rule(2, ADAM, adam),
    "ApplyAdam-nesterov": Rule(2, ADAM, adam_ahead, {"use_nesterov": True}),
    "ApplyRMSProp": Rule(2, RMS, rms_prop),
    "ApplyCenteredRMSProp": Rule(3, RMS, centered),
    "ApplyAdadelta": Rule(2, {"lr": 0.1, "rho": 0.9, "epsilon": 1e-3}, adadelta),
    "ApplyFtrl": Rule(2, FTRL, ftrl),
    "ApplyFtrl-power": Rule(2, {**FTRL, "lr_power": -0.7}, ftrl),
    "ApplyFtrl-by-lr": Rule(2, FTRL, ftrl_by_lr, {"multiply_linear_by_lr": True}),
    "ApplyFtrlV2": Rule(2, {**FTRL, "l2_shrinkage": 0.05}, ftrl),
}
RULES |= {
    "ApplyProximalGradientDescent": Rule(0, {"alpha": 0.1, "l1": 0.5, "l2": 0.2}, proximal),
    "ApplyProximalAdagrad": Rule(1, {"lr": 0.1, "l1": 0.5, "l2": 0.2}, proximal_adagrad),
    "ApplyAdagradDA": Rule(2, {"lr": 0.1, "l1": 0.1, "l2": 0.2, "global_step": 3}, adagrad_da),
}
DENSE_ONLY = ("ApplyGradientDescent", "ApplyAdagradV2", "ApplyAdam")
SPARSE = [name for name in RULES if name.split("-")[0] not in DENSE_ONLY]


def slots_of(rule: Rule, shape: tuple[int, ...], dtype: str) -> list[Array]:
    """Return the weight and its slots before the update: such that every rule is defined."""
    rng = np.random.default_rng(5)
    weight = rng.uniform(-1, 1, shape)
    slots = [rng.uniform(0.5, 1.0, shape) for _ in range(rule.slots)]
    if rule.step is centered:
        slots[0] *= 0.5  # the mean of the gradients, whose square is below the mean square
    return [a.astype(ps.as_dtype(dtype).numpy_dtype) for a in (weight, *slots)]


def build(
    op: str, rule: Rule, start: list[Array], grad: Any, indices: Any = None
) -> tuple[list[ps.Operation], ps.Operation, list[ps.Tensor]]:
    """Return initialisation, the update, and reads of the weight and its slots."""
    dtype = ps.as_dtype(start[0].dtype)
    handles = [
        ps.raw_ops.VarHandleOp(dtype=dtype, shape=a.shape, shared_name=f"slot{i}")
        for i, a in enumerate(start)
    ]
    given = {"grad": grad, "delta": grad, "indices": indices}
    names = [a.name for a in find_op(op).inputs][len(handles) :]
    rest = [
        given[n]
        if n in given
        else np.array(rule.scalars[n], np.int64 if n == "global_step" else start[0].dtype)
        for n in names
    ]
    init = [
        ps.raw_ops.AssignVariableOp(h, ps.constant(a)) for h, a in zip(handles, start, strict=True)
    ]
    update = getattr(ps.raw_ops, op)(*handles, *rest, **rule.attrs)
    return init, update, [ps.raw_ops.ReadVariableOp(h, dtype=dtype) for h in handles]


TOLERANCE = {"float64": 1e-10, "float32": 2e-5, "float16": 1e-2, "bfloat16": 6e-2}


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("name", RULES)
def test_dense_update(name: str, dtype: str, rng: np.random.Generator) -> None:
    rule = RULES[name]
    start = slots_of(rule, (27, 13), dtype)
    grad = rng.uniform(-1, 1, (27, 13)).astype(ps.as_dtype(dtype).numpy_dtype)
    expected = [a.astype(np.float64) for a in start]
    scalars = {k: float(np.array(v, start[0].dtype)) for k, v in rule.scalars.items()}
    init, update, reads = build(f"Resource{name.split('-')[0]}", rule, start, grad)
    with ps.Session() as session:
        session.run(init)
        for _ in range(2):
            session.run(update)
            expected = list(rule.step(*expected, grad.astype(np.float64), **scalars))
        values = session.run(reads)
    for value, wanted in zip(values, expected, strict=True):
        tolerance = TOLERANCE[dtype]
        wide = value.astype(np.float64)
        np.testing.assert_allclose(wide, wanted, rtol=tolerance, atol=tolerance)


REAL_ONLY = ("Ftrl", "Proximal", "DA")


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
@pytest.mark.parametrize("name", [n for n in RULES if not any(r in n for r in REAL_ONLY)])
def test_complex_update(name: str, dtype: str, rng: np.random.Generator) -> None:
    rule = RULES[name]
    start = slots_of(rule, (5, 3), dtype)
    grad = (rng.uniform(-1, 1, (5, 3)) + 1j * rng.uniform(-1, 1, (5, 3))).astype(dtype)
    wide = [a.astype(np.complex128) for a in start]
    expected = rule.step(*wide, grad.astype(np.complex128), **rule.scalars)
    init, update, reads = build(f"Resource{name.split('-')[0]}", rule, start, grad)
    with ps.Session() as session:
        session.run(init)
        session.run(update)
        values = session.run(reads)
    for value, wanted in zip(values, expected, strict=True):
        np.testing.assert_allclose(value, wanted, rtol=1e-4 if dtype == "complex64" else 1e-10)


def test_hyperparameters_are_real() -> None:
    rule = RULES["ApplyGradientDescent"]._replace(scalars={"alpha": 1j})  # type: ignore[dict-item]
    start = slots_of(rule, (2,), "complex64")
    init, update, _ = build("ResourceApplyGradientDescent", rule, start, start[0])
    with ps.Session() as session:
        session.run(init)
        with pytest.raises(errors.InvalidArgumentError, match="must be real"):
            session.run(update)


@pytest.mark.parametrize("name", SPARSE)
def test_sparse_update(name: str, rng: np.random.Generator) -> None:
    rule = RULES[name]
    start = slots_of(rule, (6, 3), "float64")
    indices = np.array([4, 0, 4], np.int32)
    grad = rng.uniform(-1, 1, (3, 3))
    expected = [a.copy() for a in start]
    for k, row in enumerate(indices):
        after = rule.step(*[a[row] for a in expected], grad[k], **rule.scalars)
        for array, value in zip(expected, after, strict=True):
            array[row] = value
    init, update, reads = build(f"ResourceSparse{name.split('-')[0]}", rule, start, grad, indices)
    with ps.Session() as session:
        session.run(init)
        session.run(update)
        values = session.run(reads)
    for value, wanted in zip(values, expected, strict=True):
        np.testing.assert_allclose(value, wanted, rtol=1e-10)


def test_every_update_op_is_tested() -> None:
    dense = {f"Resource{n.split('-')[0]}" for n in RULES}
    sparse = {f"ResourceSparse{n.split('-')[0]}" for n in SPARSE}
    prefixes = ("ResourceApply", "ResourceSparse")
    kernels = {op for op in _native.kernel_ops() if op.startswith(prefixes)}
    assert kernels == dense | sparse


def test_a_large_update_is_the_same_in_parallel() -> None:
    rule = RULES["ApplyAdam"]
    start = slots_of(rule, (300, 1000), "float32")
    grad = np.linspace(-1, 1, 300000, dtype=np.float32).reshape(300, 1000)
    init, update, reads = build("ResourceApplyAdam", rule, start, grad)
    with ps.Session() as session:
        session.run(init)
        session.run(update)
        values = session.run(reads)
    for value, wanted in zip(values, rule.step(*start, grad, **ADAM), strict=True):
        np.testing.assert_allclose(value, wanted, rtol=1e-4, atol=1e-5)


def test_mistakes_are_named() -> None:
    rule = RULES["ApplyMomentum"]
    start = slots_of(rule, (4,), "float32")
    with pytest.raises(errors.ShapeError):
        build("ResourceApplyMomentum", rule, start, np.zeros(5, np.float32))
    grad = ps.placeholder(ps.float32)
    init, update, _ = build("ResourceApplyMomentum", rule, start, grad)
    with ps.Session() as session:
        with pytest.raises(errors.FailedPreconditionError, match="slot0"):
            session.run(update, {grad: np.zeros(4)})
        session.run(init)
        with pytest.raises(errors.InvalidArgumentError, match=r"\[4\].*\[5\]"):
            session.run(update, {grad: np.zeros(5)})
    handle = ps.raw_ops.VarHandleOp(dtype=ps.float32, shape=[4], shared_name="slot0")
    twice = ps.raw_ops.ResourceApplyMomentum(handle, handle, 0.1, np.zeros(4, np.float32), 0.9)
    with ps.Session() as session:
        session.run(init)
        with pytest.raises(errors.InvalidArgumentError, match="twice"):
            session.run(twice)


def test_a_bad_row_is_named() -> None:
    rule = RULES["ApplyAdagrad"]
    start = slots_of(rule, (4, 2), "float32")
    rows = ps.placeholder(ps.int32, [1])
    grad = np.zeros((1, 2), np.float32)
    init, update, _ = build("ResourceSparseApplyAdagrad", rule, start, grad, rows)
    with ps.Session() as session:
        session.run(init)
        with pytest.raises(errors.InvalidArgumentError, match=r"indices\[0\] = 4 "):
            session.run(update, {rows: [4]})
