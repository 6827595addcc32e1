"""Every op on inputs that nobody should give it: typed errors or results, never a crash or a hang.

The work is done by processes of `tests.hostile`, so that a crash is a failure that names the op and
the input. The `thorough` profile draws many more programs.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SHARDS = 6
PROGRAMS = 100 if os.environ.get("HYPOTHESIS_PROFILE") == "thorough" else 8


def run(*arguments: object) -> None:
    """Run `tests.hostile`; it must say that it has finished."""
    command = [sys.executable, "-m", "tests.hostile", *map(str, arguments)]
    root = Path(__file__).parents[2]
    done = subprocess.run(
        command, cwd=root, capture_output=True, text=True, errors="replace", timeout=280
    )
    lines = done.stdout.splitlines()
    last = "\n".join(lines[max([0, *(i for i, s in enumerate(lines) if s[:4] == "one ")]) :])
    assert done.returncode == 0, f"{last}\nexit status {done.returncode}\n{done.stderr[-3000:]}"
    assert "done: " in lines[-1]  # after what an op may have printed


@pytest.mark.parametrize("shard", range(SHARDS))
def test_rows_with_one_input_changed(shard: int) -> None:
    run("rows", shard, SHARDS)


@pytest.mark.parametrize("shard", range(SHARDS))
def test_drawn_programs(shard: int) -> None:
    run("programs", shard, SHARDS, PROGRAMS)
