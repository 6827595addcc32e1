"""Device types with Python kernels: all that a folder of kernels/ needs to know.

A `DeviceType` opens `Device`s and names the tables its kernels are in, the first that has one
wins. A table entry is either a factory of Python functions on the device's arrays, or says that
the CPU's native kernel serves (it then looks at host memory, or at shapes and handles only).
Values of a device are opaque to everybody else: arrays of the device's own class, which only
`Device.to_host` and the transfers of `register_transfer` turn into something else.

`docs/add_a_device.md` builds one from nothing.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from penstock.dtypes import DType

Array: TypeAlias = Any
"""A value in a device's memory: of whatever class the device chose."""

Compute: TypeAlias = Callable[..., Any]
"""A kernel of one node: arrays in, an array (or a tuple of as many as the op has outputs) out."""


class KernelNode(NamedTuple):
    """The node that a factory makes a kernel for."""

    name: str
    op: str
    attrs: Mapping[str, Any]
    input_dtypes: tuple[DType, ...]
    output_dtypes: tuple[DType, ...]
    device: Device


@dataclass(frozen=True)
class KernelEntry:
    """One kernel of an op: for which dtypes, and which arguments stay in host memory.

    `factory` is None for an op that the CPU's native kernel serves. `host_inputs` and
    `host_outputs` name arguments of the op's definition; None stands for all of them.
    Resources and strings are always in host memory and need not be named.
    """

    op: str
    factory: Callable[[KernelNode], Compute] | None
    types: Mapping[str, frozenset[DType]] = field(default_factory=dict)
    host_inputs: frozenset[str] | None = frozenset()
    host_outputs: frozenset[str] | None = frozenset()

    def takes(self, attrs: Mapping[str, Any]) -> bool:
        """Return True when the dtypes among `attrs` are ones that this kernel computes."""
        return all(attrs.get(name) in allowed for name, allowed in self.types.items())


class KernelTable:
    """Kernels of one kind, by op. Filled when its module is imported, read afterwards.

    Importing many families takes time that programs on the CPU need not spend: a table made with
    `load` calls it, once, when somebody first looks for a kernel.
    """

    def __init__(self, name: str, load: Callable[[], object] | None = None) -> None:
        """Make an empty table; `name` is shown where kernels are listed."""
        self.name = name
        self._entries: dict[str, list[KernelEntry]] = {}
        self._load = load
        self._loading = threading.RLock()

    def _loaded(self) -> dict[str, list[KernelEntry]]:
        if self._load is not None:
            with self._loading:
                if self._load is not None:  # nobody was faster
                    self._load()
                    self._load = None
        return self._entries

    def kernel(
        self,
        *ops: str,
        types: Mapping[str, Iterable[DType]] | None = None,
        host_inputs: Sequence[str] = (),
        host_outputs: Sequence[str] = (),
    ) -> Callable[[Callable[[KernelNode], Compute]], Callable[[KernelNode], Compute]]:
        """Return a decorator that registers a factory as the kernel of `ops`."""

        def register(factory: Callable[[KernelNode], Compute]) -> Callable[[KernelNode], Compute]:
            for op in ops:
                self.add(
                    KernelEntry(
                        op,
                        factory,
                        {name: frozenset(dtypes) for name, dtypes in (types or {}).items()},
                        frozenset(host_inputs),
                        frozenset(host_outputs),
                    )
                )
            return factory

        return register

    def native(
        self,
        *ops: str,
        host_inputs: Sequence[str] | None = None,
        host_outputs: Sequence[str] | None = None,
    ) -> None:
        """Let the CPU's kernels serve `ops`, with these arguments in host memory (None: all).

        An argument left out stays in the device's memory: only for kernels that never look at
        its elements, as `Shape` and `ReadVariableOp`.
        """
        for op in ops:
            inputs = None if host_inputs is None else frozenset(host_inputs)
            outputs = None if host_outputs is None else frozenset(host_outputs)
            self.add(KernelEntry(op, None, {}, inputs, outputs))

    def add(self, entry: KernelEntry) -> None:
        """Register one kernel; of several that fit a node the first one wins."""
        self._entries.setdefault(entry.op, []).append(entry)

    def find(self, op: str, attrs: Mapping[str, Any]) -> KernelEntry | None:
        """Return the kernel for an op with these attributes, or None."""
        return next((e for e in self._loaded().get(op, ()) if e.takes(attrs)), None)

    def entries(self, op: str) -> Sequence[KernelEntry]:
        """Return all kernels of an op."""
        return self._loaded().get(op, ())

    def ops(self) -> list[str]:
        """Return the ops that have a kernel here, sorted."""
        return sorted(self._loaded())


class Step(NamedTuple):
    """One kernel of a stretch: which values it reads and which it makes, by number.

    `last` are the values that nobody needs after it. `compute` gives a tuple.
    """

    compute: Compute
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    last: tuple[int, ...] = ()


class Stretch(NamedTuple):
    """Kernels that run one after the other, in an order that they can run in.

    Values are numbered, those given first: arrays, then `constants` (equal in all runs; in host
    memory those that kernels read there), then `handles` of variables. `outputs` leave it.
    """

    steps: tuple[Step, ...]
    outputs: tuple[int, ...]
    constants: int = 0
    handles: int = 0


class StretchState(NamedTuple):
    """How a stretch has run: how often, captured and replayed how often, and why no more."""

    runs: int
    captures: int = 0
    replays: int = 0
    given_up: str = ""

    def __str__(self) -> str:
        """Tell it in a few words."""
        if self.given_up:
            return f"{self.runs} runs, {self.replays} as replays; no more: {self.given_up}"
        return f"{self.runs} runs, {self.replays} as replays of {self.captures} captures"


class Windows:
    """The most that a number of bytes has been, in windows of time. Any thread may use it."""

    def __init__(self) -> None:
        """Have none open."""
        self._peaks: dict[int, int] = {}
        self._begun = 0
        self._lock = threading.Lock()

    def begin(self, live: int) -> int:
        """Open a window while so many bytes are in use; return its number."""
        with self._lock:
            self._begun += 1
            self._peaks[self._begun] = live
            return self._begun

    def grown(self, live: int) -> None:
        """Say that now so many bytes are in use."""
        if self._peaks:
            with self._lock:
                self._peaks = {number: max(peak, live) for number, peak in self._peaks.items()}

    def end(self, window: int, live: int) -> int:
        """Close a window; return its peak."""
        with self._lock:
            return max(self._peaks.pop(window), live)


class Device(ABC):
    """One device of one session: its memory, and the ways in and out of it.

    Kernels may be called from any thread, one at a time for each device or several, as the
    device's `bind` arranges. `memory_limit` is in bytes; 0 is no limit.
    """

    def __init__(self, name: str, index: int, memory_limit: int = 0) -> None:
        """Open the device of that full name."""
        self.name = name
        self.index = index
        self.memory_limit = memory_limit
        self.windows = Windows()

    @property
    @abstractmethod
    def xp(self) -> Any:
        """The array module that kernels compute with: NumPy, CuPy or one like them."""

    @abstractmethod
    def to_device(self, value: np.ndarray[Any, Any]) -> Array:
        """Return a copy of a host array in this device's memory.

        Raises `ResourceExhaustedError` when it does not fit.
        """

    @abstractmethod
    def to_host(self, array: Array) -> np.ndarray[Any, Any]:
        """Return a copy of a device array in host memory, once what computes it has ended."""

    def adopt(self, value: Any) -> Array | None:
        """Return the array of this device that a fed value is, without a copy.

        None, as here, for whatever does not lie in this device's memory.
        """
        return None

    @abstractmethod
    def memory_stats(self) -> dict[str, int]:
        """Return bytes `live`, `peak` and `reserved`, and a count of `allocations`."""

    def block_of(self, array: Array) -> tuple[int, int]:
        """Return a number for the block of memory that an array is in, and the block's bytes.

        Arrays that share memory, such as a view and what it shows, are in the same block; blocks
        that live at the same time have different numbers. Here each array is a block.
        """
        return id(array), int(array.nbytes)

    def begin_window(self) -> int:
        """Begin to watch the most bytes in use, until `end_window` of the number returned.

        Any number of windows may be open. A device that calls `windows.grown` whenever it has
        handed out memory is watched all the time, any other at the beginning and the end.
        """
        return self.windows.begin(self.memory_stats().get("live", 0))

    def end_window(self, window: int) -> int:
        """End a window and return the most bytes that were in use in it."""
        return self.windows.end(window, self.memory_stats().get("live", 0))

    def bind(
        self, compute: Compute, host_inputs: Sequence[bool], host_outputs: Sequence[bool]
    ) -> Compute:
        """Return what a step calls: `compute` between whatever this device needs around it.

        Inputs marked as host arrive as NumPy arrays, outputs marked as host leave as such.
        """
        return compute

    def stretch(self, stretch: Stretch) -> Compute | None:
        """Return what runs a stretch of kernels as one and gives its outputs as a list.

        None, as here, when the device has nothing to gain from it. Exceptions of kernels pass
        through as they are; `bind` is called around the whole. What is returned may have a method
        `state`, whose `StretchState` is shown by `Session.explain_plan`.
        """
        return None

    @abstractmethod
    def reset_peak(self) -> None:
        """Let the peak start again from what is live now."""

    def total_memory(self) -> int:
        """Return the bytes that the device has in all; 0 where nobody knows."""
        return 0

    def set_memory_limit(self, limit: int) -> None:
        """Bound the bytes in use from now on; 0 is no bound."""
        self.memory_limit = limit

    def trim(self) -> int:
        """Give cached memory back; return how many bytes."""
        return 0

    def settle(self) -> None:
        """Raise what the kernels of a run have left to raise; called at the end of each run.

        For devices whose kernels end later than they return, and cannot raise by themselves.
        """
        return

    @abstractmethod
    def synchronize(self) -> None:
        """Wait until everything started on this device has ended."""

    @abstractmethod
    def close(self) -> None:
        """Let go of everything; called once, by the session."""


@dataclass(frozen=True)
class DeviceType:
    """A kind of device. `count` is how many a session gets that does not ask for a number."""

    name: str
    kernels: tuple[KernelTable, ...]
    count: Callable[[], int]
    open: Callable[[str, int, int], Device]  # full name, index, memory limit in bytes

    def find(self, op: str, attrs: Mapping[str, Any]) -> KernelEntry | None:
        """Return the kernel of the first table that has one for this op and these dtypes."""
        for table in self.kernels:
            entry = table.find(op, attrs)
            if entry is not None:
                return entry
        return None


Transfer: TypeAlias = Callable[[Array, Device, Device], Array]

device_types: dict[str, DeviceType] = {}
"""The device types besides CPU, by name."""

_transfers: dict[tuple[str, str], Transfer] = {}


def register_device_type(device_type: DeviceType) -> None:
    """Make a device type known; raises `ValueError` for a name that is taken."""
    if device_type.name in device_types or device_type.name == "CPU":
        raise ValueError(f"device type {device_type.name} exists already")
    device_types[device_type.name] = device_type


def register_transfer(source: str, destination: str, transfer: Transfer) -> None:
    """Let `transfer(array, from_device, to_device)` move values between two device types.

    Without one a value travels through host memory.
    """
    _transfers[source, destination] = transfer


def transfer(array: Array, source: Device, destination: Device) -> Array:
    """Return a copy of `array` of device `source` in the memory of `destination`."""
    pair = (type_of(source), type_of(destination))
    direct = _transfers.get(pair)
    if direct is not None:
        return direct(array, source, destination)
    return destination.to_device(source.to_host(array))


def type_of(device: Device) -> str:
    """Return the device type that a device's name tells."""
    return device.name.rpartition("device:")[2].partition(":")[0]
