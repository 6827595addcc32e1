"""Step statistics made by hand, for the tests beside this."""

from typing import Any

from penstock import protos

LOCAL = "/job:localhost/replica:0/task:0/device:"
BEGIN = 1_700_000_000_000_000_000  # nanoseconds


class Steps:
    """Builds a StepStats message node by node; times are in nanoseconds after BEGIN."""

    def __init__(self, *devices: str, begin: int = BEGIN) -> None:
        self.stats: Any = protos.StepStats()
        self.begin = begin
        self.devices = {d: self.stats.dev_stats.add(device=LOCAL + d) for d in devices}

    def node(
        self, device: str, label: str, start: int, length: int, size: int = 0, thread: int = 0
    ) -> Any:
        """Add a node with one float32 output of `size` bytes; return its statistics."""
        name = label.partition("] ")[2] or label
        node: Any = self.devices[device].node_stats.add(
            node_name=name.partition(" = ")[0],
            timeline_label=label,
            thread_id=thread,
            all_start_nanos=self.begin + start,
            all_end_rel_nanos=length,
            all_start_micros=(self.begin + start) // 1000,
            all_end_rel_micros=length // 1000,
        )
        if size:
            described = node.output.add().tensor_description
            described.dtype = 1
            described.shape.dim.add(size=size // 4)
            described.allocation_description.requested_bytes = size
        return node


def two_devices(begin: int = BEGIN) -> Any:
    """One value goes from CPU:0 to CPU:1, which waits for it, and a result comes back."""
    made = Steps("CPU:0", "CPU:1", begin=begin)
    for device in made.devices.values():
        device.thread_names[0] = "main"
    made.node("CPU:0", "a = MatMul(x, w)", 0, 4000, 16)
    made.node("CPU:0", "[CPU:0→CPU:1 edge_1_a 16B] a/send = _Send(a)", 4100, 200)
    made.node("CPU:1", "[CPU:0→CPU:1 edge_1_a 16B waited 3us] a/recv = _Recv()", 1000, 3500, 16)
    made.node("CPU:1", "b = Neg(a/recv, ^c)", 4600, 1000, 16)
    made.node("CPU:1", "c = NoOp()", 10, 20)
    made.node("CPU:1", "[CPU:1→CPU:0 edge_2_b 16B] b/send = _Send(b)", 5700, 100)
    made.node("CPU:0", "[CPU:1→CPU:0 edge_2_b 16B waited 1us] b/recv = _Recv()", 4400, 1600, 16)
    made.node("CPU:0", "d = AddV2(a, b/recv)", 6100, 900, 16)
    return made.stats
