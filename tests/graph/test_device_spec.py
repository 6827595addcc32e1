"""DeviceSpec: names as TensorFlow 2.21 reads and writes them, merging, changing parts."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import penstock as ps

# name, canonical text, (job, replica, task, device_type, device_index)
NAMES = [
    ("/job:ps/replica:0/task:1/device:GPU:2", None, ("ps", 0, 1, "GPU", 2)),
    ("/cpu:0", "/device:CPU:0", (None, None, None, "CPU", 0)),
    ("cpu:0", "/device:CPU:0", (None, None, None, "CPU", 0)),
    ("/CPU:0", "/device:CPU:0", (None, None, None, "CPU", 0)),
    ("GPU:1", "/device:GPU:1", (None, None, None, "GPU", 1)),
    ("/gpu:*", "/device:GPU:*", (None, None, None, "GPU", None)),
    ("/gpu", "/device:GPU:*", (None, None, None, "GPU", None)),
    ("/device:cpu:0", "/device:CPU:0", (None, None, None, "CPU", 0)),
    ("/device:SIM_GPU:1", None, (None, None, None, "SIM_GPU", 1)),
    ("/sim_gpu:1", "/device:SIM_GPU:1", (None, None, None, "SIM_GPU", 1)),
    ("/device:XLA_CPU:0", None, (None, None, None, "XLA_CPU", 0)),
    ("/job:ps/cpu:0", "/job:ps/device:CPU:0", ("ps", None, None, "CPU", 0)),
    ("/job:*", None, ("*", None, None, None, None)),
    ("/job:1", None, ("1", None, None, None, None)),
    ("/job:a/job:b", "/job:b", ("b", None, None, None, None)),
    ("/task:*", "", (None, None, None, None, None)),
    ("", None, (None, None, None, None, None)),
]

WRONG = [
    "/job:a/foo:1",
    "/foo",
    "/gpu:x",
    "/task:a",
    "/cpu:0:1",
    "/gpu:0/cpu:0",
    "/task:1:2",
    "/0",
]


def parts(spec: ps.DeviceSpec) -> tuple[Any, ...]:
    return spec.job, spec.replica, spec.task, spec.device_type, spec.device_index


@pytest.mark.parametrize(("name", "canonical", "expected"), NAMES)
def test_names(name: str, canonical: str | None, expected: tuple[Any, ...]) -> None:
    spec = ps.DeviceSpec.from_string(name)
    assert parts(spec) == expected
    assert spec.to_string() == (name if canonical is None else canonical)
    assert spec == ps.DeviceSpec(*expected)
    assert hash(spec) == hash(ps.DeviceSpec(*expected))


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(ValueError, match="is not a device name"):
        ps.DeviceSpec.from_string(name)


def test_other_types_are_written_out() -> None:
    with pytest.raises(ValueError, match='write "/device:dsp:1"'):
        ps.DeviceSpec.from_string("/dsp:1")


def test_merging() -> None:
    spec = ps.DeviceSpec.from_string("/job:ps/cpu:0")
    other = ps.DeviceSpec.from_string("/job:w/task:2/gpu:*")
    assert spec.make_merged_spec(other).to_string() == "/job:w/task:2/device:GPU:0"
    assert spec.to_string() == "/job:ps/device:CPU:0"
    spec.merge_from(other)
    assert spec.to_string() == "/job:w/task:2/device:GPU:0"
    assert spec.replace(job=None, device_index=None).to_string() == "/task:2/device:GPU:*"
    with pytest.raises(TypeError):
        spec.replace(machine="m")


def test_parts_can_be_set() -> None:
    spec = ps.DeviceSpec(job="a")
    assert spec.parse_from_string("/task:1/gpu:2") is spec
    assert parts(spec) == (None, None, 1, "GPU", 2)
    spec.job, spec.device_type, spec.device_index = "z", "cpu", None
    assert spec.to_string() == "/job:z/task:1/device:CPU:*"
    assert repr(spec) == (
        "<DeviceSpec(job=z, replica=None, task=1, device_type=CPU, device_index=None)>"
    )
    assert ps.DeviceSpec(replica="2").replica == 2
    assert spec != "/job:z/task:1/device:CPU:*"


number = st.none() | st.integers(0, 99)
specs = st.builds(
    ps.DeviceSpec,
    st.none() | st.sampled_from(["ps", "worker", "a_b-c"]),
    number,
    number,
    st.none() | st.sampled_from(["CPU", "GPU", "SIM_GPU", "DSP"]),
    number,
)


@given(specs)
def test_text_and_back(spec: ps.DeviceSpec) -> None:
    if spec.device_type is None:
        spec.device_index = None  # a number without a type is not part of the text
    assert ps.DeviceSpec.from_string(spec.to_string()) == spec


@given(specs, specs, specs)
def test_merging_is_associative(a: ps.DeviceSpec, b: ps.DeviceSpec, c: ps.DeviceSpec) -> None:
    left = a.make_merged_spec(b).make_merged_spec(c)
    assert left == a.make_merged_spec(b.make_merged_spec(c))
    assert a.make_merged_spec(a) == a.make_merged_spec(ps.DeviceSpec()) == a
