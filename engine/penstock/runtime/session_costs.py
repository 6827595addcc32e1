"""What nodes cost: measuring it in a session, and telling the session's planning about it.

Plain functions of a session, which `Session` has as its methods.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from penstock import protos
from penstock.simulate import Costs, ShapeCosts

if TYPE_CHECKING:
    from penstock.runtime.session import Session


def measure_costs(
    session: Session, fetches: Any, feed_dict: Mapping[Any, Any] | None = None, runs: int = 3
) -> ShapeCosts:
    """Run `fetches` with traces, some times; return what each op took on which shapes.

    Give it to `use_costs` for plans of this session that know, or to `simulate`. Raises what
    `run` raises.

    >>> x = ps.placeholder(ps.float32, [64])
    >>> len(ps.Session().measure_costs(ps.exp(x), {x: [0.0] * 64}).times)
    1
    """
    options = protos.RunOptions(trace_level=protos.RunOptions.FULL_TRACE)
    steps = []
    session.run(fetches, feed_dict)
    for _ in range(runs):
        steps.append(protos.RunMetadata())
        session.run(fetches, feed_dict, options, steps[-1])
    plan = session._find_call(fetches, feed_dict).plan
    return ShapeCosts.from_step_stats(plan.ir, *steps)


def use_costs(session: Session, costs: Costs | None) -> None:
    """Let plans made from now on go by `costs`: what to compute again, and where nodes go.

    The same costs lead to the same plan. None: estimates from shapes, as at first.

    >>> sess = ps.Session()
    >>> sess.use_costs(ps.simulate.EstimatedCosts(scale=2.0))
    """
    with session._lock:
        placing = session._target.placing._replace(costs=costs)
        session._target = replace(session._target, placing=placing)
        session._calls = {}
        session._plans.clear()
