"""Rows of patches under a sliding window."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.cases import PLAIN, case, f32


def patches(x: Any, ksizes: Any, strides: Any, rates: Any, padding: Any) -> Any:
    """Return the elements under the window, in the channels."""
    n, _, _, c = x.shape
    spans, pads, outs = [], [], []
    for d in (1, 2):
        reach = (ksizes[d] - 1) * rates[d] + 1
        if padding == "SAME":
            out = -(-x.shape[d] // strides[d])
            whole = max(0, (out - 1) * strides[d] + reach - x.shape[d])
            pads.append((whole // 2, whole - whole // 2))
        else:
            out = (x.shape[d] - reach) // strides[d] + 1
            pads.append((0, 0))
        outs.append(out)
        spans.append(range(0, reach, rates[d]))
    x = np.pad(x, [(0, 0), *pads, (0, 0)])
    result = np.zeros((n, *outs, len(spans[0]) * len(spans[1]) * c), x.dtype)
    for i in range(outs[0]):
        for j in range(outs[1]):
            rows = [i * strides[1] + r for r in spans[0]]
            columns = [j * strides[2] + r for r in spans[1]]
            result[:, i, j] = x[:, rows][:, :, columns].reshape(n, result.shape[3])
    return result


def window(ksizes: Any, strides: Any, rates: Any, padding: str) -> dict[str, Any]:
    """Return the attributes of a window of [rows, columns]."""
    lists = {"ksizes": ksizes, "strides": strides, "rates": rates}
    return {**{k: [1, *v, 1] for k, v in lists.items()}, "padding": padding}


CASES = [
    case(
        "ExtractImagePatches",
        f32(2, 5, 6, 2),
        numpy=patches,
        attrs=window([2, 3], [2, 1], [1, 2], "VALID"),
        dtypes=PLAIN,
        empty=[(f32(0, 5, 6, 1),), (f32(2, 5, 6, 0),)],
        refuses=[(f32(5, 6, 1),), (f32(1, 1, 6, 1),)],
    ),
    case(
        "ExtractImagePatches",
        f32(1, 5, 4, 3),
        numpy=patches,
        attrs=window([3, 2], [2, 3], [2, 1], "SAME"),
        empty=[(f32(1, 0, 4, 1),)],
        id="same",
    ),
]
