"""What every test gets: a fresh graph, a seeded random generator, golden files, skipped markers.

Property tests run with the hypothesis profile named by HYPOTHESIS_PROFILE: `quick` (the default) or
`thorough`, both without a deadline, since a shared machine's clock proves nothing.
`--update-golden` rewrites the files under tests/golden/ that the run compares with.
"""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import numpy as np
import pytest

import penstock as ps
from penstock.kernels.gpu import library

GOLDEN = Path(__file__).parent / "golden"

hypothesis.settings.register_profile("quick", max_examples=30, deadline=None)
hypothesis.settings.register_profile("thorough", max_examples=300, deadline=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite the golden files")


def pytest_configure() -> None:
    # A shell lets its background jobs ignore Ctrl-C, which would fail the tests that send it.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if not marked or library.device_count() > 0:
        return
    missing = "there is no CUDA device" if library.installed() else "CuPy is not installed"
    for item in marked:
        item.add_marker(pytest.mark.skip(reason=f"needs a GPU: {missing}"))


@pytest.fixture(autouse=True)
def graph() -> Iterator[ps.Graph]:
    """The default graph of the test, new and empty."""
    with ps.Graph().as_default() as fresh:
        yield fresh


@pytest.fixture
def rng() -> np.random.Generator:
    """A generator that gives every run of a test the same numbers."""
    return np.random.default_rng(20151109)


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare a text with `tests/golden/<name>`, or write it there with --update-golden."""

    def check(name: str, text: str) -> None:
        path = GOLDEN / name
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert path.exists(), f"{path} is missing; run pytest with --update-golden"
        assert path.read_text(encoding="utf-8") == text

    return check
