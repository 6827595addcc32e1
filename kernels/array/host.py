"""Ops that run on the host wherever they are placed, and those that only the CPU has.

The first let a program assert and print under `device(...)`; everything they read is brought to
host memory. `CPU_ONLY` says of all other ops without a kernel here why that is so: strict placement
on another device refuses them, soft placement moves them. docs/ops.md lists them.
"""

from __future__ import annotations

from penstock.kernels.array.table import ARRAY

ARRAY.native("Assert", "Print", "PrintV2", "StringFormat", "Timestamp")

_SAMPLES = "draws one number after the other, each depending on those before"
_SUMMARY = "writes a message for the log, on the host"

CPU_ONLY: dict[str, str] = {
    "ComputeAccidentalHits": "looks numbers up in a table; its output's size depends on them",
    "HistogramSummary": _SUMMARY,
    "ImageSummary": _SUMMARY,
    "ListDiff": "looks numbers up in a table; its output's size depends on them",
    "LogUniformCandidateSampler": _SAMPLES,
    "MergeSummary": _SUMMARY,
    "ScalarSummary": _SUMMARY,
    "TensorSummaryV2": _SUMMARY,
    "UniformCandidateSampler": _SAMPLES,
}
"""Op → why only the CPU has it."""
