"""The benchmarks: every graph program runs, results are compared rightly, the page is current.

Programs run here at the small sizes of the catalogue, in this process and without any peer.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import penstock as ps
from benchmarks import child, harness, report, results, run
from benchmarks.catalogue import FAMILIES, PROGRAMS, choose
from benchmarks.peers import PEERS, SUBJECT, find
from benchmarks.programs import implementations
from benchmarks.starts import source

GRAPH_PROGRAMS = implementations("graph")
BUILT = [name for name in PROGRAMS if not name.startswith("start/")]


@pytest.mark.parametrize("name", BUILT)
def test_a_graph_program_runs(name: str) -> None:
    program = PROGRAMS[name]
    assert set(program.small) == set(program.sizes)
    with ps.Graph().as_default():
        job = GRAPH_PROGRAMS[name](ps, name.partition("/")[2], **program.small)
        found = job.results()
        job.step()
        job.close()
    digests = [child.digest(value) for value in found]
    assert all(np.all(np.isfinite(digest["values"])) for digest in digests)
    assert harness.agree(digests, digests, program.tolerance)


@pytest.mark.parametrize("name", [name for name in PROGRAMS if name not in BUILT])
def test_a_start_runs(name: str) -> None:
    exec(compile(source(name, "graph", "penstock"), name, "exec"), {})


def test_the_catalogue_is_complete() -> None:
    assert set(GRAPH_PROGRAMS) == set(BUILT)
    assert {program.family for program in PROGRAMS.values()} == set(FAMILIES)


@pytest.mark.parametrize("dialect", ["jax", "torch"])
def test_other_dialects_name_their_programs(dialect: str) -> None:
    """Without the peer: each subject stands in the sources of the dialect."""
    folder = run.ROOT / "benchmarks" / f"{dialect}_programs"
    text = "".join(path.read_text(encoding="utf-8") for path in folder.glob("*.py"))
    for program in PROGRAMS.values():
        subject = program.name.partition("/")[2].removeprefix("forward_").removeprefix("backward_")
        if dialect in program.dialects and program.family not in ("start", "convolutions"):
            assert f'{subject}"' in text, f"{program.name} is not written in {dialect}"


def test_a_child_measures() -> None:
    settings = harness.Settings(rounds=2, seconds=0.01, pythons={"": run.sys.executable})
    program = PROGRAMS["dispatch/call_scalar"]
    with harness.Team([PEERS[SUBJECT]], settings) as team:
        figures, faults = team.measure(program, [PEERS[SUBJECT]])
    assert not faults
    assert len(figures[SUBJECT].rounds) == 2 and figures[SUBJECT].median > 0


def test_a_peer_that_fails_is_named() -> None:
    settings = harness.Settings(rounds=1, seconds=0.01, pythons={"": run.sys.executable})
    absent = harness.Peer("absent", "Absent", "not_installed", "graph", ())
    with harness.Team([absent], settings) as team:
        figures, faults = team.measure(PROGRAMS["dispatch/call_scalar"], [absent])
    assert not figures and "not_installed" in faults["absent"]


def test_results_that_differ_are_seen() -> None:
    one, other = child.digest([1.0, 2.0]), child.digest([1.0, 2.1])
    assert harness.agree([one], [other], 0.1)
    assert not harness.agree([one], [other], 0.01)
    assert not harness.agree([one], [child.digest([[1.0, 2.0]])], 0.1)
    assert not harness.agree([one], [child.digest([1.0, np.nan])], 0.1)


def test_a_ratio_compares_rounds() -> None:
    slow = results.figure([[2.0, 2.0], [8.0, 8.0]], None, True)
    fast = results.figure([[1.0, 1.0], [2.0, 2.0]], None, True)
    ratio = results.ratio(fast, slow)
    assert (ratio.median, ratio.least, ratio.greatest) == (3.0, 2.0, 4.0)


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ValueError, match="no program begins with 'product/'"):
        choose(["product/"])
    with pytest.raises(ValueError, match="no peer 'theano'; there are penstock, tensorflow"):
        find("theano")
    with pytest.raises(ValueError, match="holds no package penstock"):
        find("penstock@benchmarks")


def test_the_page_hides_nothing() -> None:
    """Slower, failed and differing rows all show."""

    def figure(seconds: float, memory: int | None = None, agrees: bool = True) -> results.Figure:
        return results.figure([[seconds, seconds]], memory, agrees)

    made = results.Run(
        machine="a machine",
        day="2020-02-02",
        settings={"rounds": 1, "seconds": 1, "threads": 1},
        versions={"penstock": "1", "jax": "2", "torch": "3"},
        figures={
            "training/mlp": {"penstock": figure(2.0, 3 << 20), "jax": figure(1.0, 6 << 20)},
            "layout/pad": {"penstock": figure(1e-3), "jax": figure(5e-3, None, False)},
        },
        faults={"training/mlp": {"torch": "MemoryError: none"}},
    )
    page = report.page(made)
    assert "**JAX** is faster in 1 of 1 programs" in page
    assert "- training/mlp, 0.50x (0.50 to 0.50): perceptron" in page
    assert "| 2.00 s ±0% | 1.00 s, **0.50x** | failed |" in page
    assert "| 1.00 ms ±0% | 5.00 ms, ≠ |" in page
    assert "| mlp | 3 | 6, 0.50 |" in page
    assert "- training/mlp, PyTorch: `MemoryError: none`" in page
    assert "- layout/pad, JAX: its results differ (≠)" in page
    assert ">training</text>" in report.drawing(made)


def test_a_factor_below_one_never_reads_one() -> None:
    assert [report.times(x) for x in (0.999, 1.0, 12.34, 123.4)] == ["0.99", "1.00", "12.3", "123"]
    assert [report.duration(x) for x in (1.5, 2e-3, 3e-7)] == ["1.50 s", "2.00 ms", "300 ns"]


def test_figures_are_kept(tmp_path: Path) -> None:
    kept = results.load(run.FIGURES)
    results.save(kept, tmp_path / "again.json")
    assert (tmp_path / "again.json").read_text() == run.FIGURES.read_text()
    assert run.FIGURES.stat().st_size < 100_000


def test_the_page_is_current() -> None:
    kept = results.load(run.FIGURES)
    again = "run: python -m benchmarks --report"
    assert run.PAGE.read_text(encoding="utf-8") == report.page(kept), again
    assert run.DRAWING.read_text(encoding="utf-8") == report.drawing(kept), again
