"""Fuzz programs of one op: the bytes choose the op, its attributes, its inputs, how it is built.

    python tests/fuzz/single_op.py -max_total_time=600 [FOLDER]

Needs atheris (the extra `fuzz`). The programs are those of `tests.hostile`, with a fuzzer that
follows coverage in place of a seed. FOLDER keeps what was found worth keeping; an input that ends
in anything but a result or a typed error is saved as `crash-*`, to be given in its place.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parents[2]))  # so that `tests` is found

with atheris.instrument_imports(include=["penstock"]):
    import penstock  # noqa: F401  imported here for its coverage
from tests.hostile.execution import execute, limit_memory
from tests.hostile.programs import draw_program, drawable_ops
from tests.hostile.values import pick


class Consumed:
    """Choices made by the bytes of an input; when these end, all are 0."""

    def __init__(self, data: bytes) -> None:
        self._provider = atheris.FuzzedDataProvider(data)

    def below(self, count: int) -> int:
        """Return a number from 0 to `count` - 1."""
        number: int = self._provider.ConsumeIntInRange(0, count - 1)
        return number


def test_one_input(data: bytes) -> None:
    """Draw a program and run it."""
    choices = Consumed(data)
    program = draw_program(choices, pick(choices, drawable_ops()))
    try:
        execute(program)
    except Exception as error:
        error.add_note(str(program))
        raise


def main() -> None:
    """Run the fuzzer with the command line's flags."""
    limit_memory()
    atheris.Setup([*sys.argv, "-timeout=20", "-len_control=0", "-max_len=400"], test_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
