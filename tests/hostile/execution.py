"""Builds a drawn program, runs it, and says whether what came out may come out.

Allowed are results whose dtypes and shapes the graph promised, and errors of a class of `errors`
other than the two that stand for bugs, naming the node; after an error the session must still work.
Memory is limited, and a program that takes longer than `SECONDS` ends the process with a traceback.
"""

from __future__ import annotations

import faulthandler
import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

import penstock as ps
from penstock import _native, errors
from penstock.graph import codec
from tests.hostile.programs import Input, Known, Program

MEMORY = 3 << 30  # an allocation beyond it fails, as it would on a small machine
TENSORS = 1 << 28  # the limit of a session's own memory
SANITIZED = "LD_PRELOAD" in os.environ  # sanitizers reserve more addresses than MEMORY
SECONDS = 20.0
_registered: list[bool] = []


def limit_memory() -> None:
    """Let enormous allocations of this process fail."""
    if not SANITIZED:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


@contextmanager
def time_limit() -> Iterator[None]:
    """End the process, with a traceback, when this takes longer than `SECONDS`."""
    if not _registered:
        # The signal's default, which ends the process, follows the traceback.
        faulthandler.register(signal.SIGALRM, chain=True)
        _registered.append(True)
    signal.setitimer(signal.ITIMER_REAL, SECONDS * (5 if SANITIZED else 1))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def limited_session(graph: ps.Graph, threads: int = 1) -> ps.Session:
    """Return a session with a limit on the memory of tensors."""
    session = ps.Session(graph=graph)
    session._native = _native.Session(
        intra_op_threads=threads, inter_op_threads=1, memory_limit=TENSORS
    )
    return session


def check(error: errors.OpError, node: str = "") -> None:
    """Raise `AssertionError` unless an error is one that a user may get."""
    bug = isinstance(error, errors.InternalError | errors.UnknownError)
    assert not bug, f"{type(error).__name__}: {error}"
    assert not node or f'"{node}' in str(error), f"the node is not named: {error!r}"


def execute(program: Program) -> bool:
    """Build and run a program; return whether it gave a result."""
    with time_limit(), ps.Graph().as_default() as graph, np.errstate(all="ignore"):
        _native.set_portable_only(program.portable)
        try:
            feeds, initializers = _build_inputs(program)
            fetches = _import_node(program, graph) if program.imported else _build_node(program)
        except errors.OpError as error:
            check(error, "node")
            return False
        finally:
            _native.set_portable_only(False)
        return _run(program, fetches, feeds, initializers)


def _build_inputs(program: Program) -> tuple[dict[str, Any], list[str]]:
    """Add what the node reads, named x0, x1, ...; return feeds, and what initialises variables."""
    feeds: dict[str, Any] = {}
    initializers: list[str] = []
    for i, item in enumerate(program.flat_inputs):
        dtype = ps.as_dtype(item.value.dtype)
        shape = _static_shape(item)
        if item.variable:
            _build_variable(item, dtype, shape, f"x{i}", initializers)
        elif item.known is Known.VALUE:
            ps.constant(item.value, dtype, name=f"x{i}")
        else:
            ps.placeholder(dtype, shape, name=f"x{i}")
            feeds[f"x{i}:0"] = item.value
    return feeds, initializers


def _build_variable(item: Input, dtype: Any, shape: Any, name: str, made: list[str]) -> None:
    raw = ps.raw_ops
    if item.variable == "VarHandleOp":
        handle = raw.VarHandleOp(dtype=dtype, shape=shape, shared_name=name, name=name)
        raw.AssignVariableOp(handle, item.value, name=f"{name}_init")
    else:
        handle = raw.VariableV2(dtype=dtype, shape=item.value.shape, shared_name=name, name=name)
        raw.Assign(handle, item.value, name=f"{name}_init")
    if item.initialized:
        made.append(f"{name}_init")


def _static_shape(item: Input) -> Any:
    if item.known is Known.NOTHING:
        return None
    return [None] * item.value.ndim if item.known is Known.RANK else item.value.shape


def _build_node(program: Program) -> list[Any]:
    graph = ps.get_default_graph()
    tensors = iter([graph.get_tensor_by_name(f"x{i}:0") for i in range(len(program.flat_inputs))])
    arguments = [
        [next(tensors) for _ in item] if isinstance(item, list) else next(tensors)
        for item in program.inputs
    ]
    try:
        getattr(ps.raw_ops, program.op.name)(*arguments, **program.attrs, name="node")
    except errors.OpError:
        raise
    operation = graph.get_operation_by_name("node")
    return list(operation.outputs) or [operation]


def _import_node(program: Program, graph: ps.Graph) -> list[Any]:
    """Add the node to the graph's own GraphDef, and import that into another graph."""
    message = graph.as_graph_def()
    node = message.node.add(name="node", op=program.op.name)
    node.input.extend([f"x{i}" for i in range(len(program.flat_inputs))])
    for key, value in program.attrs.items():
        try:
            codec.encode_attr(value, node.attr[key])
        except (TypeError, ValueError, OverflowError):
            del node.attr[key]  # what the wire cannot say is missing on it
    with ps.Graph().as_default() as imported:
        ps.import_graph_def(message.SerializeToString(), name="")
    operation = imported.get_operation_by_name("node")
    return list(operation.outputs) or [operation]


def _run(program: Program, fetches: list[Any], feeds: Any, initializers: list[str]) -> bool:
    graph = fetches[0].graph
    with limited_session(graph, program.threads) as session:
        try:
            session.run(initializers)
            values = session.run(fetches, {k: v for k, v in feeds.items() if _reads(graph, k)})
        except errors.OpError as error:
            check(error, "node")
            assert session.run([]) == []
            return False
    for tensor, value in zip(fetches, values, strict=True):
        if isinstance(tensor, ps.Tensor) and tensor.dtype.base_dtype is not ps.resource:
            text = tensor.dtype.base_dtype is ps.string
            assert text or value.dtype == tensor.dtype.numpy_dtype, tensor
            assert tensor.shape.is_compatible_with(np.shape(value)), (tensor, np.shape(value))
    return True


def _reads(graph: ps.Graph, name: str) -> bool:
    return name.partition(":")[0] in graph._operations
