"""Runs CUDA kernels on the host: compiled by g++ behind cuda_on_host.h, called thread by thread.

`launch` has the arguments of `penstock.kernels.gpu.sources.launch` and takes its place, with NumPy
arrays for the device's. So a test calls a kernel's Python half on `HostGpu`, a device whose array
module is NumPy, and sees what the source computes: indexing, arithmetic, order of arguments. It
sees nothing of speed and little of races.
"""

import ctypes
import functools
import hashlib
import itertools
import os
import shutil
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from penstock.dtypes import DType
from penstock.kernels.gpu import sources

HERE = Path(__file__).parent
COMPILER = shutil.which(os.environ.get("CXX", "g++").split()[-1])
CACHE = HERE.parents[1] / "build" / "cuda_on_host"  # libraries, by what they were made from
MOST_THREADS = 32  # of a block that meets at barriers, each a thread of the host

Shape = tuple[tuple[int, ...], tuple[int, ...]]


@functools.cache
def library(name: str, dtype: DType) -> ctypes.CDLL:
    """Compile a source for one element type and load it."""
    assert COMPILER is not None, "needs a C++ compiler"
    defines = [o for o in sources.options(dtype) if o.startswith("-D")]
    command = [COMPILER, "-std=c++17", "-O0", "-ffp-contract=off", "-shared", "-fPIC", *defines]
    command += ["-include", str(HERE / "cuda_on_host.h"), "-I", str(HERE.parents[1] / "csrc")]
    command += ["-Wall", "-Wextra", "-Werror", "-Wno-sign-compare", "-Wno-unused-function"]
    command += ["-Wno-tautological-compare"]  # is it a NaN? asked of integers too
    command += ["-x", "c++", "-", "-o"]
    text, shim = sources.text(name), (HERE / "cuda_on_host.h").read_text()
    digest = hashlib.sha256("".join([*command, text, shim]).encode()).hexdigest()[:16]
    built = CACHE / f"{name}_{dtype.name}_{digest}.so"
    if not built.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        new = built.with_suffix(f".{os.getpid()}")  # several workers may compile it at once
        made = subprocess.run([*command, str(new)], input=text, text=True, capture_output=True)
        assert made.returncode == 0, made.stderr
        new.rename(built)
    return ctypes.CDLL(str(built))


def launch(source: str, name: str, dtype: DType, shape: Shape, arguments: Sequence[Any]) -> None:
    """Run a kernel to its end, on a grid and blocks small enough for a host."""
    lib = library(source, dtype)
    given = [_as_c(argument) for argument in arguments]
    meets = "__syncthreads" in sources.text(source)
    grid, block = _small(shape, meets)
    threads = block[0] * block[1]
    lib.host_shape(*grid, *block, threads if meets else 1)
    for by, bx in itertools.product(range(grid[1]), range(grid[0])):
        places = [(bx, by, tx, ty) for ty in range(block[1]) for tx in range(block[0])]
        if not meets:
            for place in places:
                _run(lib, name, place, given)
            continue
        crew = [threading.Thread(target=_run, args=(lib, name, p, given)) for p in places]
        for thread in crew:
            thread.start()
        for thread in crew:
            thread.join()


def _run(lib: ctypes.CDLL, name: str, place: tuple[int, int, int, int], given: list[Any]) -> None:
    lib.host_place(*place)
    getattr(lib, name)(*given)


def _small(shape: Shape, meets: bool) -> tuple[tuple[int, int], tuple[int, int]]:
    grid, block = ((*given, 1)[:2] for given in shape)
    if not meets:  # a loop over items: any grid does
        return (min(grid[0], 2), 1), (3, 1)
    while block[0] * block[1] > MOST_THREADS and block[0] > 8:
        block = (block[0] // 2, block[1])
    while block[0] * block[1] > MOST_THREADS and block[1] > 1:  # rows: then more blocks
        block, grid = (block[0], block[1] // 2), (grid[0] * 2, grid[1])
    return (grid[0], grid[1]), (block[0], block[1])


def _as_c(argument: Any) -> Any:
    if argument is None:
        return ctypes.c_void_p(0)
    if isinstance(argument, np.ndarray):
        assert argument.flags.c_contiguous, "kernels take dense arrays"
        return ctypes.c_void_p(argument.ctypes.data)
    if isinstance(argument, float):
        return ctypes.c_double(argument)
    if isinstance(argument, np.uint64):
        return ctypes.c_uint64(int(argument))
    assert isinstance(argument, int), f"what is {argument!r} to a kernel?"
    return ctypes.c_int64(argument)
