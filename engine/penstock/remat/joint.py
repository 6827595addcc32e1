"""IR → Problem: the joint forward and backward graph with bytes and costs.

Enters: the IR of one run and the gradient calls to plan for. Leaves: a `Joint`: the problem, the
node behind each task and the value behind each endpoint. Constants, feeds, variables as read and
small integers about shapes are external values: they are always there. A view (Reshape, Identity)
is no task: it shares the value that it shows, and is made again with it. Bytes come from static
shapes, rounded as the allocator does; an unknown dimension counts as
`simulate.sizes.UNKNOWN_DIM`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from penstock.graph.ir import IR, Endpoint, Node
from penstock.memory.kernel_memory import (
    Ask,
    KernelMemory,
    allocated,
    elementwise,
    from_tables,
    shows,
)
from penstock.remat.joint_order import (
    about_shapes,
    backward_nodes,
    joint_order,
    uses_of_read_values,
    variable_order,
)
from penstock.remat.problem import Problem, Task, Value
from penstock.remat.purity import may_repeat, purity
from penstock.remat.schedule import Schedule
from penstock.simulate import Costs, DeviceModel, EstimatedCosts, Sizes
from penstock.simulate.machine import device_type

_NO_TASK = frozenset({"Const", "_Arg", "VarHandleOp", "_Retval"})


@dataclass
class Joint:
    """A problem and what its numbers stand for.

    `tasks[t]` is the node of task t. `value_of` knows the value of each endpoint, those of views
    too. `resident` nodes run first, `results` (fetches) last; neither is a task. `updates` lists
    (writer, user, bytes): a task that works in place on a variable, a task that reads the value
    from before (-1: a fetch), and what a copy takes that is made when the user comes last. `fed`
    tells by accelerator the bytes of feeds that are copied there. `guessed` names the values
    of which only a run tells how large they are.
    """

    problem: Problem
    tasks: list[Node]
    value_of: dict[Endpoint, int]
    views: dict[str, Node]
    resident: list[Node]
    results: list[Node]
    backward: set[str] = field(repr=False)
    updates: list[tuple[int, int, int]] = field(default_factory=list, repr=False)
    fed: dict[str, int] = field(default_factory=dict, repr=False)
    guessed: tuple[str, ...] = ()

    def copied(self, schedule: Schedule) -> int:
        """Return the bytes of variables that updates copy, as somebody still reads them."""
        last: dict[int, int] = {}
        for position, step in enumerate(schedule.computes):
            last[step.task] = position
        written: dict[int, int] = {}
        for writer, user, size in self.updates:
            if user < 0 or last[user] > last[writer]:
                written[writer] = size
        return sum(written.values())


def source_of(view: Node) -> int:
    """Return the number of the input that a node shows which shows one."""
    return 1 if view.op == "Split" else 0


_ROUNDED_TO = {"GPU": 512}
"""Bytes of the smallest block, by device type; on a CPU `allocated` tells."""


def allocated_on(device: str, size: int) -> int:
    """Return what so many bytes take in the memory of a device."""
    kind = device_type(device) if device else "CPU"
    if kind == "CPU":
        return allocated(size)
    block = _ROUNDED_TO.get(kind, 1)
    return -(-size // block) * block


def make_joint(
    ir: IR,
    calls: Collection[bytes],
    costs: Costs | None = None,
    device: DeviceModel | None = None,
    shapes: Mapping[str, Any] | None = None,
    ask: Ask | None = None,
) -> Joint:
    """Return the problem of an IR.

    `shapes` are those of feeds, by name, where they are known; `ask` tells what kernels do with
    memory, for plans that are a limit: sizes that values decide are then the largest possible.
    """
    builder = _Builder(
        ir, backward_nodes(ir, calls), Sizes(ir, shapes, at_most=ask is not None), ask
    )
    order = joint_order(ir, builder.backward)
    for node in order:
        builder.place(node)
    return builder.finish(costs or EstimatedCosts(), device or DeviceModel("CPU:0"))


class _Builder:
    """The tables of a Joint while they grow, in the order of the nodes."""

    def __init__(self, ir: IR, backward: set[str], sizes: Sizes, ask: Ask | None) -> None:
        self.ir, self.backward, self.sizes, self.ask = ir, backward, sizes, ask
        self.waited_for = {name for node in ir for name in node.controls} | set(ir.roots)
        self.fetched = {e for node in ir if node.op == "_Retval" for e in node.inputs}
        self.tasks: list[Node] = []
        self.task_of: dict[str, int] = {}
        self.views: dict[str, Node] = {}
        self.resident: list[Node] = []
        self.results: list[Node] = []
        self.names: list[Endpoint] = []
        self.external: list[bool] = []
        self.value_of: dict[Endpoint, int] = {}
        self.stays: dict[str, tuple[int, int]] = {}  # of a writer: the new value, and its size
        self.always = 0  # bytes of the integers about shapes

    def place(self, node: Node) -> None:
        """Put a node where it belongs; its inputs were placed before."""
        if node.op == "_Retval":
            self.results.append(node)
        elif node.op in _NO_TASK and not node.controls:
            self.resident.append(node)
            self._add_values(node, True)
        elif (shown := self._shown(node)) is not None:
            self.views[node.name] = node
            for i in range(len(node.dtypes)):
                self.value_of[node.name, i] = self.value_of[node.inputs[shown]]
        else:
            self.task_of[node.name] = len(self.tasks)
            self.tasks.append(node)
            always = purity(node) == "reads_variable" and node.op == "ReadVariableOp"
            always = always or (node.name not in self.backward and about_shapes(node))
            self._add_values(node, always)
            if always and node.op != "ReadVariableOp":
                self.always += sum(
                    allocated(self.sizes.bytes((node.name, i))) for i in range(len(node.dtypes))
                )
            self._add_written(node)

    def _add_written(self, node: Node) -> None:
        """Note the value that a variable is given: it stays when the step ends."""
        if node.op != "AssignVariableOp":
            return
        size = allocated_on(node.device, self.sizes.bytes(node.inputs[1]))
        self.stays[node.name] = len(self.names), size
        self.names.append((node.name, 0))
        self.external.append(False)

    def _shown(self, node: Node) -> int | None:
        """Return the input that a node only shows, if it needs nothing else that comes and goes."""
        if node.controls or node.name in self.waited_for or purity(node) != "pure":
            return None
        pairs = shows(node, self.sizes)
        shown = source_of(node)
        if len(pairs) < max(1, len(node.dtypes)) or any(i != shown for _, i in pairs):
            return None
        given = node.inputs[shown]
        others = [e for i, e in enumerate(node.inputs) if i != shown]
        fixed = all(self.ir[e[0]].op in ("Const", "_Arg") for e in others)
        same_side = (given[0] in self.backward) == (node.name in self.backward)
        same_side = same_side or not self.external[self.value_of[given]]
        fixed = fixed and all(self.external[self.value_of[e]] for e in others)
        return shown if fixed and same_side else None

    def _add_values(self, node: Node, external: bool) -> None:
        for i in range(len(node.dtypes)):
            self.value_of[node.name, i] = len(self.names)
            self.names.append((node.name, i))
            self.external.append(external or node.dtypes[i].base_dtype.name == "resource")

    def finish(self, costs: Costs, device: DeviceModel) -> Joint:
        """Number everything and make the problem."""
        kept = {self.value_of[e] for e in self.fetched} | {v for v, _ in self.stays.values()}
        stays = dict(self.stays.values())
        values = tuple(
            Value(
                name if not i else f"{name}:{i}",
                0 if out else stays[v] if v in stays else self._size((name, i)),
                kept=v in kept and not out,
                external=out,
            )
            for v, ((name, i), out) in enumerate(zip(self.names, self.external, strict=True))
        )
        after: dict[str, set[str]] = {node.name: set(node.controls) for node in self.tasks}
        pairs = variable_order(self.ir)
        for earlier, later in pairs:
            after.setdefault(later, set()).add(earlier)
        tasks = tuple(self._task(node, after[node.name], costs, device) for node in self.tasks)
        return Joint(
            Problem(tasks, values),
            self.tasks,
            self.value_of,
            self.views,
            self.resident,
            self.results,
            self.backward,
            self._updates(pairs),
            self._fed(),
            tuple(values[v].name for v, e in enumerate(self.names) if self._is_guess(v, e)),
        )

    def _is_guess(self, v: int, endpoint: Endpoint) -> bool:
        return endpoint in self.sizes.guessed and not self.external[v]

    def _fed(self) -> dict[str, int]:
        fed: dict[str, int] = {}
        copies = {
            (node.device, self.value_of[e]): self.names[self.value_of[e]]
            for node in self.tasks
            for e in node.inputs
            if node.device and device_type(node.device) != "CPU"
        }
        for (device, _), (name, i) in copies.items():
            if self.ir[name].op == "_Arg":
                size = allocated_on(device, self.sizes.bytes((name, i)))
                fed[device] = fed.get(device, 0) + size
        return fed

    def _size(self, endpoint: Endpoint) -> int:
        return allocated_on(self.ir[endpoint[0]].device, self.sizes.bytes(endpoint))

    def _updates(self, pairs: list[tuple[str, str]]) -> list[tuple[int, int, int]]:
        return [
            (
                self.task_of[write],
                self.task_of.get(user, -1),
                self._size((read, 0)),
            )
            for read, user, write in uses_of_read_values(self.ir, pairs)
            if write in self.task_of and user != write and user not in self.views
        ]

    def _task(self, node: Node, after: set[str], costs: Costs, device: DeviceModel) -> Task:
        inputs: dict[int, None] = {}
        for endpoint in node.inputs:
            v = self.value_of[endpoint]
            inputs[v] = None
            if self.external[v]:
                after.add(self.names[v][0])
        earlier = sorted(self.task_of[name] for name in after if name in self.task_of)
        outputs = [self.value_of[node.name, i] for i in range(len(node.dtypes))]
        counted = [v for v in outputs if not self.external[v]]
        if node.name in self.stays:
            counted.append(self.stays[node.name][0])
        forward = node.name not in self.backward
        memory = self._memory(node)
        return Task(
            node.name,
            costs.seconds(node, self.sizes, device),
            tuple(inputs),
            tuple(counted),
            self.always + memory.scratch,
            recomputable=forward and may_repeat(node) and bool(counted),
            forward=forward,
            in_place=self._in_place(node, memory.in_place),
            after=tuple(earlier),
        )

    def _memory(self, node: Node) -> KernelMemory:
        """Return what the kernel does with memory: its own word where it can be asked.

        An accelerator's kernels write fresh memory.
        """
        if node.device and device_type(node.device) != "CPU":
            return KernelMemory()
        asked = None
        if self.ask is not None and not elementwise(node):
            asked = self.ask(node, self.ir, self.sizes)
        if asked is not None:
            return asked
        known = from_tables(node, self.sizes)
        return known._replace(scratch=allocated(known.scratch) if known.scratch else 0)

    def _in_place(
        self, node: Node, pairs: Collection[tuple[int, int]]
    ) -> tuple[tuple[int, int], ...]:
        """Return the pairs (output, input) of values in which the output may take over the input.

        A value that is read twice is not taken over, and none of other dimensions is.
        """
        read = [self.value_of[e] for e in node.inputs]
        if node.name in self.stays:
            v = read[1]
            return () if self.external[v] else ((self.stays[node.name][0], v),)
        found: dict[tuple[int, int], None] = {}
        for o, i in pairs:
            out, v, e = self.value_of[node.name, o], read[i], node.inputs[i]
            same = self.sizes.elements(e) == self.sizes.elements((node.name, o))
            same = same and self.sizes.bytes(e) == self.sizes.bytes((node.name, o))
            same = same and self.ir[e[0]].device == node.device
            if same and read.count(v) == 1 and not (self.external[out] or self.external[v]):
                found[out, v] = None
        return tuple(found)
