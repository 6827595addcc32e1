"""Reference variables of imported graphs: when they are read, and what their updates do."""

import numpy as np
import pytest

import penstock as ps

raw = ps.raw_ops


@pytest.fixture
def session():
    with ps.Session() as s:
        yield s


def test_assign_add_and_read_in_order(session):
    v = raw.VariableV2(shape=[2], dtype=ps.float32, name="v")
    init = raw.Assign(v, [1.0, 2.0])
    read = raw.Identity(v)
    added = raw.AssignAdd(v, [10.0, 20.0])
    with pytest.raises(ps.errors.FailedPreconditionError, match='"v"'):
        session.run(read)
    assert session.run(init).tolist() == [1, 2]
    assert session.run(v).tolist() == [1, 2]
    assert session.run(added).tolist() == [11, 22]
    assert session.run(read * 2.0).tolist() == [22, 44]


def test_a_read_waits_for_what_its_reader_waits_for(session):
    v = raw.VariableV2(shape=[], dtype=ps.float32)
    session.run(raw.Assign(v, 1.0).op)
    bump = raw.AssignAdd(v, 1.0)
    with ps.control_dependencies([bump.op]):
        after = raw.Mul(v, 10.0)
    for expected in (20.0, 30.0, 40.0):
        assert session.run(after) == expected


def test_updates_chain_through_references(session):
    v = raw.VariableV2(shape=[], dtype=ps.float32)
    session.run(raw.Assign(v, 1.0).op)
    chained = raw.AssignSub(raw.AssignAdd(v, 5.0), 2.0)
    assert session.run(chained) == 4.0
    assert session.run(v) == 4.0


def test_assign_may_change_the_shape_when_told_so(session):
    v = raw.VariableV2(shape=None, dtype=ps.float32)
    assert session.run(raw.Assign(v, np.ones(3, np.float32), validate_shape=False)).shape == (3,)
    assert session.run(raw.Assign(v, np.ones(5, np.float32), validate_shape=False)).shape == (5,)


def test_an_optimizer_on_references(session):
    v = raw.VariableV2(shape=[2], dtype=ps.float32)
    session.run(raw.Assign(v, [1.0, 2.0]).op)
    update = raw.ApplyGradientDescent(v, 0.5, [2.0, 4.0])
    assert session.run(update).tolist() == [0.0, 0.0]


def test_shared_names_share_a_variable(session):
    a = raw.VariableV2(shape=[], dtype=ps.float32, shared_name="same")
    b = raw.VariableV2(shape=[], dtype=ps.float32, shared_name="same")
    session.run(raw.Assign(a, 7.0).op)
    assert session.run(b) == 7.0
