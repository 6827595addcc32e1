"""Kernels on the arrays of an array module: NumPy, CuPy or another with the same functions.

One file a family, named as in `kernels/cpu/` and `ops/`; `families.py` lists them. A device type
that has the table `ARRAY` among its own has all of them. Inputs are never written to; results are
fresh or views.
"""

from __future__ import annotations

from penstock.kernels.array.host import CPU_ONLY
from penstock.kernels.array.table import ARRAY

__all__ = ["ARRAY", "CPU_ONLY"]
