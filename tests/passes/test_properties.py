"""Every pass, alone and in its place in the pipeline, keeps the values of random graphs.

Values are those of the NumPy interpreter before and after, to the last bit: no tolerance hides a
pass that rounds differently. What a pass returns must be well formed, and a second application
must find nothing wrong with the first.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given

from penstock import options
from penstock.graph.check import check_ir
from penstock.graph.ir import IR
from penstock.passes.context import PassContext, PlanLog
from penstock.passes.pipeline import PIPELINE, run_pipeline
from tests.random_graphs import Grown, grown
from tests.reference import evaluate

PASSES = [apply for apply, _ in PIPELINE]


def context() -> PassContext:
    checked = dataclasses.replace(options.current, check=True)
    return PassContext(checked, lambda part: evaluate(part, []), PlanLog())


def assert_same_values(program: Grown, before: IR, after: IR, stage: str) -> None:
    check_ir(after, stage)
    feeds = list(program.feeds.values())
    for old, new in zip(evaluate(before, feeds), evaluate(after, feeds), strict=True):
        assert new.dtype == old.dtype
        assert new.shape == old.shape
        assert new.tobytes() == old.tobytes(), stage


@pytest.mark.parametrize("apply", PASSES, ids=lambda p: p.__name__)
@given(program=grown())
def test_a_pass_keeps_the_values(apply: Callable[..., IR], program: Grown) -> None:
    before = program.ir()
    after = apply(before, context())
    assert_same_values(program, before, after, apply.__name__)
    assert_same_values(program, before, apply(after, context()), f"{apply.__name__} twice")


@given(grown(most=40))
def test_the_pipeline_keeps_the_values(program: Grown) -> None:
    before = program.ir()
    text = str(before)
    after = run_pipeline(before, context())
    assert_same_values(program, before, after, "the pipeline")
    assert str(before) == text, "passes return a new IR"


@given(grown())
def test_the_reference_reads_the_ir_right(program: Grown) -> None:
    """The IR says the same as the values that were computed while the graph grew."""
    results = evaluate(program.ir(), list(program.feeds.values()))
    for result, value in zip(results, program.fetches, strict=True):
        np.testing.assert_array_equal(result, value.array)


@given(grown(static=True))
def test_static_graphs_without_feeds_fold_to_constants(program: Grown) -> None:
    """What reads no feed and waits for nothing is a constant after the pipeline."""
    log = context()
    after = run_pipeline(program.ir(), log)
    determined = {"Const"}
    for node in after:
        inputs = {after[name].op for name, _ in node.inputs} | {after[c].op for c in node.controls}
        if node.op not in ("_Retval", "_Arg", "Const", "NoOp"):
            assert not inputs <= determined or node.controls, f"{node} was not folded"
