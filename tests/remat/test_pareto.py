"""The public choice between memory and time, on real graphs."""

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

import penstock as ps


def mlp(layers: int, **wish: Any) -> tuple[Any, Any]:
    ps.set_random_seed(3)
    x = ps.placeholder(ps.float32, [None, 32])
    h = x
    for i in range(layers):
        w = ps.constant(np.eye(32, dtype=np.float32) * (1 + i / 10))
        h = ps.nn.dropout(ps.tanh(ps.matmul(h, w)), rate=0.3, seed=i)
    return x, ps.gradients(ps.reduce_sum(h * h), [x], **wish)


def test_peaks_grow_and_repeated_work_falls() -> None:
    x, g = mlp(8)
    front = ps.plan_pareto(g, shapes={x: [256, 32]}, points=10)
    peaks, work = [p.peak for p in front], [p.recomputed for p in front]
    assert peaks == sorted(set(peaks)) and work == sorted(set(work), reverse=True)
    assert len(front) >= 3 and work[-1] == 0.0 and front[-1].time == pytest.approx(1.0)
    assert "planned peak" in front[0].explain()
    again = ps.plan_pareto(g, {x: np.zeros([256, 32], np.float32)}, points=10)
    assert str(again) == str(front)


def test_a_point_is_a_budget() -> None:
    x, g = mlp(6)
    front = ps.plan_pareto(g, shapes={x: [32, 32]}, points=8)
    value = np.ones([32, 32], np.float32)
    plain = ps.Session().run(g, {x: value})
    for point in front[:2]:
        x, g = mlp(6, memory_budget=point.budget)
        np.testing.assert_array_equal(ps.Session().run(g, {x: value})[0], plain[0])


def test_masks_go_first() -> None:
    """A mask of dropout takes as much as any value and is cheap to draw again."""
    x, g = mlp(6)
    costs = ps.simulate.FixedCosts({"MatMul": 100.0, "Tanh": 10.0}, default=1.0)
    front = ps.plan_pareto(g, shapes={x: [4096, 32]}, points=20, costs=costs)
    first = front[-2].plan
    names = {first.problem.tasks[c.task].name for c in first.schedule.computes if c.instance}
    assert names and not any("MatMul" in name or "Tanh" in name for name in names), names


def test_the_picture(tmp_path: Path) -> None:
    x, g = mlp(4)
    front = ps.plan_pareto(g, shapes={x: [64, 32]}, points=2)
    path = tmp_path / "front.svg"
    text = front.plot(str(path))
    assert path.read_text(encoding="utf-8") == text == front._repr_svg_()
    circles = [e for e in ElementTree.fromstring(text).iter() if e.tag.endswith("circle")]
    assert len(circles) == len(front)


def test_what_cannot_be_planned() -> None:
    x = ps.placeholder(ps.float32, [2])
    with pytest.raises(ValueError, match="need no gradients"):
        ps.plan_pareto(ps.tanh(x), shapes={x: [2]})
    with pytest.raises(ValueError, match="at least 1"):
        ps.plan_pareto(ps.tanh(x), shapes={x: [2]}, points=0)
