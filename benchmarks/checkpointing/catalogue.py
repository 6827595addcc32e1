"""Which networks the bench runs, at which sizes, and which ways of keeping less on each of them.

`small` sizes are those of the tests and of `--quick`. The budgets of a network are those that the
bars name, and some between.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.checkpointing import written
from benchmarks.checkpointing.written import Written

NAMED = ("plain", "1.00", "speed", "memory", "sqrt_n_per_segment")
OTHERS = ("plain", "each_block", "sqrt_n_segments")


@dataclass(frozen=True)
class Network:
    """A row of the bench."""

    name: str
    label: str
    make: Callable[..., Written]
    sizes: Mapping[str, Any]
    small: Mapping[str, Any]
    budgets: tuple[str, ...]
    named: tuple[str, ...] = NAMED
    dialects: tuple[str, ...] = ("graph", "torch", "jax")
    draws: bool = False

    @property
    def ways(self) -> tuple[str, ...]:
        """What penstock runs."""
        return self.named + self.budgets

    def written(self, small: bool) -> Written:
        """Return the program."""
        return self.make(**(self.small if small else self.sizes))


_PARTS = ("0.75", "0.50", "0.35", "0.25")
_IMAGES = {"batch": 8, "side": 96, "width": 16}
_SMALL_IMAGES = {"stages": (1, 1, 1, 1), "batch": 2, "side": 32, "width": 4}

NETWORKS = {
    network.name: network
    for network in (
        Network(
            "tanh_chain",
            "tanh, 100 times",
            written.tanh_chain,
            {"length": 100, "rows": 256, "columns": 1024},
            {"length": 12, "rows": 32, "columns": 64},
            ("0.50", "0.25", "0.16", "0.10"),
        ),
        Network(
            "residual_chain",
            "residual chain, 100 blocks",
            written.residual_chain,
            {"blocks": 100, "rows": 128, "columns": 1024},
            {"blocks": 8, "rows": 32, "columns": 64},
            ("0.50", "0.25", "0.10", "0.07"),
        ),
        Network(
            "resnet50",
            "ResNet-50",
            written.resnet,
            {"stages": (3, 4, 6, 3), **_IMAGES},
            _SMALL_IMAGES,
            _PARTS,
        ),
        Network(
            "resnet101",
            "ResNet-101",
            written.resnet,
            {"stages": (3, 4, 23, 3), **_IMAGES},
            _SMALL_IMAGES,
            _PARTS,
            dialects=("graph", "torch"),
        ),
        Network(
            "resnet152",
            "ResNet-152",
            written.resnet,
            {"stages": (3, 8, 36, 3), **_IMAGES},
            _SMALL_IMAGES,
            _PARTS,
            dialects=("graph", "torch"),
        ),
        Network(
            "unet",
            "U-Net of depth 5",
            written.unet,
            {"depth": 5, "batch": 2, "side": 128, "width": 16},
            {"depth": 3, "batch": 1, "side": 16, "width": 4},
            ("0.85", "0.70", "0.60", "0.50", "0.40"),
        ),
        Network(
            "transformer",
            "Transformer of 24 layers",
            written.transformer,
            {"layers": 24, "batch": 1, "length": 256, "width": 128, "heads": 4},
            {"layers": 3, "batch": 1, "length": 16, "width": 16, "heads": 2},
            ("0.50", "0.25", "0.117", "0.10"),
            draws=True,
        ),
        Network(
            "lstm",
            "LSTM of 1000 steps",
            written.lstm,
            {"steps": 1000, "batch": 64, "width": 32},
            {"steps": 20, "batch": 4, "width": 8},
            ("0.25", "0.10", "0.05"),
            named=("plain", "memory"),
            dialects=("graph", "torch"),
        ),
    )
}
