"""What the recompute pass does: turn a schedule into an IR with repetitions.

Nodes stand in the order of the schedule, repetitions are clones called `name/recompute_1`, and
readers read the newest instance, fetches the original. Clones carry `_recomputed` (the name of the
original, which no other node has, so nothing merges them back), stand on the original's device,
and each step from the first clone on waits for the one before, so that a parallel executor, too,
holds no more than was planned.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from penstock import dtypes
from penstock.graph.ir import IR, Endpoint, Node
from penstock.ops.redraw import HALVES, at_op, place_op
from penstock.remat.choose import budgets_of, choose
from penstock.remat.in_blocks import Arenas, Planned, in_blocks, with_shapes
from penstock.remat.infeasible import Infeasible
from penstock.remat.joint import Joint, make_joint, source_of
from penstock.remat.options import PlanOptions
from penstock.remat.portfolio import Planner
from penstock.remat.requests import Request
from penstock.remat.rows import with_rows_read
from penstock.remat.schedule import Schedule

if TYPE_CHECKING:
    from penstock.passes.context import PassContext


def rewrite(ir: IR, ctx: PassContext, request: Request) -> IR:
    """Return `ir` with what `request` wishes. Raises `Infeasible` for a budget.

    A budget is planned for known sizes only: where feeds leave some open and `ctx.shapes` does not
    tell, the IR stays as it is and the log says so.
    """
    if request.bounded and ctx.shapes is None and _fed_sizes_are_open(ir):
        ctx.log.wants_shapes = True
        return ir
    several = len(ctx.placing.devices) > 1
    seconds = ctx.options.solver_seconds
    ir, joint, planner = _form(ir, ctx, request)

    def make(budgets: Mapping[str, int]) -> Planned:
        plan = choose(joint, request.less(budgets), seconds, planner)
        rewritten = apply_schedule(ir, joint, plan.schedule, several, bool(plan.devices))
        return Planned(plan, rewritten, joint.copied(plan.schedule))

    if request.bounded and ctx.place_memory is not None:
        plan, rewritten, ctx.log.arenas = in_blocks(
            make, partial(_place, ir, ctx), budgets_of(joint, request)
        )
    else:
        plan, rewritten, _ = make({})
    ctx.log.recomputation = replace(plan, guessed=joint.guessed)
    for name, node in rewritten.nodes.items():
        if "_recomputed" in node.attrs:
            ctx.log.note("repeats", name, f"{plan.strategy} does not keep the first result")
    return rewritten


def _form(ir: IR, ctx: PassContext, request: Request) -> tuple[IR, Joint, Planner | None]:
    """Return the IR to plan for, its problem, and for a budget what plans it.

    That is one in which rows of variables may be looked up again where it then repeats less.
    """
    ask = ctx.kernel_memory if request.bounded else None
    options = PlanOptions(solver_seconds=ctx.options.solver_seconds)
    joint = make_joint(ir, request.calls, ctx.placing.costs, shapes=ctx.shapes, ask=ask)
    given = ir, joint, Planner(joint.problem, options) if ask else None
    rows = with_rows_read(ir) if ask else None
    if rows is None:
        return given
    repeated = _repeated(given[1], request, given[2])
    if repeated == 0:
        return given
    joint = make_joint(rows, request.calls, ctx.placing.costs, shapes=ctx.shapes, ask=ask)
    planner = Planner(joint.problem, replace(options, smallest=False))
    better = _repeated(joint, request, planner) < repeated
    planner.options = options
    return (rows, joint, planner) if better else given


def _repeated(joint: Joint, request: Request, planner: Planner | None) -> float:
    """Return the work that the plan for a budget repeats; of a budget too small, all there is."""
    try:
        plan = choose(joint, request, planner=planner)
    except Infeasible:
        return float("inf")
    return plan.evaluation.cost - joint.problem.plain_cost if plan.schedule.clones else 0.0


def _place(ir: IR, ctx: PassContext, made: IR, room: Mapping[str, int]) -> Arenas:
    """Return blocks for an IR that was made of `ir`."""
    assert ctx.place_memory is not None
    if ctx.shapes is not None and _fed_sizes_are_open(ir):
        made = with_shapes(made, ir, ctx.shapes)
    return ctx.place_memory(made, room, ctx)


def _fed_sizes_are_open(ir: IR) -> bool:
    """Tell whether a feed may have several shapes."""
    fed = [dims for node in ir if node.op == "_Arg" for dims in node.shapes]
    return any(dims is None or None in dims for dims in fed)


def apply_schedule(
    ir: IR,
    joint: Joint,
    schedule: Schedule,
    several_devices: bool = False,
    in_step: bool = False,
) -> IR:
    """Return the IR that runs `schedule`: nodes in its order, clones for repetitions.

    With `in_step` no device runs ahead of another.
    """
    repeated = {step.task for step in schedule.computes if step.instance}
    writer = _Writer(ir, joint, repeated, several_devices, in_step)
    for step in schedule.computes:
        writer.compute(step.task, step.instance)
    return writer.finish()


class _Writer:
    """The new IR while it grows, and the newest instance of each value."""

    def __init__(
        self, ir: IR, joint: Joint, repeated: set[int], several_devices: bool, in_step: bool
    ) -> None:
        self.ir, self.joint, self.problem = ir, joint, joint.problem
        self.repeated, self.several_devices, self.in_step = repeated, several_devices, in_step
        self.latest: Node | None = None
        first = sorted(joint.resident, key=lambda node: node.op != "_Arg")
        self.nodes = {node.name: node for node in first}
        self.newest: dict[int, int] = {}
        self.names: dict[tuple[str, int], str] = {}
        self.places: dict[str, str] = {}
        self.previous: dict[str, str] = {}

    def compute(self, t: int, instance: int) -> None:
        """Add task t, the original or a clone."""
        node, task = self.joint.tasks[t], self.problem.tasks[t]
        inputs = tuple([self.source(e) for e in node.inputs])
        controls = node.controls
        if self.repeated and (instance or not task.forward):
            last = self.previous.get(node.device)
            if last is not None and last not in controls and all(last != n for n, _ in inputs):
                controls = (*controls, last)
        if self.in_step and self.latest is not None and self.latest.device != node.device:
            controls = tuple(dict.fromkeys((*controls, self.latest.name)))
        added = node._replace(inputs=inputs, controls=controls)
        if t in self.repeated and node.op in HALVES:
            added = self._halved(added, instance)
        if instance:
            added = self._clone(added, instance)
        self.nodes[added.name] = self.latest = added
        self.previous[node.device] = added.name
        for v in task.outputs:
            if not (self.problem.values[v].kept and instance):
                self.newest[v] = instance

    def source(self, endpoint: Endpoint) -> Endpoint:
        """Return where the newest instance of an endpoint is read, making views on the way."""
        name, index = endpoint
        v = self.joint.value_of[endpoint]
        instance = self.newest.get(v, 0)
        chain: list[tuple[Node, int]] = []
        while name in self.joint.views and self._name(name, instance) not in self.nodes:
            view = self.joint.views[name]
            chain.append((view, index))
            name, index = view.inputs[source_of(view)]
        at = (self._name(name, instance), index)
        for view, index in reversed(chain):
            inputs = list(view.inputs)
            inputs[source_of(view)] = at
            made = view._replace(inputs=tuple(inputs))
            if instance:
                made = self._clone(made, instance)
            self.nodes[made.name] = made
            at = (made.name, index)
        return at

    def _name(self, name: str, instance: int) -> str:
        if not instance:
            return name
        found = self.names.get((name, instance))
        if found is None:
            found = self.names[name, instance] = self._unused(f"{name}/recompute_{instance}")
        return found

    def _unused(self, name: str) -> str:
        while name in self.ir.nodes or name in self.nodes:
            name += "_"
        return name

    def _halved(self, node: Node, instance: int) -> Node:
        """Return the half of a random node that draws; the other half runs before the first."""
        if not instance:
            attrs = {**self._beside(node), "stream": node.name.encode()}
            place = node._replace(
                name=self._unused(f"{node.name}/place"),
                op=place_op(node.op),
                attrs=attrs,
                dtypes=(dtypes.uint64,),
                shapes=((3,),),
            )
            self.nodes[place.name] = place
            self.places[node.name] = place.name
        drawn = {k: v for k, v in node.attrs.items() if k not in ("seed", "seed2")}
        inputs = (*node.inputs, (self.places[node.name], 0))
        return node._replace(op=at_op(node.op), inputs=inputs, attrs=drawn)

    def _clone(self, node: Node, instance: int) -> Node:
        attrs = {**self._beside(node), "_recomputed": node.name.encode()}
        return node._replace(name=self._name(node.name, instance), attrs=attrs)

    def _beside(self, node: Node) -> dict[str, Any]:
        """Return the attributes of a node that stands on the device of `node`."""
        attrs = dict(node.attrs)
        if self.several_devices:
            here = b"loc:@" + node.name.encode()
            attrs["_class"] = list(dict.fromkeys([*attrs.get("_class", ()), here]))
        return attrs

    def finish(self) -> IR:
        """Add the fetches and return everything."""
        for node in self.joint.results:
            inputs = tuple([self.source(e) for e in node.inputs])
            self.nodes[node.name] = node._replace(inputs=inputs)
        return IR(self.nodes, self.ir.roots)
