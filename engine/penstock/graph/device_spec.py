"""Device names: parsing, merging, printing. Grammar of TensorFlow's.

A name is a series of parts, each optional: ``/job:worker/replica:0/task:1/device:GPU:0``.
``/cpu:1``, ``/gpu:0`` and ``/sim_gpu:0`` are short for the last part, the types of other devices
are always written out; types are upper case whatever is given. ``*`` stands for any number.
"""

from __future__ import annotations

import re
from typing import Any

from penstock import errors
from penstock.exports import export

_PART = re.compile(r"/(?:(job|replica|task|device):)?([A-Za-z_][\w-]*|\d+|\*)(?::(\d+|\*))?")
_SHORT = frozenset({"CPU", "GPU", "SIM_GPU"})
_PARTS = ("job", "replica", "task", "device_type", "device_index")


@export("DeviceSpec")
class DeviceSpec:
    """A possibly partial device name. Its parts can be read and set.

    >>> spec = ps.DeviceSpec.from_string("/job:ps/task:1/cpu:0")
    >>> spec.job, spec.device_type, spec.to_string()
    ('ps', 'CPU', '/job:ps/task:1/device:CPU:0')
    >>> spec.device_index = None
    >>> spec.to_string()
    '/job:ps/task:1/device:CPU:*'
    """

    __slots__ = ("_device_index", "_device_type", "_job", "_replica", "_task")

    def __init__(
        self,
        job: str | None = None,
        replica: int | None = None,
        task: int | None = None,
        device_type: str | None = None,
        device_index: int | None = None,
    ) -> None:
        """Take the parts; None leaves one open. `ValueError` for numbers that are none."""
        self.job, self.replica, self.task = job, replica, task
        self.device_type, self.device_index = device_type, device_index

    @staticmethod
    def from_string(spec: str) -> DeviceSpec:
        """Parse a device name; `GraphError` (a `ValueError`) when it is not one.

        >>> ps.DeviceSpec.from_string("/gpu:*")
        <DeviceSpec(job=None, replica=None, task=None, device_type=GPU, device_index=None)>
        """
        return DeviceSpec().parse_from_string(spec)

    def parse_from_string(self, spec: str) -> DeviceSpec:
        """Take all parts from a device name, and return self."""
        fields: dict[str, str | int | None] = {}
        position = 0
        text = spec if not spec or spec.startswith("/") else "/" + spec
        while position < len(text):
            match = _PART.match(text, position)
            if match is None:
                raise _not_a_name(spec)
            _take_part(fields, match, spec)
            position = match.end()
        self.__init__(**fields)  # type: ignore[misc]
        return self

    # ---- the parts

    @property
    def job(self) -> str | None:
        """The name of the job."""
        return self._job

    @job.setter
    def job(self, job: str | None) -> None:
        self._job = None if job is None else str(job)

    @property
    def replica(self) -> int | None:
        """The number of the replica."""
        return self._replica

    @replica.setter
    def replica(self, replica: int | None) -> None:
        self._replica = None if replica is None else int(replica)

    @property
    def task(self) -> int | None:
        """The number of the task in its job."""
        return self._task

    @task.setter
    def task(self, task: int | None) -> None:
        self._task = None if task is None else int(task)

    @property
    def device_type(self) -> str | None:
        """The type of the device, in upper case."""
        return self._device_type

    @device_type.setter
    def device_type(self, device_type: str | None) -> None:
        self._device_type = None if device_type is None else str(device_type).upper()

    @property
    def device_index(self) -> int | None:
        """The number of the device among those of its type."""
        return self._device_index

    @device_index.setter
    def device_index(self, device_index: int | None) -> None:
        self._device_index = None if device_index is None else int(device_index)

    # ---- several specs

    def merge_from(self, dev: DeviceSpec) -> None:
        """Replace, in this object, the parts that `dev` has.

        >>> spec = ps.DeviceSpec.from_string("/job:ps/cpu:0")
        >>> spec.merge_from(ps.DeviceSpec(task=2, device_type="GPU"))
        >>> spec.to_string()
        '/job:ps/task:2/device:GPU:0'
        """
        self.__init__(*self.make_merged_spec(dev)._key())  # type: ignore[misc]

    def make_merged_spec(self, dev: DeviceSpec) -> DeviceSpec:
        """Return a new spec: the parts of `dev`, and this one's where `dev` has none."""
        pairs = zip(self._key(), dev._key(), strict=True)
        return DeviceSpec(*[mine if its is None else its for mine, its in pairs])

    def replace(self, **kwargs: Any) -> DeviceSpec:
        """Return a new spec with other parts: `job`, `replica`, `task` and so on."""
        return DeviceSpec(**{**dict(zip(_PARTS, self._key(), strict=True)), **kwargs})

    def to_string(self) -> str:
        """Return the canonical text, empty when nothing is asked for."""
        text = "" if self._job is None else f"/job:{self._job}"
        text += "" if self._replica is None else f"/replica:{self._replica}"
        text += "" if self._task is None else f"/task:{self._task}"
        if self._device_type is not None:
            index = "*" if self._device_index is None else str(self._device_index)
            text += f"/device:{self._device_type}:{index}"
        return text

    def _key(self) -> tuple[Any, ...]:
        return self._job, self._replica, self._task, self._device_type, self._device_index

    def __eq__(self, other: object) -> bool:
        """Compare all parts."""
        return isinstance(other, DeviceSpec) and self._key() == other._key()

    def __hash__(self) -> int:
        """Hash the parts as they are now."""
        return hash(self._key())

    def __repr__(self) -> str:
        """Show all parts."""
        parts = ", ".join(f"{k}={v}" for k, v in zip(_PARTS, self._key(), strict=True))
        return f"<DeviceSpec({parts})>"


def _not_a_name(name: str, why: str = "") -> errors.GraphError:
    return errors.GraphError(None, None, f"{name!r} is not a device name{why}")


def _take_part(fields: dict[str, str | int | None], match: re.Match[str], name: str) -> None:
    key, value, index = match.groups()
    if key == "job" and index is None:
        fields["job"] = value
    elif key in ("replica", "task") and index is None:
        if value != "*" and not value.isdigit():
            raise _not_a_name(name)
        fields[key] = None if value == "*" else int(value)
    elif key in (None, "device"):  # "/device:CPU:0", "/cpu:0", "/gpu"
        _take_device(fields, match, name)
    else:
        raise _not_a_name(name)


def _take_device(fields: dict[str, str | int | None], match: re.Match[str], name: str) -> None:
    key, value, index = match.groups()
    if value.isdigit():
        raise _not_a_name(name)
    if key is None and value.upper() not in _SHORT:
        raise _not_a_name(name, f': write "/device:{value}:{index or 0}" for that type of device')
    if "device_type" in fields:
        raise _not_a_name(name, ": it has two devices")
    fields["device_type"] = None if value == "*" else value
    fields["device_index"] = None if index in (None, "*") else int(index)


_canonical: dict[str, str] = {}


def merge_device(inner: str, outer: str) -> str:
    """Return the canonical name of `inner` with its open parts taken from `outer`."""
    if not inner and not outer:
        return ""
    key = f"{inner}\0{outer}"
    found = _canonical.get(key)
    if found is None:
        spec = DeviceSpec.from_string(outer).make_merged_spec(DeviceSpec.from_string(inner))
        found = _canonical[key] = spec.to_string()
    return found
