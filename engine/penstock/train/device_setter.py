"""replica_device_setter: variables on parameter servers in turn, everything else on the worker."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from penstock import logger
from penstock.exports import export
from penstock.graph.device_spec import DeviceSpec
from penstock.graph.tensor import Operation

_PS_OPS = ("Variable", "VariableV2", "VarHandleOp")


@export("train.replica_device_setter")
def replica_device_setter(
    ps_tasks: int = 0,
    ps_device: str = "/job:ps",
    worker_device: str = "/job:worker",
    merge_devices: bool = True,
    cluster: Any = None,
    ps_ops: Iterable[str] | None = None,
    ps_strategy: Callable[[Operation], int] | None = None,
) -> Callable[[Operation], str] | None:
    """Return a function for `device` that spreads variables over parameter servers.

    There are `ps_tasks` of them, or as many as `cluster` has tasks in the job of `ps_device`
    (a dict from job to tasks, or anything with `as_dict`). Ops named in `ps_ops` (by default
    those that make variables) get `ps_device` with the task that `ps_strategy(op)` returns, in
    turn by default; others get `worker_device`. Both fill in what inner blocks leave open; with
    `merge_devices=False` only where they say nothing at all. None when there are no tasks.
    Raises `TypeError` when `ps_strategy` is no function.

    >>> with ps.device(ps.train.replica_device_setter(ps_tasks=2)):
    ...     v, w = ps.Variable(1.0), ps.Variable(2.0)
    ...     total = ps.constant(1.0)
    >>> v.device, w.device, total.device
    ('/job:ps/task:0', '/job:ps/task:1', '/job:worker')
    """
    if cluster is not None:
        jobs = cluster.as_dict() if hasattr(cluster, "as_dict") else dict(cluster)
        ps_tasks = len(jobs.get(DeviceSpec.from_string(ps_device).job) or ())
    if ps_tasks == 0:
        return None
    if not merge_devices:
        logger.warning("replica_device_setter(merge_devices=False) ignores partial requests")
    if ps_strategy is None:
        ps_strategy = _in_turn(ps_tasks)
    elif not callable(ps_strategy):
        raise TypeError(f"ps_strategy must be a function, not {ps_strategy!r}")
    on_servers = frozenset(_PS_OPS if ps_ops is None else ps_ops)
    task_of, servers = ps_strategy, DeviceSpec.from_string(ps_device or "")
    worker = DeviceSpec.from_string(worker_device or "")

    def choose(operation: Operation) -> str:
        if operation.device and not merge_devices:
            return operation.device
        inner = DeviceSpec.from_string(operation.device)
        if operation.type not in on_servers or not ps_device:
            return worker.make_merged_spec(inner).to_string()
        wanted = servers
        if servers.job and inner.job in (None, servers.job):
            wanted = servers.replace(task=task_of(operation))
        return wanted.make_merged_spec(inner).to_string()

    return choose


def _in_turn(tasks: int) -> Callable[[Operation], int]:
    """Return a function that gives 0, 1, … and starts again after `tasks` calls."""
    calls = 0

    def next_task(_: Operation) -> int:
        nonlocal calls
        calls += 1
        return (calls - 1) % tasks

    return next_task
