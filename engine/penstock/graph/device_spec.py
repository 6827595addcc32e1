"""Device names: parsing, merging, printing. Grammar of TensorFlow's.

A name is a series of parts, each optional: ``/job:worker/replica:0/task:1/device:GPU:0``.
``/gpu:0`` and ``/cpu:1`` are short for the last part; ``*`` stands for any index.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from penstock import errors
from penstock.exports import export

_PART = re.compile(r"/(?:(job|replica|task|device):)?([A-Za-z_][\w-]*|\d+|\*)(?::(\d+|\*))?")


@export("DeviceSpec")
class DeviceSpec(NamedTuple):
    """A possibly partial device name.

    >>> ps.DeviceSpec.from_string("/job:ps/task:1/cpu:0").to_string()
    '/job:ps/task:1/device:CPU:0'
    """

    job: str | None = None
    replica: int | None = None
    task: int | None = None
    device_type: str | None = None
    device_index: int | None = None

    @staticmethod
    def from_string(name: str) -> DeviceSpec:
        """Parse a device name; `GraphError` (a `ValueError`) when it is not one."""
        fields: dict[str, str | int | None] = {}
        position = 0
        text = name if not name or name.startswith("/") else "/" + name
        while position < len(text):
            match = _PART.match(text, position)
            if match is None:
                raise errors.GraphError(None, None, f"{name!r} is not a device name")
            _take_part(fields, match, name)
            position = match.end()
        return DeviceSpec(**fields)  # type: ignore[arg-type]

    def merged_over(self, outer: DeviceSpec) -> DeviceSpec:
        """Return this name with what it leaves open taken from `outer`."""
        return outer._replace(**{k: v for k, v in self._asdict().items() if v is not None})

    def make_merged_spec(self, dev: DeviceSpec) -> DeviceSpec:
        """Return this name with the parts that `dev` has replaced by its."""
        return dev.merged_over(self)

    def replace(self, **parts: Any) -> DeviceSpec:
        """Return this name with other parts."""
        return self._replace(**parts)

    def to_string(self) -> str:
        """Return the canonical text, empty when nothing is asked for."""
        text = "" if self.job is None else f"/job:{self.job}"
        text += "" if self.replica is None else f"/replica:{self.replica}"
        text += "" if self.task is None else f"/task:{self.task}"
        if self.device_type is not None:
            index = "*" if self.device_index is None else str(self.device_index)
            text += f"/device:{self.device_type}:{index}"
        return text


def _take_part(fields: dict[str, str | int | None], match: re.Match[str], name: str) -> None:
    key, value, index = match.groups()
    if key == "job":
        fields["job"] = value
    elif key in ("replica", "task"):
        if value != "*" and not value.isdigit():
            raise errors.GraphError(None, None, f"{name!r} is not a device name")
        fields[key] = None if value == "*" else int(value)
    else:  # "/device:CPU:0", "/cpu:0", "/gpu"
        if value.isdigit():
            raise errors.GraphError(None, None, f"{name!r} is not a device name")
        fields["device_type"] = None if value == "*" else value.upper()
        fields["device_index"] = None if index in (None, "*") else int(index)


_canonical: dict[str, str] = {}


def merge_device(inner: str, outer: str) -> str:
    """Return the canonical name of `inner` with its open parts taken from `outer`."""
    if not inner and not outer:
        return ""
    key = f"{inner}\0{outer}"
    found = _canonical.get(key)
    if found is None:
        spec = DeviceSpec.from_string(inner).merged_over(DeviceSpec.from_string(outer))
        found = _canonical[key] = spec.to_string()
    return found
