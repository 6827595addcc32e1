"""The native half: sessions, programs, kernels. Bound in csrc/bindings, a file a subject.

Errors are raised through the factory that `set_error_factory` was given.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from penstock.kernel_api import Device

def set_error_factory(
    factory: Callable[[int, str, str, str, str, list[str], list[str]], BaseException],
) -> None:
    """Set what makes exceptions: factory(code, text, node_name, op, device, inputs, details)."""

class ResourceHandle:
    """A fetched handle of a resource."""

    @property
    def name(self) -> str: ...

class Session:
    """What programs share: resources, memory, thread pools. Any thread may use it."""

    def __init__(
        self,
        intra_op_threads: int = 0,
        inter_op_threads: int = 0,
        deterministic: bool = False,
        memory_limit: int = 0,
        cpus: int = 1,
    ) -> None:
        """Threads: 0 is one per processor. A memory limit (of each CPU) of 0 is none."""

    def add_device(
        self, name: str, device: Device, transfer: Callable[[Any, Device, Device], Any]
    ) -> None:
        """Add a device that Python code drives; before the first program is built."""

    def devices(self) -> list[tuple[str, int]]:
        """Name the devices, CPUs first, each with its incarnation."""

    @property
    def closed(self) -> bool: ...
    @property
    def intra_op_threads(self) -> int: ...
    @property
    def inter_op_threads(self) -> int: ...
    def close(self) -> None:
        """Cancel the runs under way and let go of all resources. No run starts after it."""

    def cancel_all(self) -> None:
        """Cancel the runs under way."""

    def variable_names(self) -> list[str]:
        """Name the variables that exist, in order."""

    def variables(self, device: str = "") -> list[tuple[str, int, tuple[int, ...], int, int]]:
        """List the variables that have values: name, dtype, dims, number and bytes of the block.

        The number is 0 where the block is not in the device's memory.
        """

    def memory_stats(self, device: str = "") -> dict[str, int]:
        """Bytes `live`, `peak`, `reserved`; counts of `allocations`, `system_allocations`."""

    def trim_memory(self) -> int:
        """Give cached memory back to the system and return how many bytes it was."""

    def set_memory_limit(self, bytes: int, device: str = "") -> None:
        """Bound the bytes in use from now on; 0 is no bound."""

    def reset_peak(self, device: str = "") -> None:
        """Let the peak start again from what is live now."""

class DeviceVariable:
    """A variable, as kernels of its device see it."""

    @property
    def name(self) -> str: ...
    @property
    def is_initialized(self) -> bool: ...
    @property
    def is_shared(self) -> bool:
        """Whether a tensor besides the variable holds the value."""

    def read(self) -> Any:
        """Return its value, an array of the device; `FailedPreconditionError` if it has none."""

    def assign(self, array: Any) -> None:
        """Let it hold this array of the device from now on."""

class ProgramBuilder:
    """Builds what runs as one step, node by node. Use it from one thread."""

    def __init__(self, session: Session) -> None: ...
    def begin(self, device: str) -> None:
        """Let the nodes that follow be the program of this device; numbers begin again.

        The host's program comes first: it has the feeds and fetches. Without a call there is
        the host's alone.
        """

    def add_node(
        self,
        name: str,
        op: str,
        device: str,
        inputs: Sequence[int],
        control_inputs: Sequence[int],
        attrs: Mapping[str, object],
        output_dtypes: Sequence[int],
    ) -> int:
        """Add a node and return its number.

        Its inputs and control inputs must be there already. `inputs` is flat: node, output,
        node, output. `attrs` must be a dict; values that are None are left out.
        """

    def add_kernel(
        self,
        name: str,
        op: str,
        device: str,
        inputs: Sequence[int],
        control_inputs: Sequence[int],
        output_dtypes: Sequence[int],
        compute: Callable[..., Any],
        host_inputs: Sequence[bool],
        host_outputs: Sequence[bool],
    ) -> int:
        """Add a node that calls `compute(*inputs)`, on a device that Python code drives."""

    def plan_memory(self, places: Sequence[int], bytes: int) -> None:
        """Give outputs places in one block, which a step takes when it runs node by node.

        `places` is flat: node, output, offset and bytes of each, multiples of 64.
        """

    def set_budget(self, bytes: int, planned: int) -> None:
        """Bound what one run may allocate on this device; its nodes keep their order.

        A run that needs more ends with `ResourceExhausted`, which tells of `planned`, too.
        """

    def build(self) -> Program:
        """Return the program. The builder is spent."""

class Program:
    """A program that is ready to run, from any number of threads at once."""

    def run(self, values: Sequence[object], timeout_ms: int = 0, /) -> list[Any]:
        """Run once with values in feed order and return the fetches."""

    def call(self, /, *values: object) -> list[Any]:
        """Run once with values in feed order and return the fetches: the fast way."""

    def run_with_stats(
        self, values: Sequence[object], timeout_ms: int = 0
    ) -> tuple[list[Any], list[tuple[str, int, int, int, int, int]], str]:
        """Run once; also return what that did to the memory of its devices, and the mode.

        Of each device, the host first: name, live_before, live_after, peak, allocations, and
        the peak of what the run itself allocated where it has a budget, else 0.
        """

    def run_logged(
        self, values: Sequence[object], timeout_ms: int = 0
    ) -> tuple[list[Any], tuple[Any, Any, Any]]:
        """Run once, node after node; also return who held which block of memory when.

        `runtime.memory_log` says what the tuples are.
        """

    def run_traced(
        self,
        values: Sequence[object],
        timeout_ms: int,
        full: bool,
        recorded: list[tuple[str, int, Sequence[Any]]],
    ) -> list[Any]:
        """Run once; what each node did is appended to `recorded`, even if the run fails.

        (device, caller, nodes) for each device; a node is a tuple with the fields of
        `runtime.tracing.NodeRecord`. `caller` is the number of this thread.
        With `full` live memory is recorded too, and each kernel of a device with its own memory
        is waited for.
        """

    @property
    def num_nodes(self) -> int: ...
    @property
    def work_ns(self) -> float:
        """The measured time of a run without its conversions; 0 while unknown."""

class KernelEntry:
    """One kernel of an op."""

    @property
    def device_type(self) -> str: ...
    @property
    def types(self) -> dict[str, list[int]]:
        """For each type attribute it constrains, the numbers of the allowed dtypes."""

    @property
    def cost(self) -> str:
        """`trivial`, `elements` or `heavy`."""

    @property
    def priority(self) -> int: ...
    @property
    def label(self) -> str: ...

def kernel_ops() -> list[str]:
    """Name the ops that have kernels."""

def kernel_entries(op: str) -> list[KernelEntry]:
    """List the kernels of an op."""

def supports(op: str, device_type: str, attrs: Mapping[str, object]) -> bool:
    """Tell whether a kernel fits. `attrs` must be a dict with the node's type attributes."""

def set_array_reader(reader: Callable[[Any], Any]) -> None:
    """Set the function that reads fed arrays of other libraries."""

def place_items(items: Sequence[int], order: Sequence[int], best_fit: bool) -> list[int]:
    """Return offsets in one block; `items` has (bytes, first, last) of each, flat.

    See penstock.memory.offsets.
    """

def loops_shared() -> int:
    """Return how many loops this thread has shared with workers of a pool so far."""

def set_portable_only(on: bool) -> None:
    """Choose only portable kernels from now on."""

def dtype_table() -> list[tuple[str, int, int]]:
    """List the dtypes as (name, number, bytes of an element)."""

def cpu_info() -> dict[str, object]:
    """Return `isa`, `processors` and `math_library`."""


class Stepper:
    """One run of a program, node by node. Use it from one thread.

    Nodes are numbered as `nodes` lists them.
    """

    def __init__(self, program: Program, values: Sequence[object], keep: bool = False) -> None:
        """Take values in feed order; with `keep` they stay when nothing reads them any more."""

    def nodes(self) -> list[tuple[str, str, str]]:
        """Name, op and device of each node, device by device, in order."""

    def states(self) -> list[str]:
        """Say of each node whether it is waiting, ready, done or failed."""

    def ready(self) -> list[int]: ...
    def waits_for(self, node: int) -> list[int]:
        """Return the nodes that must run before this one can."""

    def run(self, node: int) -> None:
        """Run a node that is ready, or that failed, again."""

    @property
    def finished(self) -> bool: ...
    def value(self, node: int, output: int) -> Any:
        """Return the value of an output; None where there is none yet, or none any more."""

    def value_of_name(self, name: str) -> Any:
        """Return the value of a fed tensor or a constant."""

    def fetches(self) -> list[Any]:
        """Return the fetches of a finished run."""
