"""Every op on inputs that nobody should give it: typed errors or results, never a crash or a hang.

The work is done by processes of `tests.hostile`, so that a crash is a failure that names the op and
the input.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SHARDS = 6


@pytest.mark.parametrize("shard", range(SHARDS))
def test_hostile_inputs(shard: int) -> None:
    command = [sys.executable, "-m", "tests.hostile", str(shard), str(SHARDS)]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=280)
    last = done.stdout.splitlines()[-1:] or ["nothing was run"]
    assert done.returncode == 0, f"{last[0]}: exit status {done.returncode}\n{done.stderr[-3000:]}"
    assert last[0].startswith("done: ")
