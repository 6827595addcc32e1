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
from penstock.memory.kernel_memory import allocated, in_place, scratch
from penstock.remat.joint_order import about_shapes, backward_nodes, joint_order, variable_order
from penstock.remat.problem import Problem, Task, Value
from penstock.remat.purity import may_repeat, purity
from penstock.simulate import Costs, DeviceModel, EstimatedCosts, Sizes

_VIEWS = frozenset(
    {"Identity", "StopGradient", "PreventGradient", "Reshape", "ExpandDims", "Squeeze"}
)
_NO_TASK = frozenset({"Const", "_Arg", "VarHandleOp", "_Retval"})


@dataclass
class Joint:
    """A problem and what its numbers stand for.

    `tasks[t]` is the node of task t. `value_of` knows the value of each endpoint, those of views
    too. `resident` nodes run first, `results` (fetches) last; neither is a task.
    """

    problem: Problem
    tasks: list[Node]
    value_of: dict[Endpoint, int]
    views: dict[str, Node]
    resident: list[Node]
    results: list[Node]
    backward: set[str] = field(repr=False)


def make_joint(
    ir: IR,
    calls: Collection[bytes],
    costs: Costs | None = None,
    device: DeviceModel | None = None,
    shapes: Mapping[str, Any] | None = None,
) -> Joint:
    """Return the problem of an IR; `shapes` are those of feeds, by name, where they are known."""
    builder = _Builder(ir, backward_nodes(ir, calls), Sizes(ir, shapes))
    order = joint_order(ir, builder.backward)
    for node in order:
        builder.place(node)
    return builder.finish(costs or EstimatedCosts(), device or DeviceModel("CPU:0"))


class _Builder:
    """The tables of a Joint while they grow, in the order of the nodes."""

    def __init__(self, ir: IR, backward: set[str], sizes: Sizes) -> None:
        self.ir, self.backward, self.sizes = ir, backward, sizes
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

    def place(self, node: Node) -> None:
        """Put a node where it belongs; its inputs were placed before."""
        if node.op == "_Retval":
            self.results.append(node)
        elif node.op in _NO_TASK and not node.controls:
            self.resident.append(node)
            self._add_values(node, True)
        elif self._is_view(node):
            self.views[node.name] = node
            self.value_of[node.name, 0] = self.value_of[node.inputs[0]]
        else:
            self.task_of[node.name] = len(self.tasks)
            self.tasks.append(node)
            always = purity(node) == "reads_variable" and node.op == "ReadVariableOp"
            always = always or (node.name not in self.backward and about_shapes(node))
            self._add_values(node, always)

    def _is_view(self, node: Node) -> bool:
        """Tell whether a node only shows its first input, and needs nothing that comes and goes."""
        if node.op not in _VIEWS or node.controls or node.name in self.waited_for:
            return False
        first = node.inputs[0]
        same_side = (first[0] in self.backward) == (node.name in self.backward)
        others = all(self.external[self.value_of[e]] for e in node.inputs[1:])
        fixed = all(self.ir[e[0]].op in ("Const", "_Arg") for e in node.inputs[1:])
        return others and fixed and (same_side or not self.external[self.value_of[first]])

    def _add_values(self, node: Node, external: bool) -> None:
        for i in range(len(node.dtypes)):
            self.value_of[node.name, i] = len(self.names)
            self.names.append((node.name, i))
            self.external.append(external or node.dtypes[i].base_dtype.name == "resource")

    def finish(self, costs: Costs, device: DeviceModel) -> Joint:
        """Number everything and make the problem."""
        kept = {self.value_of[e] for e in self.fetched}
        values = tuple(
            Value(
                name if not i else f"{name}:{i}",
                0 if out else allocated(self.sizes.bytes((name, i))),
                kept=v in kept and not out,
                external=out,
            )
            for v, ((name, i), out) in enumerate(zip(self.names, self.external, strict=True))
        )
        after: dict[str, set[str]] = {node.name: set(node.controls) for node in self.tasks}
        for earlier, later in variable_order(self.ir):
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
        )

    def _task(self, node: Node, after: set[str], costs: Costs, device: DeviceModel) -> Task:
        inputs: dict[int, None] = {}
        for endpoint in node.inputs:
            v = self.value_of[endpoint]
            inputs[v] = None
            if self.external[v]:
                after.add(self.names[v][0])
        earlier = sorted(self.task_of[name] for name in after if name in self.task_of)
        outputs = [self.value_of[node.name, i] for i in range(len(node.dtypes))]
        counted = tuple(v for v in outputs if not self.external[v])
        forward = node.name not in self.backward
        return Task(
            node.name,
            costs.seconds(node, self.sizes, device),
            tuple(inputs),
            counted,
            allocated(scratch(node, self.sizes)),
            recomputable=forward and may_repeat(node) and bool(counted),
            forward=forward,
            in_place=self._in_place(node),
            after=tuple(earlier),
        )

    def _in_place(self, node: Node) -> tuple[tuple[int, int], ...]:
        """Return the pairs (output, input) in which the output may take over the input."""
        read = [self.value_of[e] for e in node.inputs]
        pairs = [(self.value_of[node.name, o], read[i]) for o, i in in_place(node, self.sizes)]
        once = [v for out, v in pairs if not self.external[out] and read.count(v) == 1]
        return tuple([(out, v) for out, v in pairs if v in once and not self.external[v]])
