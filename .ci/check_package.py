"""Checks the contents of a wheel and a source archive: `check_package.py WHEEL SDIST`.

The wheel holds the package, its stubs, data, libraries and CUDA sources, no sources of the native
half, and less than 80 MB once installed. The source archive holds every tracked source that a build
reads.
"""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

LIMIT = 80_000_000
NOT_IN_WHEEL = {".cc", ".h", ".cu", ".proto", ".o", ".d"}
CUDA = "penstock/kernels/gpu/cuda/"  # compiled where they run
NEEDED = (
    "penstock/py.typed",
    "penstock/__init__.pyi",
    "penstock/_native.pyi",
    "penstock/protos/graph_pb2.py",
    "penstock/demo/digits.csv.gz",
    CUDA + "element.h",
    CUDA + "training.cu",
)


def check_wheel(path: str) -> int:
    """Return the installed size."""
    with zipfile.ZipFile(path) as wheel:
        names = set(wheel.namelist())
        size = sum(file.file_size for file in wheel.infolist())
    missing = [name for name in NEEDED if name not in names]
    assert not missing, f"the wheel lacks {missing}"
    leaked = [n for n in names if Path(n).suffix in NOT_IN_WHEEL and not n.startswith(CUDA)]
    assert not leaked, f"the wheel carries {leaked}"
    assert any(name.startswith("penstock/_native.") for name in names), "no extension"
    assert size <= LIMIT, f"{size} bytes installed, more than {LIMIT}"
    return size


def check_sdist(path: str) -> None:
    """Fail when a tracked source is not in the archive."""
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    command = ["git", "ls-files", "csrc", "kernels", "engine", "setup.py", "pyproject.toml"]
    tracked = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    missing = sorted(set(tracked) - names - {"engine/penstock/kernels"})
    assert not missing, f"the source archive lacks {missing}"


if __name__ == "__main__":
    installed = check_wheel(sys.argv[1])
    check_sdist(sys.argv[2])
    print(f"wheel {Path(sys.argv[1]).stat().st_size / 1e6:.1f} MB, {installed / 1e6:.1f} installed")
