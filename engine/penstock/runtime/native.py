"""The border to C++ from the Python side: loading programs, and errors on their way out.

`load` turns an IR into a native program through typed calls; `NativeFailure` fields (node,
op, device, inputs) ride on the exceptions that the native half raises, until `explain` adds
the user's line and the operation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from types import MappingProxyType

from penstock import _native, dtypes, errors, kernel_api, options
from penstock.graph.devices import short_name
from penstock.graph.graph import Graph
from penstock.graph.ir import IR, Endpoint, Node
from penstock.graph.source import Source
from penstock.kernel_api import Compute, Device, KernelEntry, KernelNode
from penstock.memory.arena_plan import ArenaPlan
from penstock.runtime import exhausted, foreign, stretches
from penstock.runtime.kernels import STRUCTURAL, Catalogue, entry_of
from penstock.runtime.stretches import Loaded


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
    if op == stretches.OP:
        text, node, op = stretches.named(text, node)
        inputs = []
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
    stretched: list[Loaded] | None = None,
    arenas: Mapping[str, ArenaPlan] = MappingProxyType({}),
    budgets: Mapping[str, tuple[int, int]] = MappingProxyType({}),
) -> _native.Program:
    """Return the native program of these partitions, by device name, the host's first.

    `devices` are those that Python code drives, `kernels` tells about theirs. Given a list
    `stretched` they may run stretches of nodes as one, which it then tells of. `arenas`
    say where values go on devices in host memory, `budgets` the bytes that a run may allocate on a
    device and those it was planned to. Raises an `OpError` for a node without a kernel.
    """
    _native.set_portable_only(options.current.portable_kernels)
    builder = _native.ProgramBuilder(session)
    for name, part in partitions.items():
        builder.begin(name)
        if name in budgets:
            builder.set_budget(*budgets[name])
        maker = _Maker(devices[name], kernels) if kernels and name in devices else None
        if maker is None or stretched is None or not _offers(devices[name]):
            _add_program(builder, part, maker, arenas.get(name))
        else:
            _add_with_stretches(builder, part, maker)
            stretched += maker.stretched
    return builder.build()


def offers_stretches(names: Iterable[str], devices: Mapping[str, Device]) -> bool:
    """Return True when one of the devices of these names can run several kernels as one."""
    return any(name in devices and _offers(devices[name]) for name in names)


def _offers(device: Device) -> bool:
    return type(device).stretch is not Device.stretch


class _Numbers:
    """The numbers that the native builder gave: of nodes, and where outputs of a stretch are."""

    def __init__(self) -> None:
        self.nodes: dict[str, int] = {}
        self.moved: dict[Endpoint, tuple[int, int]] = {}

    def inputs(self, endpoints: Iterable[Endpoint]) -> list[int]:
        flat: list[int] = []
        for name, index in endpoints:
            flat += self.moved.get((name, index)) or (self.nodes[name], index)
        return flat

    def controls(self, names: Iterable[str]) -> list[int]:
        return [self.nodes[name] for name in names]


def _add_program(
    builder: _native.ProgramBuilder, ir: IR, maker: _Maker | None, arena: ArenaPlan | None
) -> None:
    """Add the nodes of one device, one by one, and where their outputs go."""
    numbers = _Numbers()
    for node in ir:
        _add_node(builder, ir, node, numbers, maker)
    if arena is not None:
        flat: list[int] = []
        for name, output, offset, size in arena.places():
            flat += (numbers.nodes[name], output, offset, size)
        builder.plan_memory(flat, arena.bytes)


def _add_node(
    builder: _native.ProgramBuilder, ir: IR, node: Node, numbers: _Numbers, maker: _Maker | None
) -> None:
    """Add a node.

    Constants are there before a run begins, so one that must wait for something is loaded
    as an `Identity` of itself that does.
    """
    waiting = node.op == "Const" and node.controls
    number = _add(builder, ir, node._replace(controls=()) if waiting else node, numbers, maker)
    if waiting:
        numbers.nodes[node.name] = number
        number = _add(
            builder,
            ir,
            node._replace(op="Identity", inputs=((node.name, 0),), attrs={"T": node.dtypes[0]}),
            numbers,
            maker,
        )
    numbers.nodes[node.name] = number


def _add_with_stretches(builder: _native.ProgramBuilder, ir: IR, maker: _Maker) -> None:
    """Add the nodes of one device, those together that it can run as one."""
    numbers = _Numbers()
    groups = stretches.groups(ir, lambda node: maker.can_be_in_stretch(ir, node))
    group_of = {node.name: i for i, nodes in enumerate(groups) for node in nodes}
    read = {e for node in ir for e in node.inputs if group_of[e[0]] != group_of[node.name]}
    for nodes in groups:
        if len(nodes) == 1:
            _add_node(builder, ir, nodes[0], numbers, maker)
        else:
            _add_stretch(builder, ir, nodes, read, numbers, maker)


def _add_stretch(
    builder: _native.ProgramBuilder,
    ir: IR,
    nodes: Sequence[Node],
    read: Set[Endpoint],
    numbers: _Numbers,
    maker: _Maker,
) -> None:
    laid = stretches.lay(ir, nodes, [maker.within_stretch(ir, node) for node in nodes], read)
    compute = maker.make_stretch(laid, nodes)
    if compute is None:
        for node in nodes:
            _add_node(builder, ir, node, numbers, maker)
        return
    number = builder.add_kernel(
        nodes[0].name,
        stretches.OP,
        nodes[0].device,
        numbers.inputs(laid.inputs),
        numbers.controls(laid.controls),
        [ir[name].dtypes[i].as_datatype_enum for name, i in laid.outputs],
        compute,
        list(laid.host_inputs),
        [False] * len(laid.outputs),
    )
    numbers.nodes.update({node.name: number for node in nodes})
    numbers.moved.update({e: (number, i) for i, e in enumerate(laid.outputs)})


@contextmanager
def _naming(node: Node) -> Iterator[None]:
    """Turn what a factory raises into an `OpError` that names the node."""
    try:
        yield
    except errors.OpError as e:
        raise _make_error(
            e.error_code, e.message, node.name, node.op, node.device, [], []
        ) from None
    except (TypeError, ValueError, LookupError, ArithmeticError) as e:
        raise _make_error(
            errors.INVALID_ARGUMENT, str(e), node.name, node.op, node.device, [], []
        ) from e


class _Maker:
    """Makes the kernels of a device that Python code drives."""

    def __init__(self, device: Device, kernels: Catalogue) -> None:
        self._device = device
        self._type = kernel_api.device_types[kernel_api.type_of(device)]
        self._kernels = kernels
        self.stretched: list[Loaded] = []

    def make(self, ir: IR, node: Node) -> tuple[Compute, list[bool], list[bool]] | None:
        """Return the kernel of a node and its memory kinds; None where the CPU's serves.

        Whatever a factory raises becomes an `OpError` that names the node.
        """
        if node.op in STRUCTURAL:
            return None
        with _naming(node):
            return self._make(ir, node)

    def _make(self, ir: IR, node: Node) -> tuple[Compute, list[bool], list[bool]] | None:
        entry = entry_of(node, self._type)
        if entry is None:
            raise errors.NotFoundError(None, None, f"no kernel on device type {self._type.name}")
        if entry.factory is None:
            return None
        made = self._bare(ir, node, entry)
        on_host = self._on_host(ir, node)
        return self._device.bind(made, *on_host), on_host[0], on_host[1]

    def _bare(self, ir: IR, node: Node, entry: KernelEntry) -> Compute:
        assert entry.factory is not None
        dtypes_in = tuple([ir[name].dtypes[i] for name, i in node.inputs])
        return entry.factory(
            KernelNode(node.name, node.op, node.attrs, dtypes_in, node.dtypes, self._device)
        )

    def _on_host(self, ir: IR, node: Node) -> list[list[bool]]:
        dtypes_in = [ir[name].dtypes[i] for name, i in node.inputs]
        host_in = self._kernels.host_inputs(node, self._type.name)
        host_out = self._kernels.host_outputs(node, self._type.name)
        return [
            [d._kind in "srv" or i in numbers for i, d in enumerate(kinds)]
            for kinds, numbers in ((dtypes_in, host_in), (node.dtypes, host_out))
        ]

    def can_be_in_stretch(self, ir: IR, node: Node) -> bool:
        """Return True when the node does the same each time its kernel is replayed."""
        entry = None if node.op in STRUCTURAL else entry_of(node, self._type)
        if entry is None or (entry.factory is None and node.op != "ReadVariableOp"):
            return False
        return stretches.may_be_in(node, ir, *self._on_host(ir, node))

    def within_stretch(self, ir: IR, node: Node) -> Compute:
        """Return the kernel of a node of a stretch, around which the device puts nothing."""
        entry = entry_of(node, self._type)
        assert entry is not None
        if entry.factory is None:
            return stretches.read_variable
        with _naming(node):
            return self._bare(ir, node, entry)

    def make_stretch(self, laid: stretches.Laid, nodes: Sequence[Node]) -> Compute | None:
        """Return what runs a stretch as one, or None when the device declines."""
        made = self._device.stretch(laid.stretch)
        if made is None:
            return None
        self.stretched.append(
            Loaded(self._device.name, tuple([n.name for n in nodes]), getattr(made, "state", None))
        )
        on_host = laid.host_inputs, [False] * len(laid.outputs)
        return stretches.telling(self._device.bind(made, *on_host))


def _add(
    builder: _native.ProgramBuilder,
    ir: IR,
    node: Node,
    numbers: _Numbers,
    maker: _Maker | None,
) -> int:
    inputs, controls = numbers.inputs(node.inputs), numbers.controls(node.controls)
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

    def source_of(name: str) -> Source | None:
        node, operation = find(name), graph._operations.get(name)
        source = node.source if node is not None else None
        return source if source is not None or operation is None else operation._source

    operation = graph._operations.get(name.partition(":")[0])
    if operation is not None:
        error.op = operation
    if isinstance(error, errors.ResourceExhaustedError):
        error.message = exhausted.with_places(error.message, source_of)
        error.args = (error.message,)
    node = find(name)
    source = node.source if node is not None else None
    if source is None and operation is not None:
        source = operation._source
    if source is not None and "\n  built at " not in error.message:
        error.message += f"\n  built at {source.render()}"
        error.args = (error.message,)
    return error
