"""Builds and runs the C++ unit tests of csrc/core and csrc/runtime.

They need no Python and no kernels, so that they run under the sanitizers as well:
PENSTOCK_SANITIZE=thread or address builds them with that one.
"""

import os
import shlex
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(1200)  # it compiles, which a busy machine draws out
ROOT = Path(__file__).resolve().parents[2]
SANITIZER = os.environ.get("PENSTOCK_SANITIZE", "")
SANITIZER_FLAGS = {
    "": [],
    "thread": ["-fsanitize=thread"],
    "address": ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"],
}[SANITIZER]
FLAGS = ["-std=c++17", "-O1", "-g1", "-pthread", "-Wall", "-Wextra", "-Icsrc", "-Itests/native"]


def compiler() -> list[str]:
    """Return the C++ compiler's command, through ccache where there is one."""
    words = shlex.split(os.environ.get("CXX", "")) or ["g++"]
    if shutil.which("ccache") and Path(words[0]).name != "ccache":
        words.insert(0, "ccache")
    return words


def compile_source(source: Path, folder: Path) -> Path:
    made = folder / f"{source.parent.name}_{source.stem}.o"
    command = [*compiler(), *FLAGS, *SANITIZER_FLAGS, "-c", str(source.relative_to(ROOT))]
    done = subprocess.run([*command, "-o", str(made)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return made


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the test program."""
    folder = tmp_path_factory.mktemp("native")
    sources = [
        *ROOT.glob("csrc/core/*.cc"),
        *ROOT.glob("csrc/runtime/*.cc"),
        *ROOT.glob("tests/native/*.cc"),
    ]
    with ThreadPoolExecutor(int(os.environ.get("PENSTOCK_JOBS", os.cpu_count() or 1))) as pool:
        objects = list(pool.map(lambda source: compile_source(source, folder), sources))
    output = folder / "test_native"
    link = [*compiler(), "-pthread", *SANITIZER_FLAGS, *map(str, objects), "-o", str(output)]
    subprocess.run(link, check=True)
    return output


def test_native(program: Path) -> None:
    done = subprocess.run([str(program)], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING: ThreadSanitizer" not in done.stderr
