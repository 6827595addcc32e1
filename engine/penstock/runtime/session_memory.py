"""The memory of a session's devices: what a session tells about it and lets one bound.

Plain functions of a session, which `Session` has as its methods.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from penstock import errors
from penstock.graph.devices import full_name, short_name
from penstock.runtime.memory_explanation import MemoryExplanation
from penstock.runtime.memory_log import Replay
from penstock.runtime.variable_roles import variable_roles

if TYPE_CHECKING:
    from penstock.runtime.session import Session


class DeviceRunMemory(NamedTuple):
    """The memory of one device in one run, in bytes, and how many blocks were handed out.

    `share_peak` is what a run with a memory budget had allocated itself, at most; 0 for others.
    """

    live_before: int
    live_after: int
    peak: int
    allocations: int
    share_peak: int = 0


class RunMemory(NamedTuple):
    """The memory of one run: the host's, and by short name that of each device it used.

    Runs at the same time, and arrays that were fetched and are still held, count too; in
    `share_peak`, which only runs with a memory budget have, they do not.
    """

    live_before: int
    live_after: int
    peak: int
    allocations: int
    share_peak: int
    devices: dict[str, DeviceRunMemory]


class DeviceUsage(NamedTuple):
    """What a device's memory is used for between runs, in bytes.

    `rest` is live and no variable's: constants of plans, fetched arrays that somebody still holds,
    runs under way. `reserved` is live or kept for later; a `limit` of 0 is none.
    """

    live: int
    peak: int
    reserved: int
    limit: int
    parameters: int
    slots: int
    variables: int
    rest: int


def run_with_memory(
    session: Session, fetches: Any, feed_dict: Mapping[Any, Any] | None = None
) -> tuple[Any, RunMemory]:
    """Run once; return the values, and what the run did to the memory of its devices.

    >>> x = ps.placeholder(ps.float32, [1000])
    >>> _, memory = ps.Session().run_with_memory(ps.exp(x) * x, {x: [0.0] * 1000})
    >>> memory.peak - memory.live_before >= 4000, list(memory.devices)
    (True, ['CPU:0'])
    """
    plan, values, timeout, build = session._prepared(fetches, feed_dict)
    try:
        results, devices, _ = plan.program.run_with_stats(values, timeout)
    except errors.OpError as e:
        raise session._explained(e, plan) from None
    figures = {short_name(name): DeviceRunMemory(*rest) for name, *rest in devices}
    host = next(iter(figures.values()))
    return build(results), RunMemory(*host, figures)


def explain_memory(
    session: Session, fetches: Any, feed_dict: Mapping[Any, Any] | None = None
) -> MemoryExplanation:
    """Run once, one node after the other, and return what held memory at the peak and when.

    The run has its effects, such as updates of variables. It is slower than others, and on
    several threads a run may need more than this one, whose nodes never overlap.
    Raises what `run` raises.

    >>> x = ps.placeholder(ps.float32, [1000], name="x")
    >>> y = ps.exp(ps.concat([x, x], 0, name="twice"), name="y")
    >>> memory = ps.Session().explain_memory(y, {x: [0.0] * 1000})
    >>> [(t.name, t.op, t.shape, t.bytes) for t in memory.live_at_peak(group="activations")]
    [('twice', 'ConcatV2', (2000,), 8192)]
    """
    plan, values, timeout, build = session._prepared(fetches, feed_dict)
    try:
        results, log = plan.plain.run_logged(values, timeout)
    except errors.OpError as e:
        raise session._explained(e, plan) from None
    replay = Replay(log, plan.partitions, variable_roles(session._graph))
    return MemoryExplanation(replay, session._limits, build(results))


def memory_usage(session: Session) -> dict[str, DeviceUsage]:
    """Return for each device, by short name, how much memory is used for what right now.

    >>> w = ps.Variable(np.zeros(1000, np.float32))
    >>> train = ps.train.MomentumOptimizer(0.1, 0.9).minimize(ps.reduce_sum(w * w))
    >>> with ps.Session() as sess:
    ...     _ = sess.run(ps.global_variables_initializer())
    ...     usage = sess.memory_usage()["CPU:0"]
    >>> usage.parameters >= 4000, usage.slots == usage.parameters
    (True, True)
    """
    roles = variable_roles(session._graph)
    usage = {}
    for device in session.list_devices():
        stats = session._native.memory_stats(device.name)
        sizes = {"parameters": 0, "slots": 0, "variables": 0}
        blocks: set[int] = set()
        for name, _, _, block, size in session._native.variables(device.name):
            if block not in blocks:
                sizes[roles.get(name, "variables")] += size
            blocks.add(block)
        rest = max(0, stats["live"] - sum(sizes.values()))
        limit = session._limits.get(device.name, 0)
        live, peak, reserved = stats["live"], stats["peak"], stats["reserved"]
        usage[short_name(device.name)] = DeviceUsage(
            live, peak, reserved, limit, **sizes, rest=rest
        )
    return usage


def memory_stats(session: Session, device: str = "") -> dict[str, int]:
    """Return bytes `live`, `peak` and `reserved`, and counts of allocations, of a device.

    `device` is a name such as `CPU:1`; by default the host. Raises `NotFoundError` for one
    that this session does not have.
    """
    return session._native.memory_stats(full_name(device))


def reset_peak_memory(session: Session, device: str = "") -> None:
    """Let the peak of `memory_stats` start again from what is live now."""
    session._native.reset_peak(full_name(device))


def trim_memory(session: Session) -> int:
    """Give cached memory back to the system; returns how many bytes.

    A session keeps the memory of tensors that died for the next ones: at most as many bytes
    as were ever in use at once, or 64 MiB if that is more.
    """
    return session._native.trim_memory()


def set_memory_limit(session: Session, limit: int | None, device: str = "") -> None:
    """Bound the bytes that tensors may take on a device, from now on; None: no bound.

    A run that needs more ends with `ResourceExhaustedError`, which lists the largest live
    tensors; the session stays usable. Fed arrays that are used without a copy do not count.
    """
    if limit is not None and limit <= 0:
        raise ValueError(f"a memory limit is a positive number of bytes or None, not {limit}")
    session._native.set_memory_limit(limit or 0, full_name(device))
    session._limits[full_name(device)] = limit or 0
