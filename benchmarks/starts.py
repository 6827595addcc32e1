"""Programs that are new processes: importing a peer, and the first result of all."""

from __future__ import annotations

_GRAPH = """
import {module} as tf
if hasattr(tf, "disable_v2_behavior"):
    tf.disable_v2_behavior()
x = tf.placeholder(tf.float32, [])
assert tf.Session().run(x + 1.0, {{x: 2.0}}) == 3.0
"""
_JAX = """
import {module}
assert {module}.jit(lambda x: x + 1.0)(2.0) == 3.0
"""
_TORCH = """
import {module}
assert {module}.tensor(2.0) + 1.0 == 3.0
"""

_SOURCES = {
    "start/import": {
        "graph": "import {module}",
        "jax": "import {module}",
        "torch": "import {module}",
    },
    "start/hello": {"graph": _GRAPH, "jax": _JAX, "torch": _TORCH},
}


def source(name: str, dialect: str, module: str) -> str:
    """Return the Python code of a program that a new process runs."""
    return _SOURCES[name][dialect].format(module=module)
