"""The optimum of tiny problems by searching all states: slow, obvious, the judge of strategies.

A state is how many originals have run and which values are live. Originals run in the given order;
any recomputable task that ran may run again; anything but a kept value may be freed at any time.
In-place tables are not looked at.
"""

from heapq import heappop, heappush

from penstock.remat.problem import Problem


def least_cost(problem: Problem, budget: int) -> float | None:
    """Return the least total cost within the budget, or None when nothing fits."""
    start = (0, frozenset[int]())
    queue: list[tuple[float, int, int, frozenset[int]]] = [(0.0, 0, *start)]
    done: set[tuple[int, frozenset[int]]] = set()
    ticket = 0
    while queue:
        cost, _, ran, live = heappop(queue)
        if ran == len(problem.tasks):
            return cost
        if (ran, live) in done:
            continue
        done.add((ran, live))
        for work, state in _next(problem, budget, ran, live):
            if state not in done:
                ticket += 1
                heappush(queue, (cost + work, ticket, *state))
    return None


def smallest_budget(problem: Problem) -> int:
    """Return the least budget that can be met, by halving."""
    low, high = 0, sum(value.bytes for value in problem.values)
    high += max(task.scratch for task in problem.tasks)
    while low < high:
        middle = (low + high) // 2
        if least_cost(problem, middle) is None:
            low = middle + 1
        else:
            high = middle
    return low


def _next(
    problem: Problem, budget: int, ran: int, live: frozenset[int]
) -> list[tuple[float, tuple[int, frozenset[int]]]]:
    values = problem.values
    found = [(0.0, (ran, live - {v})) for v in live if not values[v].kept]
    for t in range(ran + 1):
        task = problem.tasks[t]
        again = t < ran
        if again and (not task.recomputable or live.issuperset(task.outputs)):
            continue
        if any(v not in live and not values[v].external for v in task.inputs):
            continue
        after = live | set(task.outputs)
        if sum(values[v].bytes for v in after) + task.scratch <= budget:
            found.append((task.cost, (ran + (not again), after)))
    return found
