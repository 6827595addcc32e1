"""Budgets and planned memory on devices that run stretches of kernels as one."""

import numpy as np
import pytest

import penstock as ps
from benchmarks.checkpointing.budgeted import normal
from penstock import options
from penstock.kernels.gpu.graphs import WARM_RUNS
from tests.kernels import test_stretches as captured

whole = captured.whole
SIDE = (64, 256)
UNIT = 64 * 256 * 4


@pytest.mark.parametrize("plan", ["off", "on"])
def test_captured_steps_within_a_budget(plan: str) -> None:
    def tower(**wish: int) -> tuple[ps.Tensor, ps.Tensor]:
        x = ps.placeholder(ps.float32, SIDE)
        with ps.device(captured.NAME):
            h = x
            for _ in range(8):
                h = ps.tanh(ps.sin(h))
            (g,) = ps.gradients(ps.reduce_sum(h), x, colocate_gradients_with_ops=True, **wish)
        with ps.device("/cpu:0"):
            return x, ps.tanh(ps.exp(g) * 0.5)

    before = options.configure(memory_plan=plan)
    try:
        with captured.session() as session:
            x, plain = tower()
            y, bounded = tower(memory_budget=7 * UNIT)
            explained = session.explain_plan(bounded, [y])
            assert any("_recomputed" in node.attrs for node in explained.ir)
            for seed in range(WARM_RUNS + 3):
                value = normal(*SIDE, seed=seed)
                wanted = session.run(plain, {x: value})
                assert np.array_equal(session.run(bounded, {y: value}), wanted)
            assert captured.Whole.launched > 0
    finally:
        options.configure(memory_plan=before.memory_plan)
