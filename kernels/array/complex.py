"""Complex numbers and their parts."""

from __future__ import annotations

from typing import Any

import numpy as np

from penstock.kernel_api import Array
from penstock.kernels.array.table import COMPLEX, FLOAT2, elementwise


def _complex(xp: Any, real: Array, imag: Array) -> Array:
    kind = np.complex64 if real.dtype == np.float32 else np.complex128
    result = xp.zeros(np.broadcast_shapes(real.shape, imag.shape), dtype=kind)
    result.real = real
    result.imag = imag
    return result


elementwise({"Complex": _complex}, T=FLOAT2, Tout=COMPLEX)
elementwise(
    {
        "Angle": lambda xp, x: xp.angle(x),
        "ComplexAbs": lambda xp, x: xp.abs(x),
        "Imag": lambda xp, x: xp.imag(x),
        "Real": lambda xp, x: xp.real(x),
    },
    T=COMPLEX,
    Tout=FLOAT2,
)
elementwise({"Conj": lambda xp, x: xp.conj(x)}, T=COMPLEX)
