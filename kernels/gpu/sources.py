"""The CUDA sources: which there are, for which element types, and their compiled kernels.

A source is `cuda/<name>.cu`; its `#include "cuda/..."` lines are put in place here, so that what
the compiler gets is one text and needs no header of anybody. It is compiled at first use, once for
each element type and architecture; CuPy keeps the results on disk. `SOURCES` lists all of them: a
test compiles each one, which needs the compiler but no GPU.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from penstock import dtypes
from penstock.dtypes import DType
from penstock.kernels.gpu import library

FOLDER = Path(__file__).parent / "cuda"

C_TYPES = {
    dtypes.float16: "float16",
    dtypes.bfloat16: "bfloat16",
    dtypes.float32: "float",
    dtypes.float64: "double",
    dtypes.int8: "signed char",
    dtypes.int16: "short",
    dtypes.int32: "int",
    dtypes.int64: "long long",
    dtypes.uint8: "unsigned char",
    dtypes.uint16: "unsigned short",
    dtypes.uint32: "unsigned int",
    dtypes.uint64: "unsigned long long",
}
"""How the element types are called in the sources."""

FLOATS = (dtypes.float32, dtypes.float64, dtypes.float16, dtypes.bfloat16)
WORDS = (dtypes.uint8, dtypes.uint16, dtypes.uint32, dtypes.uint64)
NUMBERS = tuple(C_TYPES)
ATOMIC = (dtypes.float32, dtypes.float64, dtypes.int32, dtypes.uint32, dtypes.uint64)


class Source(NamedTuple):
    """One file of kernels and the element types that it is compiled for."""

    name: str
    types: tuple[DType, ...]


SOURCES = (
    Source("batch_norm", (dtypes.float32, dtypes.float16, dtypes.bfloat16)),
    Source("depthwise", FLOATS),
    Source("gather", WORDS),
    Source("patches", FLOATS),
    Source("pooling", FLOATS),
    Source("random", FLOATS),
    Source("scatter", NUMBERS),
    Source("softmax", FLOATS),
    Source("training", FLOATS),
)


@functools.cache
def text(name: str) -> str:
    """Return the whole text of a source, its own headers in place."""
    return _with_headers(FOLDER / f"{name}.cu", set())


def _with_headers(path: Path, seen: set[str]) -> str:
    lines: list[str] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        header = re.match(r'#include "cuda/([^"]+)"', line)
        if header and header[1] not in seen:
            seen.add(header[1])
            lines.append(_with_headers(FOLDER / header[1], seen))
        elif not header and line != "#pragma once":
            lines.append(line)
    return "\n".join(lines) + "\n"


def options(dtype: DType) -> tuple[str, ...]:
    """Return the compiler's options for elements of that type.

    Products and sums stay apart, as on the CPU: these kernels wait for memory, not for arithmetic.
    """
    atomic = ("-DPENSTOCK_ATOMIC",) if dtype in ATOMIC else ()
    return ("-std=c++17", "-fmad=false", f"-DPENSTOCK_T={C_TYPES[dtype]}", *atomic)


def kernel_names(name: str) -> list[str]:
    """Return the kernels of a source, in its order, those made by a macro left out.

    >>> from penstock.kernels.gpu import sources
    >>> sources.kernel_names("softmax")[:2]
    ['softmax', 'log_softmax']
    """
    found = re.findall(r'extern "C" __global__ void (\w+)\(', text(name))
    return [kernel for kernel in found if kernel != "name"]


def compile_text(name: str, dtype: DType, architecture: str) -> bytes:
    """Compile a source for an architecture such as `sm_90`; needs NVRTC but no GPU.

    Returns PTX. Raises `RuntimeError` with the compiler's log.
    """
    nvrtc = library.cupy().cuda.nvrtc
    program = nvrtc.createProgram(text(name), f"{name}.cu", (), ())
    arguments = (*options(dtype), f"-arch={architecture}")
    try:
        nvrtc.compileProgram(program, arguments)
        return bytes(nvrtc.getPTX(program))
    except nvrtc.NVRTCError as error:
        log = nvrtc.getProgramLog(program)
        raise RuntimeError(f"{name}.cu for {dtype.name}, {architecture}: {error}\n{log}") from error
    finally:
        nvrtc.destroyProgram(program)


@functools.cache
def _module(name: str, dtype: DType) -> Any:
    return library.cupy().RawModule(code=text(name), options=options(dtype), backend="nvrtc")


@functools.cache
def kernel(source: str, name: str, dtype: DType) -> Any:
    """Return a compiled kernel; it is loaded into a device when it is first launched there."""
    return _module(source, dtype).get_function(name)


BLOCK = 256


def over(items: int, largest: int = 1 << 16) -> tuple[tuple[int], tuple[int]]:
    """Return grid and block for a loop over `items` elements; the loop takes any grid.

    >>> from penstock.kernels.gpu import sources
    >>> sources.over(1000)
    ((4,), (256,))
    """
    return ((max(1, min(largest, -(-items // BLOCK))),), (BLOCK,))


def launch(
    source: str,
    name: str,
    dtype: DType,
    shape: tuple[tuple[int, ...], tuple[int, ...]],
    arguments: Sequence[Any],
) -> None:
    """Launch a kernel on the current device and stream.

    Integers arrive as 64 bits, None as a null pointer, arrays as pointers to their first element.
    """
    given = tuple(0 if argument is None else argument for argument in arguments)
    kernel(source, name, dtype)(shape[0], shape[1], given)
