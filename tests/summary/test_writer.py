"""FileWriter: what stands in the event files, and what a TensorBoard server shows of it."""

import json
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from google.protobuf import text_format

import penstock as ps
from penstock import protos

LOCAL = "/job:localhost/replica:0/task:0/device:"


def test_missing_tensorboard_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("tensorboard", "tensorboard.compat.proto.event_pb2"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ModuleNotFoundError, match=r'pip install "penstock\[tensorboard\]"'):
        ps.summary.FileWriter(tmp_path)


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[ps.summary.FileWriter]:
    pytest.importorskip("tensorboard")
    made = ps.summary.FileWriter(tmp_path)
    yield made
    made.close()


def events(writer: ps.summary.FileWriter) -> list[Any]:
    """Return the events of a writer's files in the order of writing, without the headers."""
    from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader

    writer.flush()
    found = []
    for path in sorted(Path(writer.get_logdir()).glob("events.out.tfevents.*")):
        found += [protos.Event.FromString(e) for e in RawEventFileLoader(str(path)).Load()]
    return [e for e in found if not e.file_version]


def small_graph() -> ps.Graph:
    with ps.Graph().as_default() as graph:
        x = ps.placeholder(ps.float32, [None, 3], name="x")
        with ps.device("/cpu:0"):
            ps.matmul(x, ps.constant([[1.0], [2.0], [3.0]], name="w"), name="y")
    return graph


def traced() -> Any:
    """Return what a traced run of `small_graph` recorded; always the same once it was asked for."""
    if not _traced:
        graph, metadata = small_graph(), ps.RunMetadata()
        options = ps.RunOptions(trace_level=3, output_partition_graphs=True)
        with ps.Session(graph=graph) as sess:
            sess.run("y:0", {"x:0": [[1.0, 2.0, 3.0]]}, options=options, run_metadata=metadata)
        assert [n.node_name for n in metadata.step_stats.dev_stats[0].node_stats] == ["y"]
        _traced.append(metadata)
    return _traced[0]


_traced: list[Any] = []


def test_summaries_keep_step_and_value(writer: ps.summary.FileWriter) -> None:
    with ps.Graph().as_default(), ps.Session() as sess:
        writer.add_summary(sess.run(ps.summary.scalar("loss", 2.5)), 7)
    writer.add_summary(ps.Summary(value=[ps.Summary.Value(tag="b", simple_value=1.0)]))
    first, second = events(writer)
    assert (first.step, first.summary.value[0].tag) == (7, "loss")
    assert first.summary.value[0].simple_value == 2.5
    assert first.wall_time > 1e9 and second.step == 0


def test_a_tag_is_described_once(writer: ps.summary.FileWriter) -> None:
    with ps.Graph().as_default(), ps.Session() as sess:
        data = sess.run(ps.summary.text("note", ps.constant("hello")))
    writer.add_summary(data, 1)
    writer.add_summary(data, 2)
    described = [e.summary.value[0].HasField("metadata") for e in events(writer)]
    assert described == [True, False]


def test_graph_has_shapes_and_devices(writer: ps.summary.FileWriter) -> None:
    writer.add_graph(small_graph(), 3)
    (event,) = events(writer)
    nodes = {n.name: n for n in ps.GraphDef.FromString(event.graph_def).node}
    assert event.step == 3 and list(nodes["y"].input) == ["x", "w"]
    assert nodes["y"].device.endswith("CPU:0")
    (shape,) = nodes["y"].attr["_output_shapes"].list.shape
    assert [d.size for d in shape.dim] == [-1, 1]


def test_graph_def_is_written_as_it_is(writer: ps.summary.FileWriter) -> None:
    given = small_graph().as_graph_def()
    writer.add_graph(graph_def=given)
    assert ps.GraphDef.FromString(events(writer)[0].graph_def) == given


def test_graph_of_the_constructor(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    with ps.summary.FileWriter(tmp_path, small_graph(), filename_suffix=".mine") as writer:
        assert [e.WhichOneof("what") for e in events(writer)] == ["graph_def"]
    assert list(tmp_path.glob("*.mine"))


def test_metadata_and_logs(writer: ps.summary.FileWriter) -> None:
    writer.add_run_metadata(traced(), "step 1", 1)
    writer.add_session_log(ps.summary.SessionLog(status=ps.summary.SessionLog.START), 2)
    writer.add_meta_graph(ps.MetaGraphDef(), 3)
    first, second, third = events(writer)
    assert first.tagged_run_metadata.tag == "step 1"
    assert ps.RunMetadata.FromString(first.tagged_run_metadata.run_metadata) == traced()
    assert second.session_log.status == ps.summary.SessionLog.START
    assert third.WhichOneof("what") == "meta_graph_def"


def test_a_tag_of_metadata_is_used_once(writer: ps.summary.FileWriter) -> None:
    writer.add_run_metadata(traced(), "again")
    with pytest.raises(ValueError, match="'again' was already used"):
        writer.add_run_metadata(traced(), "again")


@pytest.mark.parametrize(
    "method",
    ["add_summary", "add_graph", "add_session_log", "add_event", "add_meta_graph"],
)
def test_other_types_are_refused(writer: ps.summary.FileWriter, method: str) -> None:
    with pytest.raises(TypeError, match=rf"{method} takes .* not int"):
        getattr(writer, method)(3)
    with pytest.raises(TypeError, match="takes a RunMetadata, not StepStats"):
        writer.add_run_metadata(traced().step_stats, "x")


def test_closed_writer_warns_and_reopens(writer: ps.summary.FileWriter) -> None:
    writer.add_graph(small_graph())
    writer.close()
    writer.close()
    with pytest.warns(UserWarning, match="dropped until `reopen`") as caught:
        writer.add_session_log(ps.summary.SessionLog())
        writer.add_session_log(ps.summary.SessionLog())
    assert len(caught) == 1 and caught[0].filename == __file__
    writer.reopen()
    writer.add_run_metadata(traced(), "later")
    kinds = [e.WhichOneof("what") for e in events(writer)]
    assert sorted(kinds) == ["graph_def", "tagged_run_metadata"]


def test_writing_through_a_session_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="`session` must be None"):
        ps.summary.FileWriter(tmp_path, session=object())


@pytest.mark.slow
def test_tensorboards_server_returns_it(tmp_path: Path) -> None:
    program = pytest.importorskip("tensorboard.program")
    graph = small_graph()
    with ps.summary.FileWriter(tmp_path / "run", graph) as writer:
        writer.add_run_metadata(traced(), "step 1", 1)
        for step in range(3):
            value = ps.Summary.Value(tag="loss", simple_value=step / 2)
            writer.add_summary(ps.Summary(value=[value]), step)
    placed = traced().partition_graphs[0]
    with ps.summary.FileWriter(tmp_path / "placed", graph_def=placed):
        pass
    board = program.TensorBoard()
    board.configure(logdir=str(tmp_path), port=0, host="localhost", load_fast="false")
    url = board.launch()

    def get(route: str, **query: str) -> bytes:
        address = f"{url}data/plugin/{route}?{urlencode(query)}"
        with urllib.request.urlopen(address, timeout=60) as reply:
            return bytes(reply.read())

    info = json.loads(get("graphs/info"))
    assert info["run"]["run_graph"] is True
    assert info["run"]["tags"]["step 1"]["profile"] is True

    shown = text_format.Parse(get("graphs/graph", run="run"), protos.GraphDef())
    assert shown == graph.as_graph_def(add_shapes=True)
    of_device = text_format.Parse(get("graphs/graph", run="placed"), protos.GraphDef())
    assert of_device == placed
    assert next(n.device for n in of_device.node if n.name == "y") == LOCAL + "CPU:0"
    metadata = get("graphs/run_metadata", run="run", tag="step 1")
    assert text_format.Parse(metadata, protos.RunMetadata()) == traced()
    points = json.loads(get("scalars/scalars", run="run", tag="loss"))
    assert [(step, value) for _, step, value in points] == [(0, 0.0), (1, 0.5), (2, 1.0)]
