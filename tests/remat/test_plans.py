"""Plans as users meet them: told readably, the same in every process, nothing where all fits."""

import hashlib
import os
import subprocess
import sys
from typing import Any

import pytest

import penstock as ps
from penstock.remat.account import backward_uses
from tests.remat.test_rewrite import SIDE, clones, embedding, mlp, normal, plan_of, residual

FETCHES = """
import sys
sys.path.insert(0, {root!r})
from tests.remat.test_plans import fingerprint
print(fingerprint())
"""


def build(wish: dict[str, Any]) -> tuple[Any, Any]:
    """A branching network with dropout: the gradient and the input."""
    ps.set_random_seed(4)
    x = ps.placeholder(ps.float32, SIDE)
    h = x
    for i in range(3):
        side = ps.nn.dropout(ps.tanh(h * float(i + 1)), rate=0.5)
        h = h + ps.sin(side) * ps.tanh(side)
    return ps.gradients(ps.reduce_sum(h * h), x, **wish)[0], x


def fingerprint() -> str:
    """Return the plans of three requests, as one number."""
    told = hashlib.sha256()
    for wish in ({"checkpoints": "memory"}, {"checkpoints": "speed"}, {"memory_budget": "480kB"}):
        with ps.Graph().as_default():
            g, x = build(wish)
            with ps.Session() as session:
                plan = plan_of(session, g, {x: normal(*SIDE)})
                told.update(str(plan.ir).encode())
                told.update(plan.log.recomputation.explain().encode())
    return told.hexdigest()


def test_a_plan_is_made_the_same_way_again() -> None:
    assert fingerprint() == fingerprint()


@pytest.mark.slow
def test_ten_processes_make_one_plan() -> None:
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    found = set()
    for seed in range(10):
        run = subprocess.run(
            [sys.executable, "-c", FETCHES.format(root=root)],
            env={**os.environ, "PYTHONHASHSEED": str(seed * 7)},
            capture_output=True,
            text=True,
            check=True,
        )
        found.add(run.stdout)
    assert len(found) == 1


@pytest.mark.parametrize("net", [mlp, residual, embedding])
def test_a_budget_of_the_plain_peak_repeats_nothing(net: Any) -> None:
    """What a plain run was measured to need is enough for the plain plan."""
    with ps.Graph().as_default():
        fetches, feed = net({})
        with ps.Session() as session:
            session.run(ps.global_variables_initializer())
            session.run(fetches, feed)
            _, memory = session.run_with_memory(fetches, feed)
    with ps.Graph().as_default():
        fetches, feed = net({"memory_budget": max(memory.peak - memory.live_before, 1)})
        with ps.Session() as session:
            session.run(ps.global_variables_initializer())
            plan = plan_of(session, fetches, feed)
    assert not clones(plan)


def test_the_account_tells_what_is_kept_and_what_is_made_again() -> None:
    ps.set_random_seed(4)
    x = ps.placeholder(ps.float32, SIDE)
    kept = ps.tanh(ps.sin(x), name="kept")
    given_up = ps.tanh(ps.sin(kept), name="given_up")
    top = ps.tanh(ps.nn.dropout(ps.tanh(ps.sin(given_up)), rate=0.5), name="top")
    (g,) = ps.gradients(ps.reduce_sum(ps.tanh(top)), x, checkpoints=[kept, top])
    with ps.Session() as session:
        found = session.explain_plan([g, top], [x]).recomputation
        assert session.explain_plan(top, [x]).recomputation is None
    assert found is not None
    by_name = {found.problem.values[u.value].name: u for u in backward_uses(found)}
    assert not by_name["kept"].again and not by_name["top"].again
    assert by_name["given_up"].again and by_name["given_up"].runs == 1
    text = found.explain()
    assert "kept: would take" in text and "top: fetched" in text
    assert "given_up: 1x" in text and "of a plain run" in text
