"""The border to C++ from the Python side: loading programs, and errors on their way out.

`load` turns an IR into a native program through typed calls; `NativeFailure` fields (node,
op, device, inputs) ride on the exceptions that the native half raises, until `explain` adds
the user's line and the operation.
"""

from __future__ import annotations

from collections.abc import Mapping

from penstock import _native, dtypes, errors, options
from penstock.graph.graph import Graph
from penstock.graph.ir import IR, Node


def _make_error(
    code: int,
    text: str,
    node: str,
    op: str,
    device: str,
    inputs: list[str],
    details: list[str],
) -> BaseException:
    """Make the exception for a failure in C++; called by the native half."""
    of_feed = node and not op  # then the node is the fed tensor's name
    if of_feed and code != errors.RESOURCE_EXHAUSTED:
        kind: type[errors.OpError] = errors.FeedError
    else:
        kind = errors.exception_type_from_error_code(code)
    message = errors.describe(
        text,
        op=op or None,
        node=node or None,
        device=(device or "CPU:0") if op else None,
        inputs=inputs,
        hints=details,
    )
    error = kind(None, None, message, code)
    error.node = node  # type: ignore[attr-defined]
    return error


_native.set_error_factory(_make_error)

_theirs = {name: (number, size) for name, number, size in _native.dtype_table()}
for _d in dtypes.ALL:
    if _d.name not in _theirs or _theirs[_d.name][0] != _d.as_datatype_enum:
        raise ImportError(f"dtype {_d.name} differs between Python and C++: {_theirs.get(_d.name)}")


def load(ir: IR, session: _native.Session) -> _native.Program:
    """Return the native program of `ir`. Raises an `OpError` for nodes without a kernel.

    Constants are there before a run begins, so one that must wait for something is loaded
    as an `Identity` of itself that does.
    """
    _native.set_portable_only(options.current.portable_kernels)
    builder = _native.ProgramBuilder(session)
    numbers: dict[str, int] = {}
    for node in ir:
        waiting = node.op == "Const" and node.controls
        number = _add(builder, node._replace(controls=()) if waiting else node, numbers)
        if waiting:
            numbers[node.name] = number
            number = _add(
                builder,
                node._replace(op="Identity", inputs=((node.name, 0),), attrs={"T": node.dtypes[0]}),
                numbers,
            )
        numbers[node.name] = number
    return builder.build()


def _add(builder: _native.ProgramBuilder, node: Node, numbers: dict[str, int]) -> int:
    inputs: list[int] = []
    for producer, index in node.inputs:
        inputs += (numbers[producer], index)
    return builder.add_node(
        node.name,
        node.op,
        node.device,
        inputs,
        [numbers[c] for c in node.controls],
        node.attrs if isinstance(node.attrs, dict) else dict(node.attrs),
        [d.as_datatype_enum for d in node.dtypes],
    )


def explain(error: errors.OpError, graph: Graph, nodes: Mapping[str, Node]) -> errors.OpError:
    """Return `error` with the operation it concerns and the user's line that made it."""
    name: str = getattr(error, "node", "")
    if error.op is not None or not name:
        return error
    operation = graph._operations.get(name.partition(":")[0])
    node = nodes.get(name)
    source = node.source if node is not None else None
    if operation is not None:
        error.op = operation
        source = source or operation._source
    if source is not None and "\n  built at " not in error.message:
        error.message += f"\n  built at {source.render()}"
        error.args = (error.message,)
    return error
