"""Every op on reference variables does what its twin on resource variables does."""

from typing import Any

import numpy as np
import pytest

import penstock as ps
from penstock.ops.registry import all_ops, find_op
from penstock.passes.lower_references import TWINS

Array = np.ndarray[Any, Any]
NOT_UPDATES = ("Assign", "CountUpTo", "IsVariableInitialized", "StridedSliceAssign")
UPDATES = [name for name in TWINS if name not in NOT_UPDATES]
SHAPE, ROWS = (4, 3), (3, 3)


def arguments(name: str, rng: np.random.Generator) -> tuple[list[Array], list[Any]]:
    """Return the variables' values and the other inputs of an update."""
    variables: list[Array] = []
    others: list[Any] = []
    by_rows = any(a.name == "indices" for a in find_op(name).inputs)
    for arg in find_op(name).inputs:
        if arg.is_ref:
            variables.append(rng.uniform(0.5, 1, SHAPE).astype(np.float32))
        elif arg.name == "indices":
            rows = np.array([2, 0, 2], np.int32)
            others.append(rows[:, None] if "Nd" in name else rows)
        elif arg.name in ("grad", "delta", "updates", "value"):
            shape = ROWS if by_rows else SHAPE
            others.append(rng.uniform(0.1, 1, shape).astype(np.float32))
        elif arg.name == "global_step":
            others.append(np.int64(3))
        elif arg.name == "lr_power":
            others.append(np.float32(-0.5))
        else:
            others.append(np.float32(rng.uniform(0.1, 0.4)))
    return variables, others


def by_references(name: str, variables: list[Array], others: list[Any]) -> list[Array]:
    references = [
        ps.raw_ops.VariableV2(shape=v.shape, dtype=ps.float32, name=f"v{i}")
        for i, v in enumerate(variables)
    ]
    init = [ps.raw_ops.Assign(r, v) for r, v in zip(references, variables, strict=True)]
    updated = getattr(ps.raw_ops, name)(*references, *others)
    with ps.Session() as session:
        session.run(init)
        first = session.run(updated)
        values: list[Array] = session.run([ps.identity(r) for r in references])
    np.testing.assert_array_equal(first, values[0])
    return values


def by_handles(name: str, variables: list[Array], others: list[Any]) -> list[Array]:
    handles = [
        ps.raw_ops.VarHandleOp(dtype=ps.float32, shape=v.shape, shared_name=f"r{i}")
        for i, v in enumerate(variables)
    ]
    init = [ps.raw_ops.AssignVariableOp(h, v) for h, v in zip(handles, variables, strict=True)]
    update = getattr(ps.raw_ops, TWINS[name].op)(*handles, *others)
    with ps.Session() as session:
        session.run(init)
        session.run(update)
        reads = [ps.raw_ops.ReadVariableOp(h, dtype=ps.float32) for h in handles]
        values: list[Array] = session.run(reads)
    return values


@pytest.mark.parametrize("name", UPDATES)
def test_an_update_is_its_twin_s(name: str, rng: np.random.Generator) -> None:
    variables, others = arguments(name, rng)
    found = by_references(name, variables, others)
    wanted = by_handles(name, variables, others)
    assert (found[0] != variables[0]).any()
    for value, same in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(value, same)


def test_every_op_on_references_has_a_twin() -> None:
    passed_on = {"RefIdentity", "Identity", "VariableV2", "Variable"}
    flow = {"RefEnter", "RefExit", "RefMerge", "RefNextIteration", "RefSelect", "RefSwitch"}
    temporary = {"TemporaryVariable", "DestroyTemporaryVariable"}
    taking = {op.name for op in all_ops() if any(a.is_ref for a in op.inputs)}
    assert taking - passed_on - flow - temporary == set(TWINS)


def test_a_temporary_variable_lives_for_one_step() -> None:
    x = ps.placeholder(ps.float32, [2])
    temporary = ps.raw_ops.TemporaryVariable(shape=[2], dtype=ps.float32, var_name="t")
    filled = ps.raw_ops.Assign(temporary, x)
    summed = ps.raw_ops.AssignAdd(filled, x)
    value = ps.raw_ops.DestroyTemporaryVariable(summed, var_name="t")
    with ps.Session() as session:
        for start in ([1.0, 2.0], [3.0, 4.0]):
            assert session.run(value, {x: start}).tolist() == [2 * v for v in start]
        with pytest.raises(ps.errors.FailedPreconditionError):
            session.run(ps.identity(temporary))
