"""The border to C++ from the Python side: loading programs, and errors on their way out.

`load` turns an IR into a native program through typed calls; `NativeFailure` fields (node,
op, device, inputs) ride on the exceptions that the native half raises, until `explain` adds
the user's line and the operation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from penstock import _native, dtypes, errors, kernel_api, options
from penstock.graph.devices import short_name
from penstock.graph.graph import Graph
from penstock.graph.ir import IR, Node
from penstock.kernel_api import Compute, Device, KernelNode
from penstock.runtime import foreign
from penstock.runtime.kernels import STRUCTURAL, Catalogue


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
        device=(short_name(device) or "CPU:0") if op else None,
        inputs=inputs,
        hints=details,
    )
    error = kind(None, None, message, code)
    error.node = node  # type: ignore[attr-defined]
    return error


_native.set_error_factory(_make_error)
_native.set_array_reader(foreign.host_array)

_theirs = {name: (number, size) for name, number, size in _native.dtype_table()}
for _d in dtypes.ALL:
    if _d.name not in _theirs or _theirs[_d.name][0] != _d.as_datatype_enum:
        raise ImportError(f"dtype {_d.name} differs between Python and C++: {_theirs.get(_d.name)}")


def load(
    partitions: Mapping[str, IR],
    session: _native.Session,
    devices: Mapping[str, Device] = MappingProxyType({}),
    kernels: Catalogue | None = None,
) -> _native.Program:
    """Return the native program of these partitions, by device name, the host's first.

    `devices` are those that Python code drives, `kernels` tells about theirs. Raises an
    `OpError` for a node without a kernel.
    """
    _native.set_portable_only(options.current.portable_kernels)
    builder = _native.ProgramBuilder(session)
    for name, part in partitions.items():
        builder.begin(name)
        maker = _Maker(devices[name], kernels) if kernels and name in devices else None
        _add_program(builder, part, maker)
    return builder.build()


def _add_program(builder: _native.ProgramBuilder, ir: IR, maker: _Maker | None) -> None:
    """Add the nodes of one device.

    Constants are there before a run begins, so one that must wait for something is loaded
    as an `Identity` of itself that does.
    """
    numbers: dict[str, int] = {}
    for node in ir:
        waiting = node.op == "Const" and node.controls
        number = _add(builder, ir, node._replace(controls=()) if waiting else node, numbers, maker)
        if waiting:
            numbers[node.name] = number
            number = _add(
                builder,
                ir,
                node._replace(op="Identity", inputs=((node.name, 0),), attrs={"T": node.dtypes[0]}),
                numbers,
                maker,
            )
        numbers[node.name] = number


class _Maker:
    """Makes the kernels of a device that Python code drives."""

    def __init__(self, device: Device, kernels: Catalogue) -> None:
        self._device = device
        self._type = kernel_api.device_types[kernel_api.type_of(device)]
        self._kernels = kernels

    def make(self, ir: IR, node: Node) -> tuple[Compute, list[bool], list[bool]] | None:
        """Return the kernel of a node and its memory kinds; None where the CPU's serves.

        Whatever a factory raises becomes an `OpError` that names the node.
        """
        if node.op in STRUCTURAL:
            return None
        try:
            return self._make(ir, node)
        except errors.OpError as e:
            raise _make_error(
                e.error_code, e.message, node.name, node.op, node.device, [], []
            ) from None
        except (TypeError, ValueError, LookupError, ArithmeticError) as e:
            raise _make_error(
                errors.INVALID_ARGUMENT, str(e), node.name, node.op, node.device, [], []
            ) from e

    def _make(self, ir: IR, node: Node) -> tuple[Compute, list[bool], list[bool]] | None:
        entry = self._type.find(node.op, node.attrs)
        if entry is None:
            raise errors.NotFoundError(None, None, f"no kernel on device type {self._type.name}")
        if entry.factory is None:
            return None
        dtypes_in = tuple([ir[name].dtypes[i] for name, i in node.inputs])
        host_in = self._kernels.host_inputs(node, self._type.name)
        host_out = self._kernels.host_outputs(node, self._type.name)
        on_host = [
            [d._kind in "srv" or i in numbers for i, d in enumerate(kinds)]
            for kinds, numbers in ((dtypes_in, host_in), (node.dtypes, host_out))
        ]
        made = entry.factory(
            KernelNode(node.name, node.op, node.attrs, dtypes_in, node.dtypes, self._device)
        )
        return self._device.bind(made, *on_host), on_host[0], on_host[1]


def _add(
    builder: _native.ProgramBuilder,
    ir: IR,
    node: Node,
    numbers: dict[str, int],
    maker: _Maker | None,
) -> int:
    inputs: list[int] = []
    for producer, index in node.inputs:
        inputs += (numbers[producer], index)
    controls = [numbers[c] for c in node.controls]
    outputs = [d.as_datatype_enum for d in node.dtypes]
    made = maker.make(ir, node) if maker is not None else None
    if made is not None:
        return builder.add_kernel(node.name, node.op, node.device, inputs, controls, outputs, *made)
    attrs = node.attrs if isinstance(node.attrs, dict) else dict(node.attrs)
    return builder.add_node(node.name, node.op, node.device, inputs, controls, attrs, outputs)


def explain(
    error: errors.OpError, graph: Graph, find: Callable[[str], Node | None]
) -> errors.OpError:
    """Return `error` with the operation it concerns and the user's line that made it."""
    name: str = getattr(error, "node", "")
    if error.op is not None or not name:
        return error
    operation = graph._operations.get(name.partition(":")[0])
    node = find(name)
    source = node.source if node is not None else None
    if operation is not None:
        error.op = operation
        source = source or operation._source
    if source is not None and "\n  built at " not in error.message:
        error.message += f"\n  built at {source.render()}"
        error.args = (error.message,)
    return error
