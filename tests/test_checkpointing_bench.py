"""The checkpointing bench: its networks run, ways of keeping less agree, its page is current.

Networks run here at their small sizes, in this process and without any other framework.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import penstock as ps
from benchmarks.checkpointing import bars, depth, figures, page, plots, run
from benchmarks.checkpointing.catalogue import NETWORKS
from benchmarks.checkpointing.side_graph import Side


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_trains_alike_with_less(name: str) -> None:
    network = NETWORKS[name]
    with ps.Graph().as_default():
        side = Side(ps, network.written(small=True))
        facts = {way: side.add(way) for way in ("plain", "1.00", "sqrt_n_per_segment")}
        digests = [[a.tobytes() for a in side.digest(way)] for way in facts]
        counted = side.own_memory("plain")["allocator"]
        side.close()
    assert facts["1.00"]["clones"] == 0 and facts["1.00"]["planned"] == facts["plain"]["planned"]
    assert facts["sqrt_n_per_segment"]["clones"] > 0
    assert counted > 0
    if not network.draws:
        assert digests[0] == digests[1] == digests[2]


def test_deeper_in_the_same_memory() -> None:
    shallow, deep = depth.rows(rounds=1, quick=True)
    assert deep["blocks"] == 2 * shallow["blocks"]
    assert deep["allocator"] <= shallow["allocator"] < deep["plain_allocator"]


def test_the_bars_of_the_chain_are_met() -> None:
    found = list(bars.all_bars(quick=True))
    assert len(found) == 5 and all(bar.met for bar in found)


def made_up() -> figures.Run:
    plain = figures.Way([1.0, 1.1], 1.0, 900, 800, 1000, 0.0, 0.0, 2.0, 0, 0.1, "plain", True)
    half = figures.Way([1.2, 1.3], 1.19, 450, 400, 500, 0.5, 0.6, None, 9, 0.2, "chain", True)
    refused = figures.Way(fault="infeasible: the smallest plan found needs 90 bytes")
    other = figures.Way([2.0, 2.2], 1.0, rss=2000)
    ways = {"plain": plain, "0.50": half, "0.10": refused}
    bar = figures.Bar("B0", "little", "more", "much", False, "why")
    sides = {"penstock": ways, "torch": {"plain": other}}
    return figures.Run(
        "a machine",
        "2020-02-02",
        {"threads": 1, "rounds": 2, "seconds": 0.1},
        {"penstock": "1"},
        {"unet": sides},
        [bar],
        [{"blocks": 2, "times": 1, "planned": 9, "allocator": 9, "r": 0.0}],
    )


def test_the_page_hides_nothing() -> None:
    text = page.page(made_up())
    assert "| B0 | little | more | much | **no** | why |" in text
    assert "| budget 0.50 | 0.0 | 0.0 | 0.0 | 0.500 | 0.500 | 0.600 | 1.20x | 1.19x |" in text
    assert "- penstock, 0.10: infeasible: the smallest plan found needs 90 bytes" in text
    picture = plots.draw("U", made_up().networks["unet"])
    assert ">0.50</text>" in picture and ">PyTorch</text>" in picture


def test_figures_are_kept(tmp_path: Path) -> None:
    figures.save(made_up(), tmp_path / "one.json")
    assert figures.load(tmp_path / "one.json") == made_up()


def test_unknown_networks_are_refused() -> None:
    with pytest.raises(ValueError, match="no network begins with"):
        run.chosen(["vgg"])


@pytest.mark.skipif(not run.FIGURES.exists(), reason="nothing is published yet")
def test_the_page_is_current() -> None:
    kept = figures.load(run.FIGURES)
    again = "run: python -m benchmarks.checkpointing --report"
    assert run.PAGE.read_text(encoding="utf-8") == page.page(kept), again
    for name, picture in page.pictures(kept).items():
        assert (run.PICTURES / name).read_text(encoding="utf-8") == picture, again
