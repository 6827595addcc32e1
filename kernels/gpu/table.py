"""The table of kernels that are written for CUDA, and how families fill it.

`kernel` registers `fn(device, node, *inputs)`. The function runs on the device's compute stream,
allocates its outputs there and launches kernels of `sources`; what it is given are dense arrays
of the device, and NumPy arrays for host inputs.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

from penstock.dtypes import DType
from penstock.kernel_api import Compute, KernelNode, KernelTable


def _load_families() -> None:
    importlib.import_module("penstock.kernels.gpu.families")


CUDA = KernelTable("cuda", _load_families)

Kernel: TypeAlias = Callable[..., Any]


def kernel(
    *ops: str,
    host: Sequence[str] = (),
    host_outputs: Sequence[str] = (),
    **types: Iterable[DType],
) -> Callable[[Kernel], Kernel]:
    """Return a decorator that registers `fn(device, node, *inputs)` as the kernel of `ops`."""

    def register(fn: Kernel) -> Kernel:
        def factory(node: KernelNode) -> Compute:
            device: Any = node.device
            array, densely = device.xp.ndarray, device.xp.ascontiguousarray

            def dense(x: Any) -> Any:
                return densely(x) if isinstance(x, array) and not x.flags.c_contiguous else x

            def compute(*inputs: Any) -> Any:
                return fn(device, node, *[dense(x) for x in inputs])

            return compute

        CUDA.kernel(*ops, types=types, host_inputs=host, host_outputs=host_outputs)(factory)
        return fn

    return register
