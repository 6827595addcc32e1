"""What kernels do with memory, asked of the kernels themselves.

Enters: a node with the sizes of its inputs. Leaves: the bytes that its kernel takes besides its
outputs, and which inputs it writes its outputs over. The node is run by itself, on zeros, in a
session of its own with as many threads, and the allocator tells; so the answer holds for the
kernel that will run, whatever library it comes from. Where each thread of a loop takes memory, one
thread is asked, and the answer multiplied: how many take part in a trial is chance. Each question
is asked once a process. A node whose kernel has an effect, or does not like zeros, is not asked.
"""

from __future__ import annotations

import threading
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from penstock import _native, errors, options
from penstock.dtypes import DType
from penstock.graph.devices import HOST
from penstock.graph.ir import IR, Endpoint, Node
from penstock.memory.arena_plan import LEAST_BYTES, plan_arena
from penstock.memory.kernel_memory import KernelMemory, allocated
from penstock.remat.purity import purity
from penstock.runtime import native
from penstock.shapes import TensorShape
from penstock.simulate import Sizes

_SMALL_CONSTANT = 1024

_SCRATCH_OF_THREADS = frozenset(
    {
        "BatchMatMul",
        "BatchMatMulV2",
        "BatchMatMulV3",
        "Conv2D",
        "Conv2DBackpropFilter",
        "Conv2DBackpropInput",
        "MatMul",
    }
)
"""Kernels in which each thread that takes part has memory of its own."""

_answers: dict[Hashable, KernelMemory | None] = {}
_sessions: dict[Hashable, _native.Session] = {}
_lock = threading.Lock()


class KernelQuestions:
    """Asks kernels as they run with so many threads."""

    def __init__(self, threads: int) -> None:
        """Nothing is asked before the first call."""
        current = options.current
        self._kind = (threads, current.deterministic, current.portable_kernels)
        self._planned = current.memory_plan != "off"

    def __call__(self, node: Node, ir: IR, sizes: Sizes) -> KernelMemory | None:
        """Return the answer, or None for a node that cannot be asked."""
        if purity(node) != "pure" or not node.dtypes or not _plain(node, ir):
            return None
        key = (self._kind, self._planned, *_signature(node, ir, sizes))
        with _lock:
            if key not in _answers:
                _answers[key] = self._ask(node, ir, sizes)
            return _answers[key]

    def _ask(self, node: Node, ir: IR, sizes: Sizes) -> KernelMemory | None:
        threads = self._kind[0]
        before = _native.loops_shared()
        planned = self._planned
        answer = _Trial(node, ir, sizes, self._session(threads), planned).answer()
        shared = _native.loops_shared() > before
        if answer is None or not shared or node.op not in _SCRATCH_OF_THREADS:
            return answer
        alone = _Trial(node, ir, sizes, self._session(1), planned).answer()
        if alone is None:
            return answer
        return answer._replace(
            scratch=max(answer.scratch, threads * alone.scratch),
            before=max(answer.before, threads * alone.before),
        )

    def _session(self, threads: int) -> _native.Session:
        kind = (threads, *self._kind[1:])
        if kind not in _sessions:
            _sessions[kind] = _native.Session(
                intra_op_threads=threads,
                inter_op_threads=1,
                deterministic=self._kind[1],
            )
        return _sessions[kind]


def _plain(node: Node, ir: IR) -> bool:
    """Tell whether all values of the node are numbers."""
    dtypes = [*node.dtypes, *(ir[name].dtypes[i] for name, i in node.inputs)]
    return all(dtype.base_dtype.name not in ("resource", "string", "variant") for dtype in dtypes)


def _signature(node: Node, ir: IR, sizes: Sizes) -> tuple[Hashable, ...]:
    attrs = [(k, repr(v)) for k, v in sorted(node.attrs.items()) if not k.startswith("_")]
    inputs: list[Hashable] = []
    for name, i in node.inputs:
        of = ir[name]
        value = of.attrs["value"] if of.op == "Const" else None
        told = b""
        if value is not None and value.nbytes <= _SMALL_CONSTANT:
            told = value.tobytes()
        inputs.append((of.dtypes[i], sizes.dims((name, i)), told))
    return node.op, tuple(attrs), tuple(inputs)


class _Trial:
    """One node between feeds and fetches."""

    def __init__(
        self, node: Node, ir: IR, sizes: Sizes, session: _native.Session, planned: bool
    ) -> None:
        kept = {k: v for k, v in node.attrs.items() if not k.startswith("_")}
        self._node = node._replace(controls=(), attrs=kept, device="", source=None)
        self._ir, self._sizes, self._session, self._planned = ir, sizes, session, planned
        self._fed = [i for i, (name, _) in enumerate(node.inputs) if ir[name].op != "Const"]

    def answer(self) -> KernelMemory | None:
        try:
            outputs, peak = self._run(None)
            made = [allocated(value.nbytes) for value in outputs]
            pairs = []
            for i in self._fed:
                fitting = [o for o in range(len(outputs)) if self._fits(i, outputs[o])]
                if fitting and self._takes_over(i, peak):
                    pairs.append((fitting[0], i))
            scratch = max(0, peak - sum(made))
            before = self._beside(outputs) if self._planned else 0
            return KernelMemory(scratch, tuple(pairs), max(0, before - scratch))
        except (errors.OpError, ValueError, TypeError, MemoryError):
            return None

    def _fits(self, i: int, output: np.ndarray[Any, Any]) -> bool:
        given = self._sizes.dims(self._node.inputs[i])
        name, index = self._node.inputs[i]
        same = self._ir[name].dtypes[index].size == output.itemsize
        return same and output.size > 0 and int(np.prod(given)) == output.size

    def _takes_over(self, i: int, peak: int) -> bool:
        """Tell whether an input that dies with the node makes the run need less than one more."""
        _, with_dying = self._run(i)
        return with_dying < peak + allocated(self._sizes.bytes(self._node.inputs[i]))

    def _beside(self, outputs: Sequence[np.ndarray[Any, Any]]) -> int:
        """Return the peak without the outputs, which are in places of a block."""
        shapes = tuple([value.shape for value in outputs])
        nodes, feeds = self._nodes(None, False)
        nodes["asked"] = nodes["asked"]._replace(shapes=shapes)
        ir = IR(nodes, ("asked",))
        arena = plan_arena(ir)
        if arena is None:
            return 0
        program = native.load({HOST: ir}, self._session, arenas={HOST: arena})
        _, ((_, before, _, peak, *_), *_), _ = program.run_with_stats(feeds)
        small = sum(allocated(v.nbytes) for v in outputs if v.nbytes < LEAST_BYTES)
        return peak - before - arena.pages - small

    def _run(self, dying: int | None) -> tuple[Sequence[np.ndarray[Any, Any]], int]:
        """Run the node; return its outputs and the peak.

        Input `dying` is made in the run and dies with the node. All others are fetched, too: a
        copy of a feed would else be taken over.
        """
        nodes, feeds = self._nodes(dying, True)
        program = native.load({HOST: IR(nodes, ())}, self._session)
        fetched, ((_, before, _, peak, *_), *_), _ = program.run_with_stats(feeds)
        return fetched[: len(self._node.dtypes)], peak - before

    def _nodes(
        self, dying: int | None, fetched: bool
    ) -> tuple[dict[str, Node], list[np.ndarray[Any, Any]]]:
        """Return the node `asked` with what it reads, and the feeds."""
        nodes: dict[str, Node] = {}
        feeds: list[np.ndarray[Any, Any]] = []
        sources: list[Endpoint] = []
        held: list[tuple[Endpoint, DType]] = []
        for i, (name, index) in enumerate(self._node.inputs):
            of, here = self._ir[name], f"input{i}"
            sources.append((here, 0))
            if i not in self._fed:
                nodes[here] = of._replace(name=here, controls=(), device="")
                continue
            dims, dtype = self._sizes.dims((name, index)), of.dtypes[index].base_dtype
            nodes[here] = _arg(here, len(feeds), dtype, dims)
            feeds.append(np.zeros(dims, dtype.as_numpy_dtype))
            held.append((sources[-1], dtype))
            if i == dying:
                fresh = _node("dying", "ZerosLike", (sources[-1],), {"T": dtype})
                nodes["dying"] = fresh._replace(dtypes=(dtype,), shapes=(dims,))
                sources[-1] = ("dying", 0)
        nodes["asked"] = self._node._replace(name="asked", inputs=tuple(sources))
        asked = [(("asked", o), dtype.base_dtype) for o, dtype in enumerate(self._node.dtypes)]
        for k, (endpoint, dtype) in enumerate((asked if fetched else []) + held):
            attrs = {"index": k, "T": dtype}
            nodes[f"fetch{k}"] = _node(f"fetch{k}", "_Retval", (endpoint,), attrs)
        return nodes, feeds


def _node(name: str, op: str, inputs: tuple[Endpoint, ...], attrs: dict[str, Any]) -> Node:
    return Node(name, op, inputs, (), attrs, "", (), ())


def _arg(name: str, index: int, dtype: DType, dims: tuple[int, ...]) -> Node:
    shape = TensorShape(dims)
    attrs = {"index": index, "T": dtype, "shape": shape, "_fed": f"{name}:0".encode()}
    return _node(name, "_Arg", (), attrs)._replace(dtypes=(dtype,), shapes=(dims,))
