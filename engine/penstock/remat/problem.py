"""What a plan is made for: tasks in an order, and the values that pass between them.

A `Problem` is a joint forward and backward graph with everything forgotten that planning does not
need: what a task costs, what it reads and leaves, how many bytes that is. Tasks and values are
known by their position in `Problem.tasks` and `Problem.values`. Always holds: every value has at
most one producer (external values have none), and a task stands behind the producers of its inputs
and behind the tasks named by `after`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from penstock.remat.arrays import Arrays


@dataclass(frozen=True, slots=True)
class Value:
    """Something a task leaves in memory.

    `kept`: still wanted when the step ends (a fetch); its first instance is never freed.
    `external`: there before the step and after it (parameters, feeds); not counted.
    """

    name: str
    bytes: int
    kept: bool = False
    external: bool = False


@dataclass(frozen=True, slots=True)
class Task:
    """One computation.

    `in_place` lists pairs (output value, input value): the output may take over the memory of the
    input when the input dies there and both have the same size. `after` are tasks that must have
    run before, beyond the producers of the inputs.
    """

    name: str
    cost: float
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    scratch: int = 0
    recomputable: bool = True
    forward: bool = True
    in_place: tuple[tuple[int, int], ...] = ()
    after: tuple[int, ...] = ()


@dataclass(frozen=True)
class Problem:
    """Tasks in a topological order, and their values. Raises ValueError when they are not one."""

    tasks: tuple[Task, ...]
    values: tuple[Value, ...]
    producer: tuple[int, ...] = field(init=False, repr=False)
    readers: tuple[tuple[int, ...], ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Derive who makes and who reads each value (readers ascending), and check the order."""
        producer = [-1] * len(self.values)
        readers: list[list[int]] = [[] for _ in self.values]
        for t, task in enumerate(self.tasks):
            for v in dict.fromkeys(task.inputs):
                if producer[v] < 0 and not self.values[v].external:
                    raise ValueError(
                        f"task {task.name!r} reads {self.values[v].name!r}, which no earlier task"
                        " makes and which is not external"
                    )
                readers[v].append(t)
            if any(before >= t for before in task.after):
                raise ValueError(f"task {task.name!r} stands before a task it must come after")
            for v in task.outputs:
                if producer[v] >= 0 or self.values[v].external:
                    raise ValueError(f"value {self.values[v].name!r} is made twice")
                producer[v] = t
        object.__setattr__(self, "producer", tuple(producer))
        object.__setattr__(self, "readers", tuple(map(tuple, readers)))

    @cached_property
    def arrays(self) -> Arrays:
        """The same as arrays."""
        return Arrays(self)

    @cached_property
    def forward_cost(self) -> float:
        """The cost of one forward pass."""
        return sum(task.cost for task in self.tasks if task.forward)

    @cached_property
    def plain_cost(self) -> float:
        """The cost of running every task once."""
        return sum(task.cost for task in self.tasks)
