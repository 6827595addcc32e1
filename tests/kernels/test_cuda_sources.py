"""CUDA sources: every one compiles for every element type, with NVRTC where that is installed.

A GPU is not needed. `pip install cupy-cuda13x "cuda-toolkit[nvrtc,cudart]==13.*"` gives a compiler.
"""

import importlib.util
from typing import Any

import pytest

from penstock import dtypes
from penstock.kernels.gpu import library, sources

ARCHITECTURES = ("sm_80", "sm_90", "sm_100")


def without_compiler() -> str:
    """Return why sources cannot be compiled here, or an empty text."""
    if importlib.util.find_spec("cupy") is None:
        return "CuPy is not installed"
    try:
        library.cupy().cuda.nvrtc.getVersion()
    except Exception as error:  # of whatever the loader of libraries thinks of
        return f"there is no NVRTC: {error}"
    return ""


@pytest.mark.parametrize("source", sources.SOURCES, ids=lambda s: s.name)
def test_compiles_for_every_type(source: sources.Source) -> None:
    reason = without_compiler()
    if reason:
        pytest.skip(reason)
    for number, dtype in enumerate(source.types):
        for architecture in ARCHITECTURES if number == 0 else ARCHITECTURES[:1]:
            made = sources.compile_text(source.name, dtype, architecture)
            atomic = dtype in sources.ATOMIC
            names = sources.kernel_names(source.name)
            for kernel in (name for name in names if atomic or not name.endswith("_atomic")):
                assert f".entry {kernel}(".encode() in made


def test_every_file_is_listed() -> None:
    files = sorted(path.stem for path in sources.FOLDER.glob("*.cu"))
    assert files == [source.name for source in sources.SOURCES]


def test_headers_are_put_in_place_once() -> None:
    text = sources.text("pooling")
    assert text.count("struct Fault {") == 1
    assert "#include" not in text and "#pragma once" not in text


def test_a_mistake_is_told_with_the_log(monkeypatch: Any) -> None:
    reason = without_compiler()
    if reason:
        pytest.skip(reason)
    monkeypatch.setattr(sources, "text", lambda name: "nonsense")
    with pytest.raises(RuntimeError, match=r"(?s)gather\.cu for uint8, sm_80.*nonsense"):
        sources.compile_text("gather", dtypes.uint8, "sm_80")
