"""Session: runs parts of a graph, again and again.

The hot path is one dictionary look-up: a (fetches, feed keys) pair leads to a `_Call`, which
holds the native program and how to nest its results. Everything else (flattening, planning,
loading) happens once per pair. Variables live in the native session and die with it.
Any number of threads may call `run` at once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from penstock import _native, errors, options, protos
from penstock.exports import export
from penstock.graph import codec, scopes
from penstock.graph.devices import DeviceAttributes
from penstock.graph.graph import Graph, get_default_graph
from penstock.graph.tensor import Tensor
from penstock.passes.context import Placing, PlanLog
from penstock.passes.placement.relatives import relatives
from penstock.runtime import callables, native, session_costs, session_memory, tracing
from penstock.runtime.devices import device_counts, open_devices
from penstock.runtime.explanation import PlanExplanation
from penstock.runtime.fetches import (
    Fetches,
    fed_shapes,
    feed_tensors,
    flatten_feeds,
    structure_key,
)
from penstock.runtime.kernels import Catalogue
from penstock.runtime.placement_explanation import PlacementExplanation
from penstock.runtime.plan import BoundedCache, Plan, Target, make_plan
from penstock.runtime.stepper import Stepper


class _Call:
    """One way of calling `run`: its program, the order of its feeds, the form of its result."""

    __slots__ = ("arrange", "build", "plan", "run", "version")

    def __init__(self, plan: Plan, fetches: Fetches, arrange: Callable[[Any], Any] | None) -> None:
        self.plan = plan
        self.run = plan.program.run
        self.version = plan.version
        self.arrange = arrange
        self.build = None if fetches.is_list_of_all else fetches.build


@export("Session")
class Session:
    """Runs operations and computes tensors of a graph.

    `graph` defaults to the default graph at this moment; `config` is a `ConfigProto`, of
    which thread counts and the time-out are used; `penstock.options` holds what concerns the
    process: a memory limit, determinism, the choice of kernels. `target` must be empty:
    there is only this process. As a context manager it becomes the default session (and its
    graph the default graph), and is closed at the end.

    >>> with ps.Session() as sess:
    ...     sess.run([ps.constant(1) + 2, {"x": ps.constant(4.0)}])
    [np.int32(3), {'x': np.float32(4.0)}]
    """

    def __init__(self, target: str = "", graph: Graph | None = None, config: Any = None) -> None:
        """Open a session; raises `UnimplementedError` for a target, `TypeError` for bad types."""
        if target:
            raise errors.UnimplementedError(
                None, None, f"session target {target!r}: only the local process ('') is served"
            )
        if graph is not None and not isinstance(graph, Graph):
            raise TypeError(f"graph must be a Graph, not {type(graph).__name__}")
        if config is not None and not isinstance(config, protos.ConfigProto):
            raise TypeError(f"config must be a ConfigProto, not {type(config).__name__}")
        self._graph = get_default_graph() if graph is None else graph
        self._config = config
        self._native = _native.Session(
            intra_op_threads=max(0, config.intra_op_parallelism_threads) if config else 0,
            inter_op_threads=config.inter_op_parallelism_threads if config else 0,
            deterministic=options.current.deterministic,
            memory_limit=options.current.memory_limit,
            cpus=device_counts(config)["CPU"],
        )
        self._devices = open_devices(config, self._native)
        self._limits = {d.name: d.memory_limit_bytes for d in self._devices.attributes}
        kernels = Catalogue()
        placing = Placing(
            devices=self._devices.attributes,
            kernels=kernels,
            soft=bool(config and config.allow_soft_placement),
            log=bool(config and config.log_device_placement),
            compress=bool(config and config.graph_options.enable_bfloat16_sendrecv),
            relatives=lambda ir: relatives(self._graph, ir),
            residents={},
        )
        self._target = Target(self._native, self._devices.python, placing, kernels)
        self._timeout_ms = config.operation_timeout_in_ms if config else 0
        self._calls: dict[Any, _Call] = {}
        self._plans: BoundedCache[Plan] = BoundedCache(options.current.plans)
        self._lock = threading.RLock()
        self._closed = False
        self._contexts: list[Any] = []

    @property
    def graph(self) -> Graph:
        """The graph this session runs."""
        return self._graph

    @property
    def graph_def(self) -> Any:
        """The graph as a GraphDef."""
        return self._graph.as_graph_def()

    @property
    def sess_str(self) -> str:
        """The target: empty."""
        return ""

    # ---- running

    def run(
        self,
        fetches: Any,
        feed_dict: Mapping[Any, Any] | None = None,
        options: Any = None,
        run_metadata: Any = None,
    ) -> Any:
        """Compute `fetches` given `feed_dict` and return the values in the same nesting.

        Operations give None. Values are NumPy arrays (scalars for shape []). `options` is a
        `RunOptions`, of which `timeout_in_ms`, `output_partition_graphs` and `trace_level` are
        used: what they ask for comes back in `run_metadata`, a `RunMetadata`, of a run that fails
        too (docs/tracing.md).
        Raises an `errors.OpError` that names the failing node and the line that built it;
        `RuntimeError` when the session is closed.
        """
        if options is not None or run_metadata is not None:
            return self._run_with_options(fetches, feed_dict, options, run_metadata)
        kind = type(fetches)
        key: Any = tuple(fetches) if kind is list else fetches
        if kind is tuple:
            key = structure_key(fetches)
        if feed_dict:
            key = (key, tuple(feed_dict))
        try:
            call = self._calls.get(key)
        except TypeError:
            key = (structure_key(fetches), tuple(feed_dict or ()))
            call = self._calls.get(key)
        if call is None or call.version != self._graph._rewrites:
            call = self._find_call(fetches, feed_dict, key)
            if feed_dict:
                feed_dict = flatten_feeds(feed_dict)
        if not feed_dict:
            values: Any = ()
        else:
            values = list(feed_dict.values())
            if call.arrange is not None:
                values = call.arrange(values)
        try:
            results = call.run(values, self._timeout_ms)
        except errors.OpError as e:
            raise self._explained(e, call.plan) from None
        return results if call.build is None else call.build(results)

    def _run_with_options(
        self, fetches: Any, feed_dict: Mapping[Any, Any] | None, run_options: Any, metadata: Any
    ) -> Any:
        call, values = self._call_and_values(fetches, feed_dict)
        return self._run_call(call, values, run_options, metadata)

    def _call_and_values(
        self, fetches: Any, feed_dict: Mapping[Any, Any] | None
    ) -> tuple[_Call, Any]:
        """Return the call, and the fed values in the order of its plan."""
        flat = flatten_feeds(feed_dict or {})
        call = self._find_call(fetches, flat)
        values = list(flat.values())
        return call, values if call.arrange is None else call.arrange(values)

    def _run_call(self, call: _Call, values: Any, run_options: Any, metadata: Any) -> Any:
        timeout = self._timeout_ms
        if run_options is not None:
            if not isinstance(run_options, protos.RunOptions):
                raise TypeError(f"options must be a RunOptions, not {type(run_options).__name__}")
            timeout = run_options.timeout_in_ms or timeout
        if metadata is not None and run_options is not None:
            metadata.Clear()
        tells = metadata is not None and run_options is not None
        try:
            if tells and run_options.trace_level:
                results = tracing.run(call.plan, values, timeout, run_options, metadata)
            else:
                results = call.run(values, timeout)
        except errors.OpError as e:
            raise self._explained(e, call.plan) from None
        if tells and run_options.output_partition_graphs:
            for device, part in call.plan.partitions.items():
                graph = metadata.partition_graphs.add()
                graph.CopyFrom(codec.encode_graph(part))
                for node in graph.node:
                    node.device = node.device or device  # with one device nothing was placed
        return results if call.build is None else call.build(results)

    def _find_call(
        self, fetches: Any, feed_dict: Mapping[Any, Any] | None, key: Any = None
    ) -> _Call:
        """Return the call for this pair; remembered under `key` when there is one."""
        self._check_open()
        flat = flatten_feeds(feed_dict) if feed_dict else {}
        for value in flat.values():
            if isinstance(value, Tensor):
                raise TypeError(f'a feed is a value, not a tensor ("{value.name}"): run it first')
        with self._lock:
            call = self._make_call(fetches, list(flat))
            if call.plan.log.wants_shapes:  # not remembered: the next values may be of other shapes
                return self._sized_call(fetches, list(flat), list(flat.values()))
            if key is not None and flat.keys() == (feed_dict or {}).keys():
                if len(self._calls) >= options.current.plans:
                    self._calls.clear()
                self._calls[key] = call
        return call

    def _sized_call(
        self, fetches: Any, feed_keys: list[Any], values: Sequence[Any], keep: bool = False
    ) -> _Call:
        """Return the call that was planned for values of these shapes."""
        with self._lock:
            self._check_open()
            try:
                return self._make_call(fetches, feed_keys, keep, values)
            except errors.InvalidArgumentError:  # they do not fit the graph: the run tells why
                return self._make_call(fetches, feed_keys, keep)

    def _make_call(
        self,
        fetches: Any,
        feed_keys: list[Any],
        keep: bool = False,
        values: Sequence[Any] | None = None,
    ) -> _Call:
        flat = Fetches(self._graph, fetches)
        feeds = feed_tensors(self._graph, feed_keys)
        if len(set(feeds)) != len(feeds):
            raise errors.FeedError(None, None, "a tensor is fed twice under different names")
        order = sorted(range(len(feeds)), key=lambda i: (feeds[i].op._id, feeds[i].value_index))
        in_order = order == list(range(len(feeds)))
        shapes = None if values is None else fed_shapes(feeds, values)
        plan = self._plan([feeds[i] for i in order], flat, keep, shapes)
        return _Call(plan, flat, None if in_order else _picker(order))

    def _plan(
        self,
        feeds: Sequence[Tensor],
        fetches: Fetches,
        keep: bool,
        shapes: Mapping[str, tuple[int, ...]] | None,
    ) -> Plan:
        targets = list(fetches.targets)
        sizes = None if shapes is None else tuple(shapes.items())
        key = (tuple(feeds), tuple(fetches.tensors), tuple(targets), keep, sizes)
        graph, target, tensors = self._graph, self._target, fetches.tensors
        version = self._graph.plan_version
        try:
            return self._plans.get_or_make(
                key,
                lambda plan: plan.version == version,
                lambda: make_plan(graph, target, feeds, tensors, targets, None, keep, shapes),
            )
        except errors.OpError as e:
            raise native.explain(e, self._graph, lambda name: None) from None

    def _check_open(self, why: str = "") -> None:
        if self._closed:
            raise RuntimeError(f"attempted to use a closed session{why}")

    def _explained(self, error: errors.OpError, plan: Plan) -> Exception:
        if self._closed and not isinstance(error, errors.CancelledError):
            return RuntimeError("attempted to use a closed session")
        return native.explain(error, self._graph, plan.node)

    def make_callable(
        self,
        fetches: Any,
        feed_list: Sequence[Any] | None = None,
        accept_options: bool = False,
        keep_on_device: bool = False,
    ) -> Callable[..., Any]:
        """Return a function of the values of `feed_list` that runs `fetches`.

        The fastest way to run the same thing often: nothing is looked up. The function takes
        as many values as `feed_list` has tensors, in that order; with `accept_options` also
        the keyword arguments `options` and `run_metadata`. With `keep_on_device`, what an
        accelerator computes is returned as it lies in its memory, an object with `__dlpack__`,
        which may be fed again without a copy.
        """
        feed_keys = list(feed_list or ())
        with self._lock:
            self._check_open()
            call = self._make_call(fetches, feed_keys, keep_on_device)
        if call.plan.log.wants_shapes:
            return callables.sized(self, fetches, feed_keys, keep_on_device, accept_options)
        if accept_options:
            return callables.with_options(self, call, len(feed_keys))
        return callables.plain(self, call, len(feed_keys), isinstance(fetches, Tensor))

    # ---- looking inside

    def explain_plan(self, fetches: Any, feed_dict: Any = None) -> PlanExplanation:
        """Return what each pass did to the plan that runs `fetches` given these feeds.

        `feed_dict` may be a feed_dict or just the tensors to be fed.

        >>> x = ps.placeholder(ps.float32, [2])
        >>> print(ps.Session().explain_plan(ps.identity(x) * 1.0, [x]).summary())
        extract                 5 nodes
        lower_references        5 nodes
        simplify                3 nodes   2 removed
        fold_constants          3 nodes
        merge_duplicates        3 nodes
        prune                   2 nodes   1 removed
        place                   2 nodes
        recompute               2 nodes
        order                   2 nodes
        """
        flat = flatten_feeds(feed_dict) if isinstance(feed_dict, Mapping) else {}
        keys = list(flat or feed_dict or ())
        values = list(flat.values()) or [None] * len(keys)
        with self._lock:
            self._check_open()
            plan = self._make_call(fetches, keys).plan
            if plan.log.wants_shapes:
                plan = self._sized_call(fetches, keys, values).plan

        def make_again() -> PlanLog:
            self._check_open(": the plan has to be made again for its pictures")
            log = PlanLog(stages=[])
            wanted, feeds = Fetches(self._graph, fetches), feed_tensors(self._graph, keys)
            tensors, targets = wanted.tensors, list(wanted.targets)
            make_plan(self._graph, self._target, feeds, tensors, targets, log, shapes=plan.shapes)
            return log

        return PlanExplanation(plan.ir, plan.log, make_again, plan.stretches)

    def explain_placement(self, fetches: Any = None, feed_dict: Any = None) -> PlacementExplanation:
        """Return where the nodes that compute `fetches` run, and why.

        Without `fetches`: all operations of the graph as one run. For a single node (a name, an
        operation, a tensor, a variable) the text tells of that node. Raises what the run would:
        `PlacementError` when a node can be nowhere, `RuntimeError` when the session is closed.

        >>> x = ps.placeholder(ps.float32, [2], name="x")
        >>> with ps.device("/cpu:0"):
        ...     y = ps.square(x, name="y")
        >>> print(ps.Session().explain_placement(y, [x]))
        Square "y" is on CPU:0: the session has this device only
          "y" asks for "/device:CPU:0"
        """
        keys = list(flatten_feeds(feed_dict)) if isinstance(feed_dict, Mapping) else feed_dict
        single = fetches is not None and not isinstance(fetches, (list, tuple, dict))
        with self._lock:
            self._check_open()
            wanted = self._graph.get_operations() if fetches is None else fetches
            log = self._make_call(wanted, list(keys or ())).plan.log
        if log.placement is None:
            raise errors.InternalError(None, None, "bug in penstock: the plan was not placed")
        return PlacementExplanation(log.placement, log, self._graph, fetches if single else None)

    def stepper(
        self, fetches: Any, feed_dict: Mapping[Any, Any] | None = None, keep: bool = False
    ) -> Stepper:
        """Return a run of `fetches` that goes on node by node, as it is told to.

        With `keep`, values can be looked at to the end; otherwise until nothing reads them.

        >>> x = ps.placeholder(ps.float32, [])
        >>> stepper = ps.Session().stepper(ps.exp(x) + 1.0, {x: 0.0})
        >>> [node.op for node in stepper]
        ['Exp', 'AddV2']
        >>> float(stepper.finish())
        2.0
        """
        plan, values, _, build = self._prepared(fetches, feed_dict)
        return Stepper(
            plan,
            values,
            build,
            lambda error: self._explained(error, plan),
            self._native.memory_stats,
            self._check_open,
            keep,
        )

    def _prepared(
        self, fetches: Any, feed_dict: Mapping[Any, Any] | None
    ) -> tuple[Plan, Any, int, Callable[[list[Any]], Any]]:
        call, values = self._call_and_values(fetches, feed_dict)
        return call.plan, values, self._timeout_ms, call.build or (lambda results: results)

    def list_devices(self) -> list[DeviceAttributes]:
        """Return the devices of this session: name, type, memory limit, incarnation.

        >>> config = ps.ConfigProto(device_count={"CPU": 2})
        >>> [d.name[-5:] for d in ps.Session(config=config).list_devices()]
        ['CPU:0', 'CPU:1']
        """
        return list(self._devices.attributes)

    run_with_memory = session_memory.run_with_memory
    explain_memory = session_memory.explain_memory
    memory_usage = session_memory.memory_usage
    memory_stats = session_memory.memory_stats
    reset_peak_memory = session_memory.reset_peak_memory
    trim_memory = session_memory.trim_memory
    set_memory_limit = session_memory.set_memory_limit
    measure_costs = session_costs.measure_costs
    use_costs = session_costs.use_costs

    # ---- life

    def close(self) -> None:
        """Cancel what runs, forget variables and plans. Further use raises `RuntimeError`."""
        with self._lock:
            self._closed = True
            self._calls = {}
            self._plans.clear()
        self._native.close()

    def as_default(self) -> Any:
        """Return a context manager that makes this the default session (and does not close it)."""
        return scopes.sessions.use(self)

    def __enter__(self) -> Session:
        """Become the default session, and the graph the default graph."""
        for context in (self._graph.as_default(), self.as_default()):
            context.__enter__()
            self._contexts.append(context)
        return self

    def __exit__(self, *exc_info: Any) -> None:
        """Step back and close."""
        for _ in range(2):
            self._contexts.pop().__exit__(*exc_info)
        self.close()


@export("InteractiveSession")
class InteractiveSession(Session):
    """A session that is the default one from its construction until `close`.

    For notebooks and shells: `t.eval()` and `op.run()` work without a `with` block.

    >>> sess = ps.InteractiveSession()
    >>> int(ps.constant(3).eval())
    3
    >>> sess.close()
    """

    def __init__(self, target: str = "", graph: Graph | None = None, config: Any = None) -> None:
        """Open the session and make it (and `graph`, when given) the default."""
        super().__init__(target, graph, config)
        scopes.sessions.items.append(self)
        self._owns_graph_scope = graph is not None
        if graph is not None:
            scopes.graphs.items.append(graph)

    def close(self) -> None:
        """Step back as the default and close."""
        if self in scopes.sessions.items:
            scopes.sessions.items.remove(self)
            if self._owns_graph_scope:
                scopes.graphs.items.remove(self._graph)
        super().close()


@export("get_default_session")
def get_default_session() -> Session | None:
    """Return the innermost default session of this thread, or None."""
    session: Session | None = scopes.sessions.top()
    return session


def _picker(order: list[int]) -> Callable[[Any], Any]:
    """Return a function that puts the values of a feed_dict into the plan's order."""
    return itemgetter(*order)
