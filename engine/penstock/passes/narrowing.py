"""Lossy compression of what crosses between devices: float32 travels as bfloat16.

`Narrowing` says for which transfers that can be done, and makes the two casts: one where the
value is made (shared by all destinations), one where it arrives. Rounds to nearest even, so that
a value loses all but 8 bits of its precision. What stays on its device is not touched.
"""

from __future__ import annotations

from penstock import dtypes
from penstock.dtypes import DType
from penstock.graph.ir import Endpoint, Node
from penstock.graph.transfers import Value
from penstock.passes.context import Placing


class Narrowing:
    """The answers for the devices of one session."""

    def __init__(self, placing: Placing) -> None:
        """Ask which device types have a kernel for the casts."""
        self._types = {d.name: d.device_type for d in placing.devices}
        self._able = {
            kind
            for kind in set(self._types.values())
            if placing.kernels.supports(_cast("", ("", 0), dtypes.bfloat16, _PROBE, ""), kind)
            and placing.kernels.supports(_cast("", ("", 0), dtypes.float32, _PROBE, ""), kind)
        }

    def fits(self, value: Value, device: str, to_host: bool) -> bool:
        """Return True when a transfer of `value` to `device` may be narrowed.

        It is not where either end is host memory of an accelerator: its cast does not read there.
        """
        here, there = self._types[value.source.device], self._types[device]
        return (
            value.dtype is dtypes.float32
            and value.source.device != device
            and {here, there} <= self._able
            and (here == "CPU" or not value.on_host)
            and (there == "CPU" or not to_host)
        )

    def narrower(self, name: str, value: Value) -> Node:
        """Return the cast that stands after the value's producer."""
        return _cast(name, value.endpoint, dtypes.bfloat16, value, value.source.device)

    def widener(self, name: str, value: Value, arrived: Endpoint, device: str) -> Node:
        """Return the cast that stands after the receive on `device`."""
        return _cast(name, arrived, dtypes.float32, value, device)


_PROBE = Value(
    Node("", "NoOp", (), (), {}, "", (), ()), ("", 0), dtypes.float32, None, on_host=False
)


def _cast(name: str, endpoint: Endpoint, to: DType, value: Value, device: str) -> Node:
    source = dtypes.float32 if to is dtypes.bfloat16 else dtypes.bfloat16
    attrs = {"SrcT": source, "DstT": to, "Truncate": False}
    origin = value.source.source
    return Node(name, "Cast", (endpoint,), (), attrs, device, (to,), (value.dims,), origin)
