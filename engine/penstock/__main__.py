"""`python -m penstock info` and `python -m penstock demo`."""

from __future__ import annotations

import argparse
import importlib.metadata
import platform

import numpy as np

import penstock
from penstock import _native, options
from penstock.demo import train


def main() -> None:
    """Parse the command line and do what it says."""
    parser = argparse.ArgumentParser(prog="python -m penstock", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("info", help="versions, instruction set, math library, devices, threads")
    demo = commands.add_parser("demo", help="train a convolutional network on real digits")
    demo.add_argument("--epochs", type=int, default=12, help="passes over the training images")
    demo.add_argument("--graph", default="digits.pb", help="where to write the GraphDef")
    arguments = parser.parse_args()
    if arguments.command == "info":
        print_info()
    else:
        train.main(arguments.epochs, arguments.graph)


def print_info() -> None:
    """Print what this installation is made of and what it runs on."""
    cpu = _native.cpu_info()
    session = _native.Session()
    portable = options.current.portable_kernels
    by_library = [
        op
        for op in _native.kernel_ops()
        if any(entry.label != "portable" for entry in _native.kernel_entries(op))
    ]
    rows = {
        "penstock": penstock.__version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "protobuf": importlib.metadata.version("protobuf"),
        "instruction set": f"{cpu['isa']} (PENSTOCK_ISA=avx2 or baseline lowers it)",
        "math library": "none: portable kernels only" if portable else cpu["math_library"],
        "used for": "nothing" if portable else ", ".join(by_library) or "nothing",
        "devices": "/device:CPU:0",
        "processors": cpu["processors"],
        "deterministic": "yes" if options.current.deterministic else "no",
        "memory limit": f"{options.current.memory_limit} bytes"
        if options.current.memory_limit
        else "none",
        "threads": f"{session.intra_op_threads} intra-op, {session.inter_op_threads} inter-op",
        "ops": f"{len(_native.kernel_ops())} with kernels",
    }
    width = max(map(len, rows))
    for name, value in rows.items():
        print(f"{name:{width}}  {value}")


if __name__ == "__main__":
    main()
