"""Run hostile programs; a program for a process of its own.

What is about to run is printed first: after a crash it is the end of the output.

    python -m tests.hostile rows SHARD SHARDS          inputs of the op table's rows, varied
    python -m tests.hostile programs SHARD SHARDS N    N drawn programs of each op
    python -m tests.hostile one OP SEED                one of these again
"""

from __future__ import annotations

import sys

from tests.hostile import rows
from tests.hostile.execution import execute, limit_memory
from tests.hostile.programs import draw_program, drawable_ops
from tests.hostile.values import Seeded


def run_one(op: str, seed: str) -> bool:
    """Draw a program and run it."""
    program = draw_program(Seeded(f"{op} {seed}"), op)
    print(f"one {op} {seed}: {program}", flush=True)
    return execute(program)


def run_programs(shard: int, shards: int, count: int) -> str:
    """Run `count` programs of each op of a shard; return how many there were."""
    ops = drawable_ops()[shard::shards]
    results = [run_one(op, str(seed)) for op in ops for seed in range(count)]
    return f"{len(results)} programs, {sum(results)} gave results"


def main(command: str, *arguments: str) -> None:
    """Do what the command line says."""
    limit_memory()
    if command == "one":
        print("a result" if run_one(*arguments) else "a typed error")
        return
    numbers = [int(a) for a in arguments]
    print("done:", run_programs(*numbers) if command == "programs" else rows.run(*numbers))


if __name__ == "__main__":
    main(*sys.argv[1:])
