"""Strategies in sessions: values are the same wherever nodes run, and variables are found."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import penstock as ps
from penstock import options
from penstock.graph.devices import short_name

CONFIG = ps.ConfigProto(device_count={"CPU": 2})


@pytest.fixture(params=["greedy_earliest_finish", "simulated_annealing"])
def strategy(request: pytest.FixtureRequest) -> Iterator[str]:
    """Place by this strategy."""
    before = options.configure(placement=request.param)
    yield request.param
    options.configure(placement=before.placement)


def regression() -> tuple[ps.Tensor, ps.Tensor, ps.Operation]:
    """Two towers, whose losses are trained together."""
    x = ps.placeholder(ps.float32, [16, 300])
    ends = []
    for tower in range(2):
        init = ps.constant_initializer(np.linspace(-1, 1, 300 * 300).reshape(300, 300))
        w = ps.get_variable(f"w{tower}", [300, 300], initializer=init)
        ends.append(ps.tanh(ps.matmul(x, w)))
    loss = ps.reduce_mean(ps.square(ends[0] - 0.5 * ends[1]))
    return x, loss, ps.train.MomentumOptimizer(0.1, 0.9).minimize(loss)


def losses(session: ps.Session) -> list[float]:
    x, loss, train = regression()
    feed = {x: np.linspace(0, 1, 16 * 300, dtype=np.float32).reshape(16, 300)}
    session.make_callable([train, loss], [x])  # this plan decides where the variables live
    session.run(ps.global_variables_initializer())
    found = []
    for _ in range(3):
        session.run(train, feed)
        found.append(float(session.run(loss, feed)))
    return found


def test_training_is_the_same_wherever_it_runs(strategy: str) -> None:
    with ps.Graph().as_default(), ps.Session(config=CONFIG) as session:
        here = losses(session)
    options.configure(placement="default")
    with ps.Graph().as_default(), ps.Session() as session:
        there = losses(session)
    assert here == pytest.approx(there, rel=1e-5) and here[2] < here[0]


def test_the_first_plan_decides_where_variables_live(
    strategy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    with ps.Session(config=CONFIG) as session:
        x, loss, train = regression()
        session.make_callable([train, loss], [x])
        session.run(ps.global_variables_initializer())
        told = session.explain_plan([train, loss], [x])
        plan = told.ir
        homes = [note for note in told.notes if note.action == "homed"]
    where = {short_name(n.device) for n in plan if n.op == "VarHandleOp"}
    assert {note.node for note in homes} >= {"w0", "w1"}
    assert all("first plan of the session" in note.reason for note in homes)
    assert where == {"CPU:0", "CPU:1"}
