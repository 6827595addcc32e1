"""The rules of the house: who may import whom, how long things may be, what must be complete.

The layer table below is data; imports are read with `ast`, includes with a regular expression.
Blocks under `if TYPE_CHECKING:` do not run and do not count as imports. An exemption needs a reason
in its table.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock import _native, optable, stubs
from penstock.ops.registry import all_ops

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "engine" / "penstock"
KERNELS = ROOT / "kernels"

# Lower rungs first; a package may import itself and what stands on lower rungs.
RUNGS = (
    ("errors",),
    ("dtypes",),
    ("shapes",),
    ("options",),
    ("exports",),
    ("app", "logger", "text"),
    ("protos",),
    ("graph",),
    ("ops",),
    ("simulate",),
    ("memory",),
    ("autodiff", "passes", "remat", "jit"),
    ("view",),
    ("runtime",),
    (
        "initializers",
        "variables",
        "train",
        "layers",
        "losses",
        "metrics",
        "nn",
        "summary",
        "timeline",
        "dist",
        "testing",
    ),
    ("", "__main__", "demo", "stubs", "optable"),
)
FREE_AMONG_THEMSELVES = {
    "initializers",
    "variables",
    "train",
    "layers",
    "losses",
    "metrics",
    "nn",
}
BASE = {"errors", "dtypes", "shapes", "options", "exports", "protos"}
BESIDE = {"_native": set(), "kernel_api": {*BASE, "_native"}, "kernels": {*BASE, "kernel_api"}}
FROM_RUNTIME_UP = {"_native", "kernel_api", "kernels"}
EXTRA_EDGES = {
    ("passes.recompute", "remat.requests"),
    ("memory.offsets", "_native"),  # arithmetic
}

CPP_LAYERS = {  # folder → the folders it may include
    "csrc/core": {"core"},
    "csrc/runtime": {"core", "runtime"},
    "kernels/cpu": {"core", "runtime", "cpu"},
    "kernels/gpu": {"cuda"},
    "csrc/bindings": {"core", "runtime", "cpu", "bindings"},
    "tests/kernels": {"core"},
    "tests/native": {"core", "runtime", "cpu", "native"},
}
KERNELS_SEE = {"kernel", "kernel_registry", "parallel_for", "thread_pool"}

FILE_CAP, HEADER_CAP, FUNCTION_CAP = 500, 200, 80
LONGER: dict[str, str] = {}  # path → why it may be longer than the cap
MADE_BY_THE_PLAN = {"_Arg", "_Retval"}  # feeds and fetches of a program
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "misc"}


def python_files() -> list[Path]:
    """Every hand-written Python file of the repository."""
    folders = (PACKAGE, KERNELS, ROOT / "tests", ROOT / "examples", ROOT / "benchmarks")
    found = [ROOT / "setup.py"]
    for folder in folders:
        found += [p for p in folder.rglob("*.py") if not p.stem.endswith("_pb2")]
    return sorted(p for p in found if PACKAGE / "kernels" not in p.parents)


def cpp_files() -> list[Path]:
    """Every C++ and CUDA file of the repository."""
    folders = (ROOT / "csrc", KERNELS, ROOT / "tests")
    return sorted(p for f in folders for p in f.rglob("*") if p.suffix in {".cc", ".h", ".cu"})


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def module_name(path: Path) -> str:
    """Return `graph.ir` for engine/penstock/graph/ir.py, `kernels.gpu` for kernels/gpu."""
    base = ROOT if KERNELS in path.parents else PACKAGE
    parts = path.relative_to(base).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {
    module_name(p): p for p in python_files() if PACKAGE in p.parents or KERNELS in p.parents
}


def is_type_checking(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def running_imports(body: list[ast.stmt]) -> Iterator[ast.Import | ast.ImportFrom]:
    """Yield the imports that run when the module is imported."""
    for node in body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.If | ast.Try | ast.With) and not is_type_checking(node):
            for part in ("body", "orelse", "finalbody", "handlers"):
                for child in getattr(node, part, []):
                    inner = child.body if isinstance(child, ast.ExceptHandler) else [child]
                    yield from running_imports(inner)


def imported_modules(path: Path) -> set[str]:
    """Return the modules of penstock that a file imports, named as in MODULES."""
    found: set[str] = set()
    for node in running_imports(ast.parse(path.read_text(encoding="utf-8")).body):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            base = node.module or ""
            names = [f"{base}.{a.name}" for a in node.names]
        for full in names:
            if full.partition(".")[0] != "penstock":
                continue
            name = full.partition(".")[2]
            while name and name not in MODULES and name != "_native":
                name = name.rpartition(".")[0]
            found.add(name)
    return found


def may_import(importer: str, imported: str) -> bool:
    here, there = importer.partition(".")[0], imported.partition(".")[0]
    if here == there or (importer, imported) in EXTRA_EDGES:
        return True
    if here in BESIDE:
        return there in BESIDE[here]
    rung = {name: i for i, names in enumerate(RUNGS) for name in names}
    if there in FROM_RUNTIME_UP:
        return rung[here] >= rung["runtime"]
    if {here, there} <= FREE_AMONG_THEMSELVES or rung[here] == len(RUNGS) - 1:
        return True
    return rung[there] < rung[here]


def test_every_module_has_a_layer() -> None:
    known = {name for names in RUNGS for name in names} | set(BESIDE)
    assert {m.partition(".")[0] for m in MODULES} <= known, "add the package to RUNGS"


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_go_down(module: str) -> None:
    wrong = {m for m in imported_modules(MODULES[module]) if not may_import(module, m)}
    assert not wrong, f"penstock.{module} may not import {sorted(wrong)}: see RUNGS"


def test_no_import_knot() -> None:
    """Module-level imports form no cycle; a package may import its own submodules."""
    edges = {name: imported_modules(path) - {name} for name, path in MODULES.items()}
    finished: set[str] = set()
    trail: list[str] = []

    def visit(name: str) -> None:
        assert name not in trail, " → ".join([*trail[trail.index(name) :], name])
        if name in finished or name not in edges:
            return
        trail.append(name)
        for target in sorted(edges[name]):
            if not name.startswith(f"{target}."):
                visit(target)
        trail.pop()
        finished.add(name)

    for module in sorted(edges):
        visit(module)


@pytest.mark.parametrize("path", [p for m, p in sorted(MODULES.items())], ids=relative)
def test_no_import_inside_a_function(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            hidden = [n for n in ast.walk(function) if isinstance(n, ast.Import | ast.ImportFrom)]
            assert not hidden, f"{relative(path)}:{hidden[0].lineno}: the file is in a wrong layer"


def test_kernels_are_imported_by_their_installed_name() -> None:
    for path in python_files():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            here = f"{relative(path)}: write penstock.kernels"
            assert not any(n.partition(".")[0] == "kernels" for n in names), here


def test_cpp_includes_go_down() -> None:
    include = re.compile(r'^#include "([^"/]+)/([^"]+)\.h"', re.MULTILINE)
    for path in cpp_files():
        name = relative(path)
        layer = next((f for f in CPP_LAYERS if name.startswith(f)), None)
        assert layer, f"{name} is in no layer of CPP_LAYERS"
        for folder, header in include.findall(path.read_text(encoding="utf-8")):
            assert folder in CPP_LAYERS[layer], f"{name} may not include {folder}/{header}.h"
            if layer == "kernels/cpu" and folder == "runtime":
                assert header in KERNELS_SEE, f"{name} may not include runtime/{header}.h"


def test_only_bindings_see_python() -> None:
    for path in cpp_files():
        if "bindings" not in path.parts:
            text = path.read_text(encoding="utf-8")
            assert not re.search(r"#include [<\"](Python|pybind11|numpy)", text), relative(path)


@pytest.mark.parametrize("path", [*python_files(), *cpp_files()], ids=relative)
def test_file_is_short_and_says_what_it_is(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert path.stem not in FORBIDDEN_NAMES, "name the file for its subject"
    if relative(path) not in LONGER:
        assert len(lines) <= (HEADER_CAP if path.suffix == ".h" else FILE_CAP)
    if path.suffix == ".py":
        assert ast.get_docstring(ast.parse("\n".join(lines))), "a file opens with a docstring"
    else:
        assert lines[0].startswith("// "), "a file opens with a comment"


def python_functions(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{node.lineno}: {node.name}", (node.end_lineno or 0) - node.lineno + 1


def cpp_functions(path: Path) -> Iterator[tuple[str, int]]:
    """Yield functions as clang-format lays them out: the closing brace under the first line."""
    lines = path.read_text(encoding="utf-8").splitlines()
    for start, line in enumerate(lines):
        indent = len(line) - len(line.lstrip())
        head = line.strip()
        if indent > 2 or "(" not in head or head.startswith(("//", "#", "}", ":")):
            continue
        opened = next(
            (i for i in range(start, len(lines)) if lines[i].endswith(("{", "}", ";"))), 0
        )
        if not lines[opened].endswith("{") or re.match(r"(namespace|struct|class|enum)\b", head):
            continue
        close = " " * indent + "}"
        end = next((i for i in range(opened, len(lines)) if lines[i].startswith(close)), start)
        yield f"{start + 1}: {head}", end - start + 1


@pytest.mark.parametrize("path", [*python_files(), *cpp_files()], ids=relative)
def test_functions_are_short(path: Path) -> None:
    functions = python_functions if path.suffix == ".py" else cpp_functions
    long = [f"{name} has {size} lines" for name, size in functions(path) if size > FUNCTION_CAP]
    assert not long or relative(path) in LONGER, "\n".join(long)


def test_exemptions_are_needed() -> None:
    for name, reason in LONGER.items():
        assert reason and len((ROOT / name).read_text(encoding="utf-8").splitlines()) > FILE_CAP


def test_no_unfinished_work() -> None:
    marks = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
    for path in [*python_files(), *cpp_files()]:
        if path.name != "test_house.py":
            found = marks.search(path.read_text(encoding="utf-8"))
            assert not found, f"{relative(path)}: {found}"


def test_every_op_says_how_it_is_differentiated() -> None:
    silent = [op.name for op in all_ops() if op.differentiable is None]
    assert not silent, f"write @gradient or no_gradient for {silent}"


def test_every_op_is_documented() -> None:
    silent = [op.name for op in all_ops() if not op.doc.strip()]
    assert not silent


def test_every_kernel_has_an_op() -> None:
    known = {op.name for op in all_ops()} | MADE_BY_THE_PLAN
    unknown = sorted(set(_native.kernel_ops()) - known)
    assert not unknown, f"define these ops, or delete their kernels: {unknown}"


def test_stub_is_current() -> None:
    assert stubs.path().read_text() == stubs.render(), "run: python -m penstock.stubs"


def test_op_table_is_current() -> None:
    assert optable.path().read_text() == optable.render(), "run: python -m penstock.optable"
