"""Bytes of a run that no value of its problem stands for.

Where streams of random numbers stood, which is kept when a plan draws again, and copies of
variables that are read after an update. A plan's peak is that of its values and these.
"""

from __future__ import annotations

from penstock.memory.kernel_memory import allocated
from penstock.ops.redraw import HALVES
from penstock.remat.joint import Joint
from penstock.remat.schedule import Schedule

_PLACE_BYTES = 24


def unseen_bytes(joint: Joint, schedule: Schedule) -> int:
    """Return the bytes that a run of this schedule takes beside those of its values."""
    again = {step.task for step in schedule.computes if step.instance}
    draws = any(joint.tasks[t].op in HALVES for t in again)
    return joint.copied(schedule) + (stream_bytes(joint) if draws else 0)


def stream_bytes(joint: Joint) -> int:
    """Return the bytes that remembering where streams of random numbers stood may take."""
    return sum(node.op in HALVES for node in joint.tasks) * allocated(_PLACE_BYTES)
