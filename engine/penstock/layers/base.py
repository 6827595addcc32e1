"""Layer: an object that makes its variables on the first call and reuses them on later ones.

The variables of a layer called ``dense`` are ``dense/kernel`` and so on, under the variable
scope of the first call; a layer without a name gets a unique one. Each function of
`penstock.layers` (`dense`, …) makes such an object and calls it once, with `reuse` as in
`variable_scope`.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any, Self

from penstock import dtypes, errors, shapes
from penstock.exports import export
from penstock.graph.graph import Graph, get_default_graph
from penstock.graph.tensor import Tensor
from penstock.initializers import Ones, Zeros
from penstock.ops import convert
from penstock.shapes import TensorShape
from penstock.variables.collections import GraphKeys
from penstock.variables.scope import VariableScope, variable_scope
from penstock.variables.sharing import get_variable

ZEROS, ONES = Zeros(), Ones()  # what biases and scales start as
_OPTIONS = {"_scope", "_reuse", "activity_regularizer"}


@export("layers.Layer")
class Layer:
    """Base of layers.

    A subclass overrides `build(input_shape)`, which makes variables by `add_weight`, and
    `call(inputs)`, which returns the outputs. Calling the layer does both.
    """

    _arguments: tuple[tuple[Any, ...], dict[str, Any]]

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Keep the arguments for `get_config`."""
        layer = super().__new__(cls)
        layer._arguments = args, kwargs
        return layer

    def __init__(
        self, trainable: bool = True, name: str | None = None, dtype: Any = None, **kwargs: Any
    ) -> None:
        """Take the name; variables are made by the first call."""
        unknown = sorted(set(kwargs) - _OPTIONS)
        if unknown:
            raise TypeError(f"{type(self).__name__} has no argument {unknown[0]!r}")
        self.trainable = trainable
        self.built = False
        self._base_name = name or _snake_case(type(self).__name__)
        self._dtype = None if dtype is None else dtypes.as_dtype(dtype)
        self._wanted_scope: str | VariableScope | None = kwargs.get("_scope")
        self._reuse: Any = kwargs.get("_reuse")
        self._activity_regularizer = kwargs.get("activity_regularizer")
        self._scope: VariableScope | None = None
        self._graph: Graph | None = None
        self._trainable_weights: list[Any] = []
        self._other_weights: list[Any] = []
        self._losses: list[Any] = []
        self._updates: list[Any] = []

    # ---- what it has

    @property
    def name(self) -> str:
        """The name: of the variable scope once there is one, else the one asked for."""
        return self._base_name if self._scope is None else self._scope.name.rpartition("/")[2]

    @property
    def scope_name(self) -> str:
        """The name of the variable scope; `ValueError` before the first call."""
        if self._scope is None:
            raise ValueError(f"layer {self._base_name!r} has no scope before it is called")
        return self._scope.name

    @property
    def dtype(self) -> Any:
        """The dtype of the variables: as asked for, else that of the first input."""
        return self._dtype

    @property
    def graph(self) -> Graph | None:
        """The graph of the variables."""
        return self._graph

    @property
    def trainable_weights(self) -> list[Any]:
        """The variables that optimizers change."""
        return list(self._trainable_weights) if self.trainable else []

    @property
    def non_trainable_weights(self) -> list[Any]:
        """The other variables."""
        frozen = [] if self.trainable else self._trainable_weights
        return [*frozen, *self._other_weights]

    @property
    def weights(self) -> list[Any]:
        """All variables."""
        return self.trainable_weights + self.non_trainable_weights

    @property
    def variables(self) -> list[Any]:
        """All variables."""
        return self.weights

    @property
    def trainable_variables(self) -> list[Any]:
        """The variables that optimizers change."""
        return self.trainable_weights

    @property
    def non_trainable_variables(self) -> list[Any]:
        """The other variables."""
        return self.non_trainable_weights

    @property
    def losses(self) -> list[Any]:
        """The regularization losses that the layer added."""
        return list(self._losses)

    @property
    def updates(self) -> list[Any]:
        """The operations that the layer asks to be run with each training step."""
        return list(self._updates)

    def count_params(self) -> int:
        """Return the number of elements of all variables."""
        if not self.built:
            raise ValueError(f"layer {self._base_name!r} has no variables before it is called")
        return sum(v.shape.num_elements() or 0 for v in self.weights)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make such a layer, and its name.

        >>> ps.layers.Dense(3, use_bias=False, name="d").get_config()["units"]
        3
        """
        args, kwargs = self._arguments
        bound = inspect.signature(type(self)).bind(*args, **kwargs)
        bound.apply_defaults()
        given = dict(bound.arguments)
        given.update(given.pop("kwargs", {}))
        return {**given, "name": self.name, "trainable": self.trainable}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Return a layer made from what `get_config` returned."""
        return cls(**config)

    # ---- calling

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Make the variables when this is the first call, and return the outputs."""
        tensor = convert.to_tensor(inputs)
        self._open_scope(kwargs.pop("scope", None))
        assert self._scope is not None
        with (
            variable_scope(
                self._scope,
                reuse=True if self.built else self._reuse,
                auxiliary_name_scope=False,
            ),
            tensor.graph.name_scope(self._scope.original_name_scope),
        ):
            if not self.built:
                self._graph = tensor.graph
                if self._dtype is None:
                    self._dtype = tensor.dtype.base_dtype
                self.build(tensor.shape)
                self.built = True
            elif tensor.graph is not self._graph:
                raise errors.GraphError(
                    None,
                    None,
                    f"layer {self.name!r} has its variables in another graph than its input "
                    f'"{tensor.name}"',
                )
            outputs = self.call(tensor, *args, **kwargs)
            if self._activity_regularizer is not None:
                self.add_loss(self._activity_regularizer(outputs))
        return outputs

    def apply(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the outputs: the same as calling the layer."""
        return self(inputs, *args, **kwargs)

    def _open_scope(self, scope: Any) -> None:
        if self._scope is not None:
            return
        wanted = self._wanted_scope if scope is None else scope
        reuse = self._reuse if wanted is not None else None
        with variable_scope(wanted, default_name=self._base_name, reuse=reuse) as captured:
            self._scope = captured

    # ---- what a subclass overrides and uses

    def build(self, input_shape: TensorShape) -> None:
        """Make the variables; by default there are none."""

    def call(self, inputs: Tensor) -> Any:
        """Return the outputs."""
        raise NotImplementedError(f"{type(self).__name__} does not override call")

    def add_weight(
        self,
        name: str,
        shape: Any,
        dtype: Any = None,
        initializer: Any = None,
        regularizer: Any = None,
        trainable: bool | None = None,
        constraint: Any = None,
    ) -> Any:
        """Return a variable of the layer, made or shared as `get_variable` does."""
        wanted = True if trainable is None else trainable
        graph = get_default_graph()
        before = len(graph.get_collection(GraphKeys.REGULARIZATION_LOSSES))
        variable = get_variable(
            name,
            shape,
            dtype or self._dtype or dtypes.float32,
            initializer,
            regularizer,
            trainable=wanted and self.trainable,
            constraint=constraint,
        )
        self._losses += graph.get_collection(GraphKeys.REGULARIZATION_LOSSES)[before:]
        (self._trainable_weights if wanted else self._other_weights).append(variable)
        return variable

    def add_variable(self, *args: Any, **kwargs: Any) -> Any:
        """Return a variable of the layer: the older name of `add_weight`."""
        return self.add_weight(*args, **kwargs)

    def add_loss(self, losses: Any, inputs: Any = None) -> None:
        """Add losses to the layer and to the collection REGULARIZATION_LOSSES."""
        for loss in losses if isinstance(losses, (list, tuple)) else [losses]:
            if loss is not None:
                self._losses.append(loss)
                loss.graph.add_to_collection(GraphKeys.REGULARIZATION_LOSSES, loss)

    def add_update(self, updates: Any, inputs: Any = None) -> None:
        """Add operations to the layer and to the collection UPDATE_OPS."""
        for update in updates if isinstance(updates, (list, tuple)) else [updates]:
            self._updates.append(update)
            update.graph.add_to_collection(GraphKeys.UPDATE_OPS, update)

    def __repr__(self) -> str:
        """Show class and name."""
        return f"<ps.layers.{type(self).__name__} {self.name!r}>"


def activated(outputs: Any, activation: Callable[[Any], Any] | None) -> Any:
    """Return the outputs after an activation function, which may be None."""
    return outputs if activation is None else activation(outputs)


def require_rank(layer: Layer, shape: TensorShape, rank: int) -> shapes.Dims:
    """Return the dims of an input; `ValueError` unless it has that rank."""
    if shape.ndims != rank:
        raise ValueError(
            f"layer {layer.name!r} ({type(layer).__name__}) takes inputs of rank {rank}, "
            f"not of shape {shape}"
        )
    return shape._dims


def require_channels(layer: Layer, dims: shapes.Dims, axis: int) -> int:
    """Return the size of the channel dimension; `ValueError` when it is not known."""
    channels = None if dims is None else dims[axis]
    if channels is None:
        raise ValueError(
            f"layer {layer.name!r} ({type(layer).__name__}) needs to know dimension {axis} of its "
            f"input {shapes.render(dims)}: the shape of its weights depends on it"
        )
    return channels


def _snake_case(name: str) -> str:
    words = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", words).lower()
