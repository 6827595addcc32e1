"""The suites of all that differentiates once more, with checkpoints forced on every graph."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.parametrize("suite", ["autodiff", "train", "nn", "layers", "parity"])
def test_suite_with_checkpoints(suite: str) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not slow"]
    run = subprocess.run(
        [*command, f"tests/{suite}"],
        cwd=ROOT,
        env={**os.environ, "PENSTOCK_CHECKPOINTS": "memory"},
        capture_output=True,
        text=True,
    )
    assert run.returncode in (0, 5), run.stdout[-4000:]  # 5: all were skipped


def test_the_option_is_heard() -> None:
    program = """
import penstock as ps
x = ps.placeholder(ps.float32, [64, 64])
h = x
for _ in range(12):
    h = ps.tanh(h)
(g,) = ps.gradients(ps.reduce_sum(h), x)
print(ps.Session().explain_plan(g, [x]).recomputation.schedule.clones > 0)
"""
    run = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "PENSTOCK_CHECKPOINTS": "memory"},
        capture_output=True,
        text=True,
    )
    assert run.stdout.strip() == "True", run.stderr
