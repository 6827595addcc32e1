"""A device whose kernels are the CUDA sources, run on the host: see cuda_host.py.

It has what `penstock.kernels.gpu` asks of its device, with NumPy for CuPy. `KIND` is a device type
with the table of CUDA kernels only.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from penstock.kernel_api import Compute, Device, DeviceType
from penstock.kernels.gpu import CUDA, faults
from penstock.kernels.gpu.random_state import RandomState
from tests.kernels.driver import Handle


def arrays(value: Any) -> Any:
    """Return NumPy's scalars as arrays, which CuPy's functions return in their place."""
    if isinstance(value, tuple):
        return tuple([arrays(v) for v in value])
    return np.asarray(value) if isinstance(value, np.generic) else value


class HostGpu(Device):
    """NumPy in the place of CuPy. Results are checked for bad indices after each kernel."""

    def __init__(self, name: str, index: int, memory_limit: int = 0) -> None:
        super().__init__(name, index, memory_limit)
        self.faults = faults.Faults(np.zeros(faults.WORDS, np.int64))
        self.random = RandomState()

    @property
    def xp(self) -> Any:
        return np

    def empty(self, shape: Sequence[int], dtype: Any) -> Any:
        """Return an array full of what no kernel should leave there."""
        made = np.empty(tuple(shape), dtype)
        made.reshape(-1).view(np.uint8)[:] = 0xAB
        return made

    def stable_order(self, numbers: Any) -> Any:
        return np.argsort(numbers, kind="stable")

    def bind(
        self, compute: Compute, host_inputs: Sequence[bool], host_outputs: Sequence[bool]
    ) -> Compute:
        def bound(*inputs: Any) -> Any:
            result = arrays(compute(*[arrays(x) for x in inputs]))
            error = self.faults.look(self.faults.record.copy())
            if error is not None:
                raise error
            return result

        return bound

    def to_device(self, value: np.ndarray[Any, Any]) -> Any:
        return np.array(value, order="C")

    def to_host(self, array: Any) -> np.ndarray[Any, Any]:
        return np.array(array, order="C")

    def memory_stats(self) -> dict[str, int]:
        return {}

    def reset_peak(self) -> None:
        """There is none."""

    def synchronize(self) -> None:
        """Everything has ended."""

    def close(self) -> None:
        """There is nothing to let go of."""

    def settle(self) -> None:
        """Ask again, as a real GPU must."""
        error = self.faults.look(self.faults.record.copy())
        if error is not None:
            raise error


KIND = DeviceType("HOST_GPU", (CUDA,), lambda: 0, HostGpu)


class OwnHandle(Handle):
    """A handle of a variable whose value no tensor shares."""

    def __init__(self, value: Any, name: str = "v") -> None:
        super().__init__(value)
        self.name = name

    is_shared = False
