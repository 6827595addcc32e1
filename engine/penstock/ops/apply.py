"""`apply_op`: the one gate through which a node enters a Graph.

API wrappers, gradient functions and `import_graph_def` all come here. It converts the
arguments, infers attributes, dtypes and shapes, and adds the node; a mistake raises before
anything is added.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from penstock import errors
from penstock.dtypes import DType, as_dtype
from penstock.graph import source
from penstock.graph.graph import Graph, get_default_graph
from penstock.graph.ir import Attr
from penstock.graph.tensor import Operation, Tensor
from penstock.ops import convert
from penstock.ops.infer import arg_dtypes, complete_attrs, error_at, infer_shapes, output_dtypes
from penstock.ops.registry import OpDef, find_op
from penstock.ops.spec import ArgDef


def apply_op(
    op: OpDef,
    arguments: Sequence[Any],
    attrs: dict[str, Any] | None = None,
    name: str | None = None,
) -> Operation:
    """Add a node that applies `op` to `arguments` (one for each input of its definition).

    Raises `DTypeError`, `ShapeError` or `GraphError` naming the op and the user's line.
    """
    given = {} if attrs is None else attrs
    tensors = _as_they_are(op, arguments, given)
    if tensors:
        graph = tensors[0].op.graph
        full_name = graph.name_for(name or op.name)
    else:
        graph = _graph_of(op, arguments)
        full_name = graph.name_for(name or op.name)
        tensors = _convert_arguments(op, arguments, given, full_name, graph)
    return add_node(graph, op, tensors, given, full_name)


def add_node(
    graph: Graph,
    op: OpDef,
    tensors: tuple[Tensor, ...],
    given: dict[str, Any],
    name: str,
    controls: Sequence[Operation] = (),
    device: str | None = None,
) -> Operation:
    """Add a node whose inputs are tensors already and whose name is final."""
    attrs = complete_attrs(op, name, given, tensors)
    try:
        dtypes = output_dtypes(op, attrs)
    except ValueError as e:
        raise error_at(errors.GraphError, op, name, tensors, str(e)) from None
    dims = infer_shapes(op, name, tensors, attrs, len(dtypes))
    outputs = list(zip(dtypes, dims, strict=True))
    return graph.add_operation(
        op.name, name, tensors, attrs, outputs, source.caller(), controls, device
    )


def _as_they_are(
    op: OpDef, arguments: Sequence[Any], given: dict[str, Any]
) -> tuple[Tensor, ...] | None:
    """Return the arguments when they are tensors that fit, as nearly always; else None.

    Then `given` has the type attributes too. What must be converted, or refused with an
    explanation, goes through `_convert_arguments`.
    """
    if op.has_input_lists:
        return None
    graph: Graph | None = None
    known: dict[str, DType] = {}
    for arg, value in zip(op.inputs, arguments, strict=True):
        if type(value) is not Tensor:
            return None
        if graph is None:
            graph = value.op.graph
        elif value.op.graph is not graph:
            return None
        wanted = arg.dtype
        if wanted is None:
            assert arg.type_attr is not None
            wanted = given.get(arg.type_attr) or known.setdefault(
                arg.type_attr, value.dtype.base_dtype
            )
        if value.dtype.base_dtype is not wanted:
            return None
    given.update(known)
    return tuple(arguments)


def _graph_of(op: OpDef, arguments: Sequence[Any]) -> Graph:
    """Return the graph that the tensors among the arguments belong to."""
    found: Graph | None = None
    first: Tensor | None = None
    for argument in arguments:
        for item in argument if isinstance(argument, (list, tuple)) else (argument,):
            if isinstance(item, Tensor):
                graph = item.op.graph
                if found is None:
                    found, first = graph, item
                elif graph is not found:
                    assert first is not None
                    raise errors.GraphError(
                        None,
                        None,
                        f'{op.name}: "{first.name}" and "{item.name}" belong to different graphs '
                        f"({found!r} and {graph!r}); build both under the same as_default()",
                    )
    return get_default_graph() if found is None else found


def _convert_arguments(
    op: OpDef, arguments: Sequence[Any], given: dict[str, Any], name: str, graph: Graph
) -> tuple[Tensor, ...]:
    """Return the flat list of input tensors; puts inferred attributes into `given`."""
    known = _known_types(op, arguments, given)
    tensors: list[Tensor] = []
    for arg, value in zip(op.inputs, arguments, strict=True):
        if arg.is_list:
            parts = _convert_list(op, arg, value, known, given, name)
        else:
            parts = [_convert_one(op, arg, value, known, name, tensors)]
            if arg.type_attr is not None:
                _settle(op, arg, parts[0], known, tensors, name)
        tensors += parts
    for type_attr, dtype in known.items():
        given[type_attr] = dtype
    if tensors and any(t.op.graph is not graph for t in tensors):
        graph_of = next(t for t in tensors if t.op.graph is not graph)
        raise errors.GraphError(
            None,
            None,
            f'{op.name}: "{graph_of.name}" belongs to another graph ({graph_of.graph!r})',
        )
    return tuple(tensors)


def _known_types(op: OpDef, arguments: Sequence[Any], given: dict[str, Any]) -> dict[str, DType]:
    """Return the type attributes that tensors among the arguments (or the caller) fix."""
    known: dict[str, DType] = {}
    for arg, value in zip(op.inputs, arguments, strict=True):
        if arg.type_attr is None or arg.type_attr in known:
            continue
        explicit = given.get(arg.type_attr)
        if explicit is not None:
            known[arg.type_attr] = as_dtype(explicit).base_dtype
            continue
        for item in value if arg.is_list and isinstance(value, (list, tuple)) else (value,):
            if isinstance(item, Tensor) or (
                hasattr(item, "_as_tensor") and getattr(item, "dtype", None) is not None
            ):
                known[arg.type_attr] = item.dtype.base_dtype
                break
            if isinstance(item, (np.ndarray, np.generic)) and item.dtype.kind not in "SUO":
                continue
    return known


def _convert_one(
    op: OpDef,
    arg: ArgDef,
    value: Any,
    known: dict[str, DType],
    name: str,
    before: list[Tensor],
) -> Tensor:
    wanted = arg.dtype if arg.dtype is not None else known.get(arg.type_attr or "")
    if isinstance(value, Tensor):
        if wanted is None or value.dtype.base_dtype is wanted:
            return value
        raise error_at(
            errors.DTypeError,
            op,
            name,
            (*before, value),
            f"input {arg.name!r} has dtype {value.dtype.name}, expected {wanted.name}",
            _why_expected(op, arg),
        )
    if wanted is None and arg.type_attr is not None:
        wanted_default = op.attrs[arg.type_attr].default if arg.type_attr in op.attrs else None
        if wanted_default is not None and not isinstance(value, (np.ndarray, np.generic)):
            try:
                return convert.to_tensor(value, wanted_default, f"{name}/{arg.name}/")
            except (TypeError, ValueError):
                pass
    if value is None:
        raise error_at(errors.DTypeError, op, name, (), f"input {arg.name!r} is None")
    try:
        return convert.to_tensor(value, wanted, f"{name}/{arg.name}/")
    except errors.DTypeError as e:
        raise error_at(errors.DTypeError, op, name, (), f"input {arg.name!r}: {e}") from None


def _why_expected(op: OpDef, arg: ArgDef) -> list[str]:
    if arg.type_attr is None:
        return []
    sharing = [a.name for a in op.inputs if a.type_attr == arg.type_attr]
    return [f"inputs {', '.join(sharing)} share one dtype: use tf.cast"] if sharing[1:] else []


def _settle(
    op: OpDef, arg: ArgDef, tensor: Tensor, known: dict[str, DType], before: list[Tensor], name: str
) -> None:
    assert arg.type_attr is not None
    dtype = known.setdefault(arg.type_attr, tensor.dtype.base_dtype)
    if dtype is not tensor.dtype.base_dtype:
        raise error_at(
            errors.DTypeError,
            op,
            name,
            (*before, tensor),
            f"input {arg.name!r} has dtype {tensor.dtype.name}, expected {dtype.name}",
            _why_expected(op, arg),
        )


def _convert_list(
    op: OpDef,
    arg: ArgDef,
    value: Any,
    known: dict[str, DType],
    given: dict[str, Any],
    name: str,
) -> list[Tensor]:
    if not isinstance(value, (list, tuple)):
        raise error_at(
            errors.DTypeError,
            op,
            name,
            (),
            f"input {arg.name!r} is a list of tensors, not {value!r}",
        )
    parts: list[Tensor] = []
    for item in value:
        part = _convert_one(op, arg, item, known, name, parts)
        if arg.type_attr is not None:
            _settle(op, arg, part, known, parts, name)
        parts.append(part)
    if arg.number_attr is not None:
        if given.setdefault(arg.number_attr, len(parts)) != len(parts):
            raise error_at(
                errors.GraphError,
                op,
                name,
                parts,
                f"input {arg.name!r} has {len(parts)} tensors, expected {given[arg.number_attr]}",
            )
    else:
        assert arg.type_list_attr is not None
        given[arg.type_list_attr] = [t.dtype.base_dtype for t in parts]
    return parts


def split_inputs(op: OpDef, tensors: Sequence[Tensor], attrs: dict[str, Attr]) -> list[Any]:
    """Return flat tensors grouped as the op's inputs: a tensor or a list for each."""
    groups: list[Any] = []
    position = 0
    for arg in op.inputs:
        count = len(arg_dtypes(arg, attrs))
        part = tensors[position : position + count]
        groups.append(list(part) if arg.is_list else part[0])
        position += count
    return groups


def _stack(parts: list[Tensor], name: str | None) -> Tensor:
    return apply_op(find_op("Pack"), [parts], {"axis": 0}, name or "packed")._outputs[0]


convert.stack_hook.append(_stack)
