"""Stretches: nodes of a partition that its device runs as one, for instance as a CUDA graph.

In: the IR of a device, and which of its nodes can be in one. Out: the nodes in groups, in an order
that they can be loaded in. A group never waits for itself by way of other nodes: every node has a
level, which grows where values leave a stretch, and a stretch is what is capturable on one level.
A value that arrives after one was sent may depend on it, so receives begin no lower than the
sends before them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from itertools import groupby
from typing import Any, NamedTuple

from penstock import errors
from penstock.graph.devices import short_name
from penstock.graph.ir import IR, Endpoint, Node
from penstock.kernel_api import Compute, Step, Stretch, StretchState
from penstock.ops import registry

OP = "_Stretch"
"""What stands for the op of a loaded stretch; errors name the node that failed instead."""

LEAST = 2
"""Nodes that make a stretch worth it."""


class Laid(NamedTuple):
    """A stretch, with what it is given and gives: arrays, then constants, then handles."""

    stretch: Stretch
    inputs: tuple[Endpoint, ...]
    outputs: tuple[Endpoint, ...]
    controls: tuple[str, ...]
    host_inputs: tuple[bool, ...]


class Loaded(NamedTuple):
    """A stretch of a loaded program: its device, its nodes, and who knows how it has run."""

    device: str
    nodes: tuple[str, ...]
    teller: Callable[[], StretchState] | None

    def state(self) -> StretchState | None:
        """Return how it has run so far; None where the device does not tell."""
        return None if self.teller is None else self.teller()

    def __str__(self) -> str:
        """Show it as one line."""
        state = self.state()
        told = "" if state is None else f": {state}"
        return f'{short_name(self.device)}: {len(self.nodes)} nodes from "{self.nodes[0]}"{told}'


def may_be_in(
    node: Node, ir: IR, host_inputs: Sequence[bool], host_outputs: Sequence[bool]
) -> bool:
    """Return True when a node with a Python kernel does the same each time it is replayed.

    What it reads in host memory must be constant, and it must keep no state besides variables.
    """
    if registry.find_op(node.op).stateful and not any(
        ir[name].dtypes[i]._kind == "r" for name, i in node.inputs
    ):
        return False
    for (name, i), on_host in zip(node.inputs, host_inputs, strict=True):
        if on_host and not _is_constant(ir[name]) and ir[name].dtypes[i]._kind != "r":
            return False
    return not any(host_outputs)


def _is_constant(node: Node) -> bool:
    return node.op == "Const" and not node.controls


def groups(ir: IR, capturable: Callable[[Node], bool]) -> list[list[Node]]:
    """Return the nodes in an order they can be loaded in; a list of several is a stretch."""
    ranks: dict[str, tuple[int, bool]] = {}
    sent = 0
    for node in ir:
        inside = capturable(node)
        level = max([ranks[p][0] + (ranks[p][1] and not inside) for p in node.predecessors()] + [0])
        if node.op in ("_Send", "_HostSend"):
            sent = max(sent, level)
        elif node.op in ("_Recv", "_HostRecv"):
            level = max(sent, level)
        ranks[node.name] = level, inside
    result: list[list[Node]] = []
    for (_, inside), members in groupby(
        sorted(ir, key=lambda node: ranks[node.name]), key=lambda node: ranks[node.name]
    ):
        found = list(members)
        if inside and len(found) >= LEAST:
            result.append(found)
        else:
            result += [[node] for node in found]
    return result


def lay(ir: IR, nodes: Sequence[Node], computes: Sequence[Compute], read: Set[Endpoint]) -> Laid:
    """Return the stretch of these nodes; `read` are the values that other nodes read."""
    inside = {node.name for node in nodes}
    given: dict[Endpoint, int] = {}
    for node in nodes:
        for endpoint in node.inputs:
            if endpoint[0] not in inside:
                given[endpoint] = _kind(ir, endpoint)
    inputs = sorted(given, key=lambda endpoint: given[endpoint])
    numbers = {endpoint: number for number, endpoint in enumerate(inputs)}
    for node in nodes:
        for i in range(len(node.dtypes)):
            numbers[node.name, i] = len(numbers)
    outputs = [e for e in numbers if e[0] in inside and e in read]
    kept = {*inputs, *outputs}
    last_reader = {endpoint: node.name for node in nodes for endpoint in node.inputs}
    steps = []
    for node, compute in zip(nodes, computes, strict=True):
        made = [(node.name, i) for i in range(len(node.dtypes))]
        last = {e for e in node.inputs if last_reader[e] == node.name and e not in kept}
        steps.append(
            Step(
                _named(compute, node),
                tuple([numbers[e] for e in node.inputs]),
                tuple([numbers[e] for e in made]),
                tuple([numbers[e] for e in last]),
            )
        )
    kinds = list(given.values())
    controls = dict.fromkeys(c for node in nodes for c in node.controls if c not in inside)
    stretch = Stretch(
        tuple(steps), tuple([numbers[e] for e in outputs]), kinds.count(1), kinds.count(2)
    )
    in_host = tuple([_in_host(ir, e) for e in inputs])
    return Laid(stretch, tuple(inputs), tuple(outputs), tuple(controls), in_host)


def _kind(ir: IR, endpoint: Endpoint) -> int:
    """Return 0 for an array, 1 for a constant, 2 for a variable's handle."""
    node = ir[endpoint[0]]
    if node.dtypes[endpoint[1]]._kind == "r":
        return 2
    return int(_is_constant(node))


def _in_host(ir: IR, endpoint: Endpoint) -> bool:
    node = ir[endpoint[0]]
    return node.dtypes[endpoint[1]]._kind == "r" or bool(node.attrs.get("_host_memory"))


def read_variable(handle: Any) -> Any:
    """Return a variable's value: the kernel of `ReadVariableOp` within a stretch."""
    return handle.read()


def _named(compute: Compute, node: Node) -> Compute:
    """Return `compute` with its outputs as a tuple; what it raises remembers the node."""
    count = len(node.dtypes)

    def run(*inputs: Any) -> tuple[Any, ...]:
        try:
            made = compute(*inputs)
        except Exception as error:
            error.penstock_node = node  # type: ignore[attr-defined]
            raise
        return (made,) if count == 1 else tuple(made) if count else ()

    return run


def telling(call: Compute) -> Compute:
    """Return `call` of a stretch, whose errors begin with a line for the node and one for its op.

    `named` takes them off again, on the other side of the native runtime.
    """

    def run(*given: Any) -> Any:
        try:
            made = call(*given)
        except Exception as error:
            node = getattr(error, "penstock_node", None)
            node = node or getattr(error.__context__, "penstock_node", None)
            if node is None:
                raise
            code, text = _told(error)
            kind = errors.exception_type_from_error_code(code)
            raise kind(None, None, f"{node.name}\n{node.op}\n{text}", code) from error
        return made[0] if len(made) == 1 else made

    return run


def _told(error: Exception) -> tuple[int, str]:
    if isinstance(error, errors.OpError):
        return error.error_code, error.message
    if isinstance(error, MemoryError):
        return errors.RESOURCE_EXHAUSTED, str(error)
    if isinstance(error, (TypeError, ValueError, LookupError, ArithmeticError)):
        return errors.INVALID_ARGUMENT, str(error)
    return errors.INTERNAL, f"the kernel raised {type(error).__name__}: {error}"


def named(text: str, node: str) -> tuple[str, str, str]:
    """Return text, node and op of an error of the stretch `node`, as `telling` wrote it."""
    parts = text.split("\n", 2)
    return (parts[2], parts[0], parts[1]) if len(parts) == 3 else (text, node, OP)
