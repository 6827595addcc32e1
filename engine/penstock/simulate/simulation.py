"""The result of `simulate`: everything that happened, and what it amounts to. Print one.

A `Simulation` is a record; what is not stored is computed from `nodes`, `transfers` and
`memory` when it is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from penstock.exports import export
from penstock.graph.devices import short_name
from penstock.graph.ir import IR
from penstock.simulate.machine import Machine, full_name
from penstock.simulate.runs import NodeRun, Stage, TransferRun
from penstock.simulate.timeline import step_stats


@export("simulate.Simulation")
@dataclass(frozen=True)
class Simulation:
    """What a simulated step did. Times in seconds, memory in bytes, devices by full names.

    `ir` is what was simulated; `memory` lists for each device (time, bytes in use from then
    on), `peak` is the most of it. `critical_path` is the chain of nodes and transfers, each
    started by the end of the one before it, that ends when the step ends.
    """

    ir: IR = field(repr=False, compare=False)
    machine: Machine
    step_time: float
    nodes: Mapping[str, NodeRun]
    transfers: tuple[TransferRun, ...]
    memory: Mapping[str, list[tuple[float, int]]]
    critical_path: tuple[Stage, ...]

    @property
    def peak(self) -> dict[str, int]:
        """The most bytes in use at any time, by device."""
        return {name: max(level for _, level in steps) for name, steps in self.memory.items()}

    @property
    def busy(self) -> dict[str, float]:
        """The seconds during which kernels ran, added up over lanes, by device."""
        total = dict.fromkeys([d.name for d in self.machine.devices], 0.0)
        for node in self.nodes.values():
            total[node.device] += node.end - node.start
        return total

    @property
    def utilisation(self) -> dict[str, float]:
        """The share of the step during which a lane of a device was busy, by device."""
        whole = self.step_time or 1.0
        lanes = {d.name: d.lanes for d in self.machine.devices}
        return {name: busy / (whole * lanes[name]) for name, busy in self.busy.items()}

    @property
    def overflows(self) -> dict[str, int]:
        """The bytes by which a device's memory is too small, for those where it is."""
        limits = {d.name: d.memory for d in self.machine.devices if d.memory}
        return {n: self.peak[n] - most for n, most in limits.items() if self.peak[n] > most}

    def memory_at(self, device: str, time: float) -> int:
        """Return the bytes in use on a device at a time."""
        steps = self.memory[full_name(device)]
        return next((level for start, level in reversed(steps) if start <= time), 0)

    def timeline(self, start: float = 0.0) -> Any:
        """Return the step as a `StepStats` message, begun `start` seconds after the epoch.

        `ps.timeline.Timeline(simulation.timeline())` draws it.
        """
        lanes = {d.name: d.lanes for d in self.machine.devices}
        return step_stats(self.ir, lanes, self.nodes, self.transfers, self.memory, start)

    def __str__(self) -> str:
        """Show the step time, a line for each device, and the critical path."""
        moved = sum(t.bytes for t in self.transfers)
        lines = [
            f"step {_time(self.step_time)}: {len(self.nodes)} nodes, "
            f"{len(self.transfers)} transfers of {_bytes(moved)}"
        ]
        counts = dict.fromkeys(self.memory, 0)
        for node in self.nodes.values():
            counts[node.device] += 1
        for name, share in self.utilisation.items():
            over = "  does not fit" if name in self.overflows else ""
            lines.append(
                f"  {short_name(name):<10} {counts[name]:>6} nodes  busy {share:>4.0%}  "
                f"peak {_bytes(self.peak[name])}{over}"
            )
        lines.append("critical path:")
        shown = [s for s in self.critical_path if s.end > s.start]
        lines += [f"  {_time(s.end - s.start):>9}  {s.name}  {s.where}" for s in shown[-12:]]
        if len(shown) > 12:
            lines.insert(-12, f"  {'...':>9}  {len(shown) - 12} before these")
        return "\n".join(lines)


def _time(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.4g} {unit}"
    return f"{seconds / 1e-9:.4g} ns"


def _bytes(count: float) -> str:
    for unit, size in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if count >= size:
            return f"{count / size:.4g} {unit}"
    return f"{count:.0f} B"
