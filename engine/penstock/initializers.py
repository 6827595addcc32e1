"""Initializers: objects called with a shape and a dtype that return an initial value.

`get_variable(initializer=...)` and layers take them. Random ones follow the seeds of the graph
and their own, as every random op does. Each has `get_config` and `from_config`.
"""

from __future__ import annotations

import inspect
import math
from typing import Any, TypeVar

import numpy as np

from penstock import dtypes, shapes
from penstock.dtypes import DType
from penstock.exports import export
from penstock.graph.tensor import Tensor
from penstock.ops import constants, random, sources
from penstock.ops.wrappers import raw

Self = TypeVar("Self", bound="Initializer")


@export("initializers.Initializer")
class Initializer:
    """Base of initializers: parameters as attributes of the same names."""

    dtype: DType

    def __call__(self, shape: Any, dtype: Any = None, partition_info: Any = None) -> Tensor:
        """Return a tensor of that shape; `dtype` stands before the initializer's own."""
        kind = self.dtype if dtype is None else dtypes.as_dtype(dtype)
        dims = shapes.to_dims(shape)
        if not shapes.is_fully_defined(dims):
            raise ValueError(f"an initializer needs a known shape, not {shapes.render(dims)}")
        return self._make([int(d or 0) for d in dims or ()], kind)

    def _make(self, shape: list[int], dtype: DType) -> Tensor:
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        """Return the parameters, by which `from_config` makes an equal initializer."""
        names = [n for n in inspect.signature(type(self)).parameters if hasattr(self, n)]
        return {n: self.dtype.name if n == "dtype" else getattr(self, n) for n in names}

    @classmethod
    def from_config(cls: type[Self], config: dict[str, Any]) -> Self:
        """Make an initializer from what `get_config` returned."""
        return cls(**config)


@export("zeros_initializer initializers.zeros")
class Zeros(Initializer):
    """All zeros (False, empty strings).

    >>> ps.Session().run(ps.zeros_initializer()([2]))
    array([0., 0.], dtype=float32)
    """

    def __init__(self, dtype: Any = dtypes.float32) -> None:
        """Take the default dtype."""
        self.dtype = dtypes.as_dtype(dtype)

    def _make(self, shape: list[int], dtype: DType) -> Tensor:
        return constants.zeros(shape, dtype)


@export("ones_initializer initializers.ones")
class Ones(Initializer):
    """All ones."""

    def __init__(self, dtype: Any = dtypes.float32) -> None:
        """Take the default dtype."""
        self.dtype = dtypes.as_dtype(dtype)

    def _make(self, shape: list[int], dtype: DType) -> Tensor:
        return constants.ones(shape, dtype)


@export("constant_initializer initializers.constant")
class Constant(Initializer):
    """A number for all elements, or values in order; too few repeat the last one.

    With `verify_shape` the value must have the shape that is asked for.

    >>> ps.Session().run(ps.constant_initializer([1., 2.])([3]))
    array([1., 2., 2.], dtype=float32)
    """

    def __init__(
        self, value: Any = 0, dtype: Any = dtypes.float32, verify_shape: bool = False
    ) -> None:
        """Take the value; `TypeError` when it is neither a number nor a list or array."""
        if not (np.isscalar(value) or isinstance(value, (list, tuple, np.ndarray))):
            raise TypeError(f"constant_initializer needs numbers or a list of them, not {value!r}")
        self.value = value
        self.dtype = dtypes.as_dtype(dtype)
        self.verify_shape = verify_shape

    def __call__(
        self,
        shape: Any,
        dtype: Any = None,
        partition_info: Any = None,
        verify_shape: bool | None = None,
    ) -> Tensor:
        """Return the value in that shape."""
        check = self.verify_shape if verify_shape is None else verify_shape
        kind = self.dtype if dtype is None else dtypes.as_dtype(dtype)
        return sources.constant(self.value, kind, shape, verify_shape=check)


@export("random_uniform_initializer initializers.random_uniform")
class RandomUniform(Initializer):
    """Uniform in [minval, maxval); `maxval` is 1 for floats by default."""

    def __init__(
        self,
        minval: Any = 0.0,
        maxval: Any = None,
        seed: int | None = None,
        dtype: Any = dtypes.float32,
    ) -> None:
        """Take the bounds."""
        self.minval, self.maxval, self.seed = minval, maxval, seed
        self.dtype = dtypes.as_dtype(dtype)

    def _make(self, shape: list[int], dtype: DType) -> Tensor:
        return random.random_uniform(shape, self.minval, self.maxval, dtype, self.seed)


@export("random_normal_initializer initializers.random_normal")
class RandomNormal(Initializer):
    """Normal with that mean and standard deviation."""

    def __init__(
        self,
        mean: Any = 0.0,
        stddev: Any = 1.0,
        seed: int | None = None,
        dtype: Any = dtypes.float32,
    ) -> None:
        """Take mean and deviation."""
        self.mean, self.stddev, self.seed = mean, stddev, seed
        self.dtype = _floating(dtype)

    def _make(self, shape: list[int], dtype: DType) -> Tensor:
        return random.random_normal(shape, self.mean, self.stddev, dtype, self.seed)


@export("truncated_normal_initializer initializers.truncated_normal")
class TruncatedNormal(Initializer):
    """Normal, drawn again when two deviations or more from the mean."""

    def __init__(
        self,
        mean: Any = 0.0,
        stddev: Any = 1.0,
        seed: int | None = None,
        dtype: Any = dtypes.float32,
    ) -> None:
        """Take mean and deviation (before truncation)."""
        self.mean, self.stddev, self.seed = mean, stddev, seed
        self.dtype = _floating(dtype)

    def _make(self, shape: list[int], dtype: DType) -> Tensor:
        return random.truncated_normal(shape, self.mean, self.stddev, dtype, self.seed)


@export("uniform_unit_scaling_initializer initializers.uniform_unit_scaling")
class UniformUnitScaling(Initializer):
    """Uniform in +-`factor` * sqrt(3 / inputs): keeps the scale of a layer's outputs."""

    def __init__(
        self, factor: float = 1.0, seed: int | None = None, dtype: Any = dtypes.float32
    ) -> None:
        """Take the factor."""
        self.factor, self.seed = factor, seed
        self.dtype = _floating(dtype)

    def _make(self, shape: list[int], dtype: DType) -> Tensor:
        limit = math.sqrt(3 / max(1, math.prod(shape[:-1]))) * self.factor
        return random.random_uniform(shape, -limit, limit, dtype, self.seed)


_MODES = ("fan_in", "fan_out", "fan_avg")
_DISTRIBUTIONS = ("normal", "uniform", "truncated_normal", "untruncated_normal")
# The standard deviation that is left of a normal distribution truncated at two deviations.
_LEFT_OF_TRUNCATED = 0.87962566103423978


@export("variance_scaling_initializer initializers.variance_scaling")
class VarianceScaling(Initializer):
    """Random numbers of variance `scale` / n, with n by `mode` from the shape of the weights.

    n is the number of inputs (fan_in), of outputs (fan_out), or their mean (fan_avg).
    `distribution` is truncated_normal (or normal), untruncated_normal, or uniform.
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: int | None = None,
        dtype: Any = dtypes.float32,
    ) -> None:
        """Take the parameters; `ValueError` for a scale below zero or an unknown name."""
        if scale <= 0:
            raise ValueError(f"scale must be positive, not {scale}")
        if mode not in _MODES:
            raise ValueError(f"mode is one of {', '.join(_MODES)}, not {mode!r}")
        if distribution.lower() not in _DISTRIBUTIONS:
            raise ValueError(
                f"distribution is one of {', '.join(_DISTRIBUTIONS)}, not {distribution!r}"
            )
        self.scale, self.mode, self.distribution = scale, mode, distribution.lower()
        self.seed = seed
        self.dtype = _floating(dtype)

    def _make(self, shape: list[int], dtype: DType) -> Tensor:
        fan_in, fan_out = _fans(shape)
        n = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        variance = self.scale / max(1.0, n)
        if self.distribution == "uniform":
            limit = math.sqrt(3 * variance)
            return random.random_uniform(shape, -limit, limit, dtype, self.seed)
        deviation = math.sqrt(variance)
        if self.distribution == "untruncated_normal":
            return random.random_normal(shape, 0.0, deviation, dtype, self.seed)
        wide = deviation / _LEFT_OF_TRUNCATED
        return random.truncated_normal(shape, 0.0, wide, dtype, self.seed)


def _fans(shape: list[int]) -> tuple[float, float]:
    """Return the number of inputs and outputs of weights [..., in, out]."""
    if not shape:
        return 1.0, 1.0
    if len(shape) == 1:
        return float(shape[0]), float(shape[0])
    window = math.prod(shape[:-2])
    return float(shape[-2] * window), float(shape[-1] * window)


@export("glorot_uniform_initializer initializers.glorot_uniform")
class GlorotUniform(VarianceScaling):
    """Uniform in +-sqrt(6 / (inputs + outputs)): the default of `get_variable`."""

    def __init__(self, seed: int | None = None, dtype: Any = dtypes.float32) -> None:
        """Take the seed."""
        super().__init__(1.0, "fan_avg", "uniform", seed, dtype)


@export("glorot_normal_initializer initializers.glorot_normal")
class GlorotNormal(VarianceScaling):
    """Truncated normal of variance 2 / (inputs + outputs)."""

    def __init__(self, seed: int | None = None, dtype: Any = dtypes.float32) -> None:
        """Take the seed."""
        super().__init__(1.0, "fan_avg", "truncated_normal", seed, dtype)


@export("initializers.he_normal")
def he_normal(seed: int | None = None) -> VarianceScaling:
    """Return a truncated normal initializer of variance 2 / inputs, made for ReLU layers."""
    return VarianceScaling(2.0, "fan_in", "truncated_normal", seed)


@export("initializers.he_uniform")
def he_uniform(seed: int | None = None) -> VarianceScaling:
    """Return an initializer uniform in +-sqrt(6 / inputs), made for ReLU layers."""
    return VarianceScaling(2.0, "fan_in", "uniform", seed)


@export("initializers.lecun_normal")
def lecun_normal(seed: int | None = None) -> VarianceScaling:
    """Return a truncated normal initializer of variance 1 / inputs."""
    return VarianceScaling(1.0, "fan_in", "truncated_normal", seed)


@export("initializers.lecun_uniform")
def lecun_uniform(seed: int | None = None) -> VarianceScaling:
    """Return an initializer uniform in +-sqrt(3 / inputs)."""
    return VarianceScaling(1.0, "fan_in", "uniform", seed)


@export("orthogonal_initializer initializers.orthogonal")
class Orthogonal(Initializer):
    """`gain` times a random matrix whose rows or columns are orthonormal.

    Shapes of more dimensions are taken as [all but the last, last]. The matrix is drawn by
    NumPy when the graph is built, so a graph holds one matrix: sessions of it start equal.
    """

    def __init__(
        self, gain: float = 1.0, seed: int | None = None, dtype: Any = dtypes.float32
    ) -> None:
        """Take the factor."""
        self.gain, self.seed = gain, seed
        self.dtype = _floating(dtype)

    def _make(self, shape: list[int], dtype: DType) -> Tensor:
        if len(shape) < 2:
            raise ValueError(f"orthogonal_initializer needs two dimensions or more, not {shape}")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        first, second = random.get_seed(self.seed)
        seeds = None if first is None or second is None else [first, second]
        drawn = np.random.default_rng(seeds).standard_normal((rows, columns))
        q, r = np.linalg.qr(drawn if rows >= columns else drawn.T)
        q *= np.sign(np.diag(r))  # makes every orthonormal matrix equally likely
        matrix = self.gain * (q if rows >= columns else q.T)
        return sources.constant(matrix.reshape(shape).astype(dtype.numpy_dtype))


@export("initializers.identity")
class Identity(Initializer):
    """`gain` times the identity matrix."""

    def __init__(self, gain: float = 1.0, dtype: Any = dtypes.float32) -> None:
        """Take the factor."""
        self.gain = gain
        self.dtype = _floating(dtype)

    def _make(self, shape: list[int], dtype: DType) -> Tensor:
        if len(shape) != 2:
            raise ValueError(f"identity initializer makes matrices, not shape {shape}")
        eye = constants.eye(shape[0], shape[1], dtype=dtype)
        result: Tensor = eye if self.gain == 1 else raw.Mul(eye, self.gain)
        return result


def default_initializer(name: str, dtype: DType) -> Initializer:
    """Return the initializer of a variable that names none."""
    if dtype.is_floating:
        return GlorotUniform(dtype=dtype)
    if dtype is not dtypes.resource:
        return Zeros(dtype)
    raise ValueError(f"variable {name!r} of dtype {dtype.name} needs an initializer")


def _floating(dtype: Any) -> DType:
    kind = dtypes.as_dtype(dtype)
    if not kind.is_floating:
        raise ValueError(f"this initializer makes floats, not {kind.name}")
    return kind
