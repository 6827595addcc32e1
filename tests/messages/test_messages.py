"""What a user's mistake prints: one file a mistake, the program above the line, the text below.

The program runs as `mistake.py` in a fresh graph with `ps` and `np` at hand; the exception that
ends it is compared word for word. `--update-golden` writes the texts anew; read the difference.
"""

from __future__ import annotations

import linecache
import re
import traceback
from pathlib import Path

import numpy as np
import pytest

import penstock as ps

FILES = sorted(Path(__file__).parent.glob("*.txt"))
LINE = "-" * 20 + "\n"
NAME = "mistake.py"


def run(program: str) -> str:
    """Run a program that fails; return the class and text of its exception."""
    linecache.cache[NAME] = (len(program), None, program.splitlines(keepends=True), NAME)
    try:
        exec(compile(program, NAME, "exec"), {"ps": ps, "np": np, "__name__": "mistake"})
    except Exception as error:
        (text,) = traceback.format_exception_only(type(error), error)
        return re.sub("0x[0-9a-f]+", "0x...", text.removeprefix("penstock.errors."))
    finally:
        del linecache.cache[NAME]
    raise AssertionError("the program did not fail")


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_message(path: Path, request: pytest.FixtureRequest) -> None:
    program, _, expected = path.read_text(encoding="utf-8").partition(LINE)
    actual = run(program)
    if request.config.getoption("--update-golden"):
        path.write_text(program + LINE + actual, encoding="utf-8")
    else:
        assert actual == expected


def test_there_are_messages() -> None:
    assert len(FILES) > 30
