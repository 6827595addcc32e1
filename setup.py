"""The build: message classes from the .proto files, and the extension `penstock._native`.

Every source in csrc/ and kernels/cpu/ goes into one extension. Sources in kernels/cpu/vector/ are
compiled once per instruction set on x86-64, so that one build serves every processor. oneDNN is
linked and carried along where its wheel is installed (x86-64 Linux), else OpenBLAS where that of
`scipy-openblas32` is (Linux); the portable kernels are always there. An object is compiled again
when its command line or any file it read has changed.

Environment: CXX, CXXFLAGS, PENSTOCK_JOBS (compilers at once), PENSTOCK_NO_ONEDNN=1,
PENSTOCK_NO_OPENBLAS=1, PENSTOCK_SANITIZE=thread|address (a build of its own, without libraries,
in build/<sanitizer>).
"""

import importlib.metadata
import os
import platform
import shlex
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from setuptools import Command, Extension, setup
from setuptools.command.build import build
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
PROTOS = Path("engine/penstock/protos")
SANITIZER = os.environ.get("PENSTOCK_SANITIZE", "")
# Line tables are all that a report shows; full debug information takes a third longer to compile.
SANITIZER_FLAGS = {
    "": [],
    "thread": ["-O1", "-g1", "-fno-omit-frame-pointer", "-fsanitize=thread"],
    "address": [
        *("-O1", "-g1", "-fno-omit-frame-pointer"),
        *("-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"),
    ],
}[SANITIZER]

# In this order the linker sees them: of an inline function that several objects define it keeps the
# first, which must be one that every processor can run.
INSTRUCTION_SETS = {"baseline": []}
if platform.machine().lower() in ("x86_64", "amd64"):
    INSTRUCTION_SETS["avx2"] = ["-mavx2", "-mfma"]
    INSTRUCTION_SETS["avx512"] = [
        *("-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mavx2", "-mfma"),
        "-mprefer-vector-width=512",
    ]


def sources() -> list[str]:
    """Every C++ source of the extension, relative to the root and in a fixed order."""
    found = [*ROOT.glob("csrc/**/*.cc"), *ROOT.glob("kernels/cpu/**/*.cc")]
    return sorted(path.relative_to(ROOT).as_posix() for path in found)


@dataclass(frozen=True)
class MathLibrary:
    """A library of matrix products as its wheel installed it, with what it needs beside it."""

    macro: str
    include: Path
    libraries: tuple[Path, ...]  # in link order


def installed_files(variable: str, *wheels: str) -> dict[str, Path]:
    """Map names to paths of what wheels installed; nothing where one lacks or none is wanted."""
    if os.environ.get(variable) == "1" or SANITIZER or sys.platform != "linux":
        return {}
    files: dict[str, Path] = {}
    for wheel in wheels:
        try:
            distribution = importlib.metadata.distribution(wheel)
        except importlib.metadata.PackageNotFoundError:
            return {}
        for file in distribution.files or ():
            files.setdefault(file.name, Path(str(distribution.locate_file(file))).resolve())
    return files


def find_onednn(compiler: list[str]) -> MathLibrary | None:
    """Return oneDNN of the build environment with the OpenMP run time it needs."""
    files = installed_files("PENSTOCK_NO_ONEDNN", "onednn-devel-cpu-gomp", "onednn-cpu-gomp")
    if not files:
        return None
    answer = subprocess.run(
        [*compiler, "-print-file-name=libgomp.so.1"], capture_output=True, text=True, check=True
    )
    openmp = Path(answer.stdout.strip())
    if not openmp.is_absolute():
        print("penstock: this compiler has no libgomp; building without oneDNN", file=sys.stderr)
        return None
    # libgomp first, so that it is found beside us.
    libraries = (openmp, files["libdnnl.so.3"])
    return MathLibrary("PENSTOCK_ONEDNN", files["dnnl.hpp"].parent, libraries)


def find_openblas() -> MathLibrary | None:
    """Return OpenBLAS of the build environment."""
    files = installed_files("PENSTOCK_NO_OPENBLAS", "scipy-openblas32")
    if not files:
        return None
    library = files["libscipy_openblas.so"]
    return MathLibrary("PENSTOCK_OPENBLAS", files["cblas.h"].parent, (library,))


@dataclass(frozen=True)
class Unit:
    """One run of the compiler: a source, the flags of its folder and set, the object it makes."""

    source: str
    flags: tuple[str, ...]
    object: Path

    def stale(self, command: str) -> bool:
        """Whether the object was made by another command or before a file it read changed."""
        try:
            made = self.object.stat().st_mtime_ns
            if self.object.with_suffix(".cmd").read_text() != command:
                return True
            rule = self.object.with_suffix(".d").read_text().replace("\\\n", " ")
            read = shlex.split(rule.partition(":")[2])
            return any(os.stat(path).st_mtime_ns > made for path in read)
        except OSError:
            return True


def units(folder: Path) -> list[Unit]:
    """List what is to be compiled, the objects in link order."""
    plain, vector = [], {name: [] for name in INSTRUCTION_SETS}
    for source in sources():
        path = folder / source
        if not source.startswith("kernels/"):
            plain.append(Unit(source, ("-O2",), path.with_suffix(".o")))
            continue
        # No kernel reads errno or floating-point traps; without these two flags the compiler
        # vectorises neither a square root nor a selection.
        flags = ("-O3", "-fno-math-errno", "-fno-trapping-math")
        if "/vector/" not in source:
            plain.append(Unit(source, flags, path.with_suffix(".o")))
            continue
        for name, set_flags in INSTRUCTION_SETS.items():
            made = (*flags, *set_flags, f"-DPENSTOCK_ISA={name}")
            vector[name].append(Unit(source, made, path.with_suffix(f".{name}.o")))
    return plain + [unit for group in vector.values() for unit in group]


class BuildProtos(Command):
    """Generate message classes and their stubs beside the .proto files."""

    description = "generate Python from the .proto files"
    user_options: ClassVar[list[tuple[str, str | None, str]]] = []

    def initialize_options(self) -> None:
        """Nothing to set."""

    def finalize_options(self) -> None:
        """Nothing to check."""

    def run(self) -> None:
        """Run protoc when a generated file is missing or older than a .proto file."""
        protos = sorted(ROOT.joinpath(PROTOS).glob("*.proto"))
        made = [p.with_name(p.stem + end) for p in protos for end in ("_pb2.py", "_pb2.pyi")]
        newest = max(p.stat().st_mtime_ns for p in protos)
        if all(p.exists() and p.stat().st_mtime_ns >= newest for p in made):
            return
        command = [sys.executable, "-m", "grpc_tools.protoc", "-Iengine"]
        command += ["--python_out=engine", "--pyi_out=engine"]
        subprocess.run([*command, *(f"{PROTOS}/{p.name}" for p in protos)], cwd=ROOT, check=True)


class Build(build):
    """Keep the objects and outputs of a sanitizer build away from the plain ones."""

    def initialize_options(self) -> None:
        """Choose the folder by sanitizer."""
        super().initialize_options()
        if SANITIZER:
            self.build_base = f"build/{SANITIZER}"


class BuildPython(build_py):
    """Generate the message classes before Python files are collected."""

    def run(self) -> None:
        """Generate, then collect."""
        self.run_command("build_protos")
        super().run()


class BuildNative(build_ext):
    """Compile what is stale, link, and put the libraries we carry into `_libs`."""

    @cached_property
    def cxx(self) -> list[str]:
        """The C++ compiler's command, without ccache."""
        words = shlex.split(os.environ.get("CXX", ""))
        if words:
            return [word for word in words if Path(word).name != "ccache"]
        return [next(name for name in ("g++", "clang++", "c++") if shutil.which(name))]

    @cached_property
    def library(self) -> MathLibrary | None:
        """The library that this build uses, if any."""
        return find_onednn(self.cxx) or find_openblas()

    def build_extension(self, ext: Extension) -> None:
        """Compile and link `penstock._native`."""
        work = units(Path(self.build_temp))
        with ThreadPoolExecutor(int(os.environ.get("PENSTOCK_JOBS", os.cpu_count() or 1))) as pool:
            for _ in pool.map(self._compile, work):
                pass  # drawing the results raises the first failure
        output = Path(self.get_ext_fullpath(ext.name))
        output.parent.mkdir(parents=True, exist_ok=True)
        link = [*self.cxx, "-shared", "-pthread", *SANITIZER_FLAGS]
        if sys.platform == "darwin":
            link += ["-undefined", "dynamic_lookup"]
        elif not SANITIZER:
            link += ["-Wl,--strip-all"]
        link += [str(unit.object) for unit in work]
        if self.library:
            # Without --no-as-needed libgomp could be dropped here and then not be found for oneDNN.
            link += ["-Wl,--no-as-needed", *map(str, self.library.libraries)]
            link += ["-Wl,-rpath,$ORIGIN/_libs"]
        self._spawn([*link, "-o", str(output)])

    def run(self) -> None:
        """Build, then carry the libraries to where the extension was put."""
        super().run()
        package = Path("engine/penstock") if self.inplace else Path(self.build_lib, "penstock")
        shutil.rmtree(package / "_libs", ignore_errors=True)
        for library in self.library.libraries if self.library else ():
            carried = package / "_libs" / library.name
            carried.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(library, carried)
            if shutil.which("strip"):
                subprocess.run(["strip", "--strip-unneeded", str(carried)], check=True)

    def _compile(self, unit: Unit) -> None:
        command = [*self.cxx, *self._flags, *unit.flags, *SANITIZER_FLAGS, "-c", unit.source]
        command += ["-o", str(unit.object), "-MD", "-MF", str(unit.object.with_suffix(".d"))]
        text = shlex.join(command)
        if not self.force and not unit.stale(text):
            return
        unit.object.parent.mkdir(parents=True, exist_ok=True)
        cache = ["ccache"] if shutil.which("ccache") else []
        self._spawn([*cache, *command])
        unit.object.with_suffix(".cmd").write_text(text)

    @cached_property
    def _flags(self) -> list[str]:
        # Imported here: metadata commands run before the build requirements are there.
        import numpy
        import pybind11
        from setuptools._distutils.sysconfig import get_python_inc

        system = [get_python_inc(), numpy.get_include(), pybind11.get_include()]
        flags = ["-std=c++17", "-fPIC", "-pthread", "-fvisibility=hidden", "-ffp-contract=off"]
        flags += ["-Wall", "-Wextra", "-Icsrc", "-Ikernels"]
        if self.library:
            flags += [f"-D{self.library.macro}"]
            system += [str(self.library.include)]
        for folder in system:
            flags += ["-isystem", folder]
        return flags + shlex.split(os.environ.get("CXXFLAGS", ""))

    def _spawn(self, command: list[str]) -> None:
        if self.verbose > 1:
            print(shlex.join(command), flush=True)
        if subprocess.run(command, cwd=ROOT).returncode:
            raise SystemExit(f"penstock: this command failed:\n  {shlex.join(command)}")


setup(
    ext_modules=[Extension("penstock._native", sources(), language="c++")],
    cmdclass={
        "build": Build,
        "build_ext": BuildNative,
        "build_protos": BuildProtos,
        "build_py": BuildPython,
    },
)
