"""Fuzz `import_graph_def` with damaged and disguised GraphDefs, and run what imports.

    python tests/fuzz/import_graph.py -max_total_time=600 [FOLDER]

Needs atheris (the extra `fuzz`). Starts from the graphs of the op table's rows; FOLDER, if given,
keeps what was found worth keeping. Half of the mutations are libFuzzer's own on the bytes, half
change the message: an op, an input, an attribute. An input that ends in anything but a result or a
typed error is saved as `crash-*`; give its name instead of the folder to see it again.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parents[2]))  # so that `tests` is found

with atheris.instrument_imports(include=["penstock"]):
    import penstock as ps
    from penstock import errors, protos
    from penstock.graph import codec
from tests.cases import all_cases
from tests.hostile import values
from tests.hostile.execution import check, limit_memory, limited_session, time_limit
from tests.hostile.programs import drawable_ops
from tests.op_runner import Mode, build

FEED_ELEMENTS = 1 << 12
SINKS = 4  # that many nodes of a graph are run


def test_one_input(data: bytes) -> None:
    """Import the bytes; run what came of them."""
    with time_limit(), ps.Graph().as_default() as graph:
        try:
            ps.import_graph_def(data, name="")
        except errors.OpError as error:
            check(error)
            return
        graph.as_graph_def()
        _run(graph)


def _run(graph: ps.Graph) -> None:
    operations = graph.get_operations()
    read = {t.op for o in operations for t in o.inputs}
    feeds = {t: _value(t) for o in operations if o.type == "Placeholder" for t in o.outputs}
    with limited_session(graph) as session:
        for sink in [o for o in operations if o not in read][:SINKS]:
            try:
                session.run(sink, {t: v for t, v in feeds.items() if v is not None})
            except errors.OpError as error:
                check(error)


def _value(tensor: ps.Tensor) -> values.Array | None:
    """Return something to feed, None where the shape is too large or the dtype has no values."""
    dims = [2 if d is None else d for d in tensor.shape.as_list()] if tensor.shape else [2]
    count = 1
    for d in dims:
        count *= max(d, 1)
    if len(dims) > 8 or count > FEED_ELEMENTS or tensor.dtype.base_dtype is ps.resource:
        return None
    return values.draw_array(values.Seeded(tensor.name), tensor.dtype.base_dtype, tuple(dims))


def mutate(data: bytes, max_size: int, seed: int) -> bytes:
    """Return other bytes: every second time by changing the message."""
    choices = values.Seeded(str(seed))
    if choices.below(2):
        try:
            message = protos.GraphDef.FromString(data)
        except Exception:
            message = protos.GraphDef()
        if message.node:
            _change(message, choices)
            changed: bytes = message.SerializeToString()
            if len(changed) <= max_size:
                return changed
    mutated: bytes = atheris.Mutate(data, max_size)
    return mutated


def _change(message: protos.GraphDef, choices: values.Choices) -> None:
    node = values.pick(choices, message.node)
    how = choices.below(6)
    if how == 0:
        node.op = values.pick(choices, drawable_ops())
    elif how == 1 and node.input:
        node.input[choices.below(len(node.input))] = values.pick(choices, message.node).name
    elif how == 2:
        node.input.append(values.pick(choices, ("", "^", ":1")) + node.name)
    elif how == 3:
        message.node.add().CopyFrom(node)
        message.node[-1].name += "_"
    elif node.attr:
        _change_attr(node, choices)


def _change_attr(node: protos.NodeDef, choices: values.Choices) -> None:
    key = values.pick(choices, sorted(node.attr))
    kinds = [a for op in _ops_of(node.op) for a in op.attrs.values() if a.name == key]
    if not kinds:
        del node.attr[key]
        return
    value = values.draw_attr(choices, kinds[0])
    node.attr[key].Clear()
    try:
        codec.encode_attr(value, node.attr[key])
    except (TypeError, ValueError, OverflowError):
        del node.attr[key]


def _ops_of(name: str) -> list[ps.ops.registry.OpDef]:
    return [ps.ops.registry.find_op(name)] if ps.ops.registry.has_op(name) else []


def write_seeds(folder: Path) -> None:
    """Write the graph of one row of each op, constants as constants."""
    for row in {row.op: row for row in all_cases()}.values():
        graph = build(row, row.dtypes[0], Mode.KNOWN).graph
        data: bytes = graph.as_graph_def().SerializeToString()
        folder.joinpath(row.op).write_bytes(data)


def main() -> None:
    """Run the fuzzer with the command line's flags."""
    with tempfile.TemporaryDirectory() as seeds:
        write_seeds(Path(seeds))
        given = [a for a in sys.argv[1:] if not a.startswith("-")]
        folders = [] if given and Path(given[0]).is_file() else [seeds]
        limit_memory()
        flags = [*sys.argv, *([tempfile.mkdtemp()] if not given else []), *folders, "-timeout=20"]
        atheris.Setup(flags, test_one_input, custom_mutator=mutate)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
