"""Stepper: one run of a plan, a node at a time.

`Session.stepper` makes it. Nodes run in the plan's own order, over all devices, each when it is
asked for; between two of them everything can be looked at: which nodes are ready, what the others
wait for, the values that are alive, the memory of each device. Nothing is computed twice, and
what `finish` returns is what `Session.run` would have returned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import numpy as np

from penstock import _native, errors
from penstock.graph.devices import short_name
from penstock.graph.ir import Node
from penstock.graph.tensor import Operation, Tensor
from penstock.graph.viewer import viewer
from penstock.runtime.plan import Plan
from penstock.runtime.stepper_shell import StepperShell

if TYPE_CHECKING:
    from penstock.view import View

_NOT_FINITE = ("nan", "inf")


class StepNode(NamedTuple):
    """A node of a run that is being stepped through."""

    name: str
    op: str
    device: str
    state: str
    waits_for: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Show one line."""
        text = f"{self.state:<8}{self.name} ({self.op}) on {short_name(self.device)}"
        return text + (f", waits for {', '.join(self.waits_for)}" if self.waits_for else "")


class Stepper:
    """One run, node by node.

    `ready`, `waiting`, `done` and `failed` list its nodes; `history` names those that have run, in
    order. With `keep`, values stay when nothing reads them any more.

    >>> x = ps.placeholder(ps.float32, [2], name="sx")
    >>> y = ps.sqrt(x - 1.0, name="root")
    >>> stepper = ps.Session().stepper(y, {x: [5.0, 0.0]})
    >>> print(stepper.step())
    done    sub (Sub) on CPU:0
    >>> stepper.peek("sub")
    array([ 4., -1.], dtype=float32)
    >>> print(stepper.run_to_nan())
    done    root (Sqrt) on CPU:0
    >>> stepper.finish()
    array([ 2., nan], dtype=float32)
    """

    def __init__(
        self,
        plan: Plan,
        values: Sequence[Any],
        build: Callable[[list[Any]], Any],
        explain: Callable[[errors.OpError], Exception],
        memory: Callable[[str], Mapping[str, int]],
        check_open: Callable[[], None],
        keep: bool = False,
    ) -> None:
        """Take a plan, the values of its feeds in order, and what the session knows to do."""
        self._plan = plan
        self._build = build
        self._explain = explain
        self._memory = memory
        self._check_open = check_open
        self._native = _native.Stepper(plan.plain, values, keep)
        self._nodes = self._native.nodes()
        self._number = {name: i for i, (name, _, _) in enumerate(self._nodes)}
        self._rank = _ranks(plan, [name for name, _, _ in self._nodes])
        self.history: list[str] = []

    # ---- where it is

    def __len__(self) -> int:
        """Return how many nodes the run has."""
        return len(self._nodes)

    @property
    def finished(self) -> bool:
        """True when every node has run."""
        return self._native.finished

    @property
    def ready(self) -> list[StepNode]:
        """The nodes that can run now, the one that `step` takes next first."""
        return [self._node(i) for i in sorted(self._native.ready(), key=self._rank.__getitem__)]

    @property
    def waiting(self) -> list[StepNode]:
        """The nodes that cannot run yet, each with what it waits for."""
        return self._in_state("waiting")

    @property
    def done(self) -> list[StepNode]:
        """The nodes that have run."""
        return self._in_state("done")

    @property
    def failed(self) -> list[StepNode]:
        """The node that raised an error, if one did: its inputs can be looked at."""
        return self._in_state("failed")

    def live_bytes(self) -> dict[str, int]:
        """Return the bytes that tensors hold on each device, by its short name."""
        devices = dict.fromkeys(device for _, _, device in self._nodes)
        return {short_name(d): self._memory(d)["live"] for d in devices}

    def node(self, target: str | Operation | Tensor) -> StepNode:
        """Return what is known of a node. Raises `NotFoundError` when the run has none such."""
        return self._node(self._find(target))

    # ---- going on

    def step(self, target: str | Operation | Tensor | None = None) -> StepNode:
        """Run one node: the next in order, or `target`, which must be ready.

        Returns the node. Raises `OutOfRangeError` when the run is finished,
        `FailedPreconditionError` for a node that is not ready, `RuntimeError` when the session is
        closed, and whatever the node raises.
        """
        self._check_open()
        if target is not None:
            number = self._find(target)
        else:
            ready = self._native.ready() or [self._number[n.name] for n in self.failed]
            if not ready:
                raise errors.OutOfRangeError(None, None, "the run is finished: no node is left")
            number = min(ready, key=self._rank.__getitem__)
        name = self._nodes[number][0]
        try:
            self._native.run(number)
        except errors.FailedPreconditionError as e:
            before = ", ".join(self._names(self._native.waits_for(number)))
            if not before:
                raise self._explain(e) from None
            text = f'node "{name}" is not ready: it waits for {before}'
            raise errors.FailedPreconditionError(None, None, text) from None
        except errors.OpError as e:
            raise self._explain(e) from None
        self.history.append(name)
        return self._node(number)

    def run_to(self, target: str | Operation | Tensor) -> StepNode:
        """Run nodes in order until `target` has run, and return it."""
        number = self._find(target)
        while self._native.states()[number] != "done":
            self.step()
        return self._node(number)

    def run_to_nan(self) -> StepNode | None:
        """Run until a node makes a value that is NaN or infinite; return it, or None at the end."""
        while not self.finished:
            node = self.step()
            if any(not_finite(value) for value in self.outputs(node.name)):
                return node
        return None

    def finish(self) -> Any:
        """Run what is left and return the fetches, nested as they were asked for."""
        self._check_open()
        while not self.finished:
            self.step()
        return self._build(self._native.fetches())

    # ---- values

    def peek(self, target: str | Operation | Tensor) -> Any:
        """Return the value of a tensor ("name:0", "name" or a handle) as an array.

        Raises `FailedPreconditionError` where it has not been made yet, or nothing reads it any
        more and it was not kept; `NotFoundError` when the run does not compute it; `RuntimeError`
        when the session is closed.
        """
        self._check_open()
        name = target.name if isinstance(target, (Operation, Tensor)) else target
        node, _, index = name.partition(":")
        if node in self._number:
            value = self._native.value(self._number[node], int(index or 0))
            state = self._native.states()[self._number[node]]
        else:
            value = self._native.value_of_name(f"{node}:{index or 0}")
            value = self._native.value_of_name(node) if value is None else value
            state = "" if value is None else "done"
        if value is not None:
            return value
        if not state:
            self._find(node)
        why = (
            "it is gone: nothing reads it any more (make the stepper with keep=True)"
            if state == "done"
            else f"its node is {state}"
        )
        raise errors.FailedPreconditionError(None, None, f'"{name}" has no value: {why}')

    def outputs(self, target: str | Operation) -> list[Any]:
        """Return the values of a node's outputs that there are now."""
        number = self._find(target)
        node = self._plan.node(self._nodes[number][0])
        values = [self._native.value(number, i) for i in range(len(node.dtypes) if node else 1)]
        return [v for v in values if v is not None]

    # ---- shown

    def __str__(self) -> str:
        """Show where the run is: what is ready, what waits for what, memory."""
        done = len(self.done)
        memory = ", ".join(f"{d} {n} bytes" for d, n in self.live_bytes().items())
        lines = [f"{done} of {len(self)} nodes have run; live: {memory}"]
        for nodes in (self.failed, self.ready, self.waiting):
            lines += [f"  {node}" for node in nodes[:12]]
            if len(nodes) > 12:
                lines.append(f"  ... and {len(nodes) - 12} more")
        return "\n".join(lines)

    def interact(self, stdin: IO[str] | None = None, stdout: IO[str] | None = None) -> None:
        r"""Drive this run from a terminal: `help` lists the commands, an empty line steps.

        The streams are the terminal's unless others are given.

        >>> import io
        >>> x = ps.placeholder(ps.float32, [], name="tx")
        >>> stepper = ps.Session().stepper(ps.exp(x, name="e") + 1.0, {x: 0.0})
        >>> out = io.StringIO()
        >>> stepper.interact(io.StringIO("step\nquit\n"), out)
        >>> print(out.getvalue().replace("(step) ", "").strip())
        done    e (Exp) on CPU:0
                :0 float32[] 1.
        """
        StepperShell(self, stdin, stdout).cmdloop()

    def visualize(self, title: str = "a run", *, max_nodes: int = 2000) -> View:
        """Return a picture of where the run is; a stepper in a notebook shows it by itself.

        What has run is filled, what is ready framed, what waits pale; a node tells the values it
        has, or what it waits for. A larger plan is shown by its scopes, in at most `max_nodes`
        boxes, which tell how many of their nodes are done.

        >>> x = ps.placeholder(ps.float32, [])
        >>> ps.Session().stepper(ps.exp(x) + 1.0, {x: 0.0}).visualize()
        <View of 'a run': 5 nodes>
        """
        parts = self._plan.partitions
        view: View = viewer().view_moment(parts, self._moment(), title, max_nodes)
        return view

    def _repr_html_(self) -> str:
        return self.visualize()._repr_html_()

    def _moment(self) -> Any:
        keys = [(device, name) for name, _, device in self._nodes]
        states = dict(zip(keys, self._native.states(), strict=True))
        waits = {
            key: [keys[other] for other in self._native.waits_for(i)]
            for i, key in enumerate(keys)
            if states[key] == "waiting"
        }
        values = {
            key: [viewer().value_text(value) for value in self.outputs(key[1])]
            for key in keys
            if states[key] == "done"
        }
        last = keys[self._number[self.history[-1]]] if self.history else None
        return viewer().Moment(states, waits, values, self.live_bytes(), last)

    def __iter__(self) -> Iterator[StepNode]:
        """Run node by node, yielding each once it has run."""
        while not self.finished:
            yield self.step()

    # ---- inside

    def _node(self, number: int) -> StepNode:
        name, op, device = self._nodes[number]
        state = self._native.states()[number]
        before = self._names(self._native.waits_for(number)) if state == "waiting" else ()
        return StepNode(name, op, device, state, before)

    def _in_state(self, state: str) -> list[StepNode]:
        numbers = [i for i, s in enumerate(self._native.states()) if s == state]
        return [self._node(i) for i in sorted(numbers, key=self._rank.__getitem__)]

    def _names(self, numbers: Sequence[int]) -> tuple[str, ...]:
        return tuple([self._nodes[i][0] for i in numbers])

    def _find(self, target: str | Operation | Tensor) -> int:
        name = target.op.name if isinstance(target, Tensor) else getattr(target, "name", target)
        number = self._number.get(str(name).partition(":")[0])
        if number is None:
            raise errors.NotFoundError(
                None, None, f'this run has no node "{name}": it may have been folded or merged'
            )
        return number


def not_finite(value: Any) -> bool:
    """Return True when a floating value has an element that is NaN or infinite."""
    array = np.asarray(value)
    if array.dtype.kind not in "fcV":
        return False
    wide = array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)
    return not bool(np.isfinite(wide).all())


def _ranks(plan: Plan, names: Sequence[str]) -> list[float]:
    """Return a number for each node by which they stand in the plan's order over all devices.

    A send follows what it sends; a receive precedes its first reader.
    """
    order: dict[str, float] = {name: float(i) for i, name in enumerate(plan.ir.nodes)}
    for part in plan.partitions.values():
        pending: list[Node] = []
        for node in part:
            if node.name in order:
                for receive in pending:
                    order[receive.name] = order[node.name] - 0.5
                pending = []
            elif node.inputs and node.inputs[0][0] in order:
                order[node.name] = order[node.inputs[0][0]] + 0.25
            else:
                pending.append(node)
        for node in pending:
            order[node.name] = float(len(order))
    return [order.get(name, 0.0) for name in names]
