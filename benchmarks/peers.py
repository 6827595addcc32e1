"""On what the programs run: penstock and the systems that it is measured against.

A peer is a row: its module, the dialect of its programs, what its processes find in their
environment, and the families that would say nothing about it. Peers that are not installed are
named and left out. `penstock@PATH` is a peer too: the checkout whose package lies in PATH.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Peer:
    """A system under measurement."""

    name: str
    label: str
    module: str
    dialect: str
    distributions: tuple[str, ...]
    about: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    skips: tuple[str, ...] = ()


_QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
_JIT = {"TF_XLA_FLAGS": "--tf_xla_auto_jit=2 --tf_xla_cpu_global_jit=true"}
_TENSORFLOW = ("tensorflow-cpu", "tensorflow")

SUBJECT = "penstock"
PEERS = {
    peer.name: peer
    for peer in (
        Peer(SUBJECT, "penstock", "penstock", "graph", ("penstock",)),
        Peer(
            "tensorflow",
            "TensorFlow",
            "tensorflow.compat.v1",
            "graph",
            _TENSORFLOW,
            "the same graph programs",
            _QUIET,
        ),
        Peer(
            "xla",
            "TensorFlow + XLA",
            "tensorflow.compat.v1",
            "graph",
            _TENSORFLOW,
            "the same with automatic clusters, which it fuses",
            {**_QUIET, **_JIT},
            skips=("dispatch", "building", "start"),
        ),
        Peer(
            "jax",
            "JAX",
            "jax",
            "jax",
            ("jax",),
            "functions under `jit`, which fuses them",
            {"JAX_PLATFORMS": "cpu"},
        ),
        Peer(
            "torch",
            "PyTorch",
            "torch",
            "torch",
            ("torch",),
            "eager, channels last, fused optimizers",
            {"CUDA_VISIBLE_DEVICES": ""},
        ),
    )
}

_PROBE = """
import importlib.metadata, importlib.util, json, sys
module, *names = sys.argv[1:]
found = importlib.util.find_spec(module.partition(".")[0]) is not None
version = ""
for name in names:
    try:
        version = version or importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        pass
if found and not version:
    version = getattr(importlib.import_module(module), "__version__", "")
print(json.dumps([found, version]))
"""


def find(spec: str) -> Peer:
    """Return the peer of a name, or of `name@path`.

    Raises:
        ValueError: there is no such peer, or nothing at the path.
    """
    name, _, path = spec.partition("@")
    if name not in PEERS:
        raise ValueError(f"no peer {name!r}; there are {', '.join(PEERS)}")
    peer = PEERS[name]
    if not path:
        return peer
    folder = Path(path).resolve()
    if not (folder / peer.module).is_dir():
        raise ValueError(f"{folder} holds no package {peer.module}")
    return replace(
        peer,
        name=spec,
        label=spec,
        distributions=(),
        environment={**peer.environment, "PYTHONPATH": str(folder)},
    )


def version(peer: Peer, python: str, environment: Mapping[str, str]) -> str | None:
    """Return the version that an interpreter has of a peer; None where it is not installed."""
    command = [python, "-c", _PROBE, peer.module, *peer.distributions]
    done = subprocess.run(command, capture_output=True, text=True, env=dict(environment), cwd=ROOT)
    found, found_version = json.loads(done.stdout) if done.returncode == 0 else (False, "")
    return (found_version or "of unknown version") if found else None
