"""Everything that the documentation shows is run or compared with the code.

Docstrings of modules and ops: doctests, with `ps` and `np` at hand and a fresh graph each.
Markdown files, by the word after the fence:

- `python`: the blocks of a file run in order in one namespace; with `>>>` they are doctests;
- `output`: what the python block above it printed;
- `python from=PATH`, `cpp from=PATH` and the like: an excerpt, in the file line for line, where a
  line of only `...` or `# ...` or `// ...` skips lines;
- `cpp`: compiles by itself;
- `sh`, `console`: commands; each must fit a row of COMMANDS, which says how it is checked;
- `text` or nothing: free.

Relative links must lead somewhere. A code span that looks like a path must exist, and in
`path/file.py: name` the file must have that name. Lessons in examples/ run to their end.
"""

import contextlib
import doctest
import importlib
import io
import pkgutil
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import penstock as ps
from penstock import kernel_api
from penstock.ops import registry
from penstock.ops.registry import OpDef, all_ops

ROOT = Path(__file__).parent.parent
PAGES = sorted(
    path
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")]
    if path.name != "CHANGELOG.md"
)
LESSONS = sorted(ROOT.glob("examples/[0-9]*.py"))
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SKIPPED_LINES = re.compile(r"\s*(#|//)?\s*(\.\.\.|…)\s*")


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def modules() -> list[str]:
    found = pkgutil.walk_packages(ps.__path__, "penstock.")
    return [m.name for m in found if not m.name.endswith(("_pb2", "__main__", "._native"))]


def run_doctest(text: str, name: str, names: dict[str, object]) -> None:
    """Run the examples of a text in a fresh graph."""
    test = doctest.DocTestParser().get_doctest(text, names, name, name, 0)
    report = io.StringIO()
    with ps.Graph().as_default():
        failed = doctest.DocTestRunner(optionflags=FLAGS).run(test, out=report.write).failed
    assert not failed, report.getvalue()


@pytest.mark.parametrize("name", modules())
def test_docstrings_of(name: str) -> None:
    module = importlib.import_module(name)
    for found in doctest.DocTestFinder(exclude_empty=True).find(module):
        run_doctest(found.docstring or "", found.name, {**vars(module), "ps": ps, "np": np})


@pytest.mark.parametrize("op", all_ops(), ids=lambda op: op.name)
def test_docstring_of_op(op: OpDef) -> None:
    run_doctest(op.doc, op.name, {"ps": ps, "np": np})


@dataclass(frozen=True)
class Block:
    """One fenced block: the word after the fence, its options, its text."""

    language: str
    options: dict[str, str]
    text: str


def blocks(page: Path) -> Iterator[Block]:
    for info, text in FENCE.findall(page.read_text(encoding="utf-8")):
        language, *options = info.split() or [""]
        yield Block(language, dict(option.split("=", 1) for option in options), text)


def check_excerpt(block: Block, page: Path) -> None:
    source = (ROOT / block.options["from"]).read_text(encoding="utf-8").splitlines()
    lines = [line.strip() for line in source]
    at = 0
    for line in block.text.splitlines():
        if not line.strip() or SKIPPED_LINES.fullmatch(line):
            continue
        shown = f"{relative(page)} shows {line.strip()!r}, {block.options['from']} does not (here)"
        assert line.strip() in lines[at:], shown
        at = lines.index(line.strip(), at) + 1


def run_python(block: Block, page: Path, names: dict[str, object]) -> str:
    """Run a block and return what it printed."""
    if block.text.lstrip().startswith(">>>"):
        run_doctest(block.text, relative(page), names)
        return ""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(block.text, relative(page), "exec"), names)
    return printed.getvalue()


def check_compiles(block: Block) -> None:
    command = ["g++", "-std=c++17", "-fsyntax-only", "-Icsrc", "-Ikernels", "-x", "c++", "-"]
    subprocess.run(command, input=block.text, text=True, cwd=ROOT, check=True)


def is_make_target(words: list[str]) -> bool:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    return all(re.search(rf"^{re.escape(target)}:", makefile, re.MULTILINE) for target in words[1:])


def is_runnable(words: list[str]) -> bool:
    return (ROOT / words[0]).stat().st_mode & 0o111 != 0


def names_existing_files(words: list[str]) -> bool:
    paths = [w.partition("::")[0] for w in words[1:] if "/" in w and not w.startswith("-")]
    return all((ROOT / path).exists() for path in paths)


def runs(words: list[str]) -> bool:
    done = subprocess.run([sys.executable, *words[1:]], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return True


def is_elsewhere(_: list[str]) -> bool:
    return True


COMMANDS: tuple[tuple[str, Callable[[list[str]], bool]], ...] = (
    (r"make( \w+)+", is_make_target),
    (r"\.ci/run", is_runnable),
    (r"python3? -m penstock demo.*", is_elsewhere),  # a stage of .ci/run
    (r"python3? -m penstock .*", runs),
    (r"(\S*python3? -m )?pytest.*", names_existing_files),
    (r"python3? \S+\.py.*", names_existing_files),
    (r"(git clone|cd|pip install|source|\. ) ?.*", is_elsewhere),
    (r"tensorboard .*|netron .*", is_elsewhere),
)


def check_commands(block: Block) -> None:
    for line in filter(None, map(str.strip, block.text.splitlines())):
        if line.startswith("$ ") or (block.language == "sh" and not line.startswith("#")):
            check_command(line.removeprefix("$ "))


def check_command(line: str) -> None:
    command = re.sub(r"^([A-Z_]+=\S+ )+", "", line.partition(" #")[0].strip())
    check = next((check for form, check in COMMANDS if re.fullmatch(form, command)), None)
    assert check is not None, f"no row of COMMANDS fits {command!r}"
    assert check(command.split()), command


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_page(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(registry, "_ops", dict(registry._ops))  # pages define ops to show how
    monkeypatch.setattr(kernel_api, "device_types", dict(kernel_api.device_types))
    monkeypatch.setattr(kernel_api, "_transfers", dict(kernel_api._transfers))
    names: dict[str, object] = {"__name__": "__main__"}
    printed = ""
    with ps.Graph().as_default():
        for block in blocks(page):
            if "from" in block.options:
                check_excerpt(block, page)
            elif block.language == "python":
                printed = run_python(block, page, names)
            elif block.language == "output":
                assert printed.split() == block.text.split(), relative(page)
            elif block.language == "cpp":
                check_compiles(block)
            elif block.language in ("sh", "console"):
                check_commands(block)
            else:
                unknown = f"{relative(page)}: how is a {block.language!r} block checked?"
                assert block.language in ("", "text"), unknown


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_links_lead_somewhere(page: Path) -> None:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        if not re.match(r"[a-z]+:", target):
            assert (page.parent / target).exists(), f"{relative(page)} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_paths_and_names_exist(page: Path) -> None:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    form = r"`([\w./-]+/[\w.-]+\.(?:py|pyi|cc|h|cu|proto|md|toml))(?:: (\w+))?`"
    for path, name in re.findall(form, text):
        bases = (ROOT, ROOT / "engine" / "penstock", ROOT / "csrc", page.parent)
        found = next((base / path for base in bases if (base / path).exists()), None)
        assert found, f"{relative(page)} names {path}, which does not exist"
        if name:
            source = found.read_text(encoding="utf-8")
            assert re.search(rf"\b{name}\b", source), f"{path} has no {name}"


@pytest.mark.slow
@pytest.mark.parametrize("lesson", LESSONS, ids=relative)
def test_lesson(lesson: Path, tmp_path: Path) -> None:
    command = [sys.executable, str(lesson)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
