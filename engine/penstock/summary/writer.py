"""FileWriter: event files for TensorBoard.

Summaries, graphs and the metadata of traced runs become `Event` messages; the `tensorboard`
package (optional: ``pip install "penstock[tensorboard]"``) writes them to the file, from a thread
of its own. Events of one writer stay in order. Methods may be called from any thread.
"""

from __future__ import annotations

import os
import threading
import time
import warnings
from importlib import import_module
from typing import Any

from penstock import protos
from penstock.exports import export
from penstock.graph.graph import Graph


def _file_writer_class() -> tuple[Any, Any]:
    """Return what tensorboard writes with, and its class of events."""
    try:
        messages = import_module("tensorboard.compat.proto.event_pb2")
        files = import_module("tensorboard.summary.writer.event_file_writer")
    except ModuleNotFoundError as e:
        raise ModuleNotFoundError(
            f"summary.FileWriter writes through the tensorboard package, and there is no module "
            f'{e.name!r}: pip install "penstock[tensorboard]"',
            name=e.name,
        ) from e
    return files.EventFileWriter, messages.Event


@export("summary.FileWriter")
class FileWriter:
    """Writes summaries, graphs and run metadata into an event file of `logdir`.

    As a context manager it closes itself. Needs the tensorboard package; without it the
    constructor raises `ModuleNotFoundError`, which says what to install.

    A training loop gives the fetched summary with the step's number::

        with ps.summary.FileWriter("logs", sess.graph) as writer:
            for step in range(1000):
                data, _ = sess.run([merged, train_op], feeds)
                writer.add_summary(data, step)

    and ``tensorboard --logdir logs`` shows the curves and the graph.
    """

    def __init__(
        self,
        logdir: str | os.PathLike[str],
        graph: Graph | None = None,
        max_queue: int = 10,
        flush_secs: float = 120,
        graph_def: Any = None,
        filename_suffix: str | None = None,
        session: Any = None,
    ) -> None:
        """Open a new event file; `graph` or `graph_def` is written to it at once.

        At most `max_queue` events wait for the disk, for `flush_secs` at most. `session` must
        be None: writing through ops of a session is not offered.
        """
        if session is not None:
            raise ValueError("FileWriter writes by itself: `session` must be None")
        self._logdir = os.fspath(logdir)
        self._open_arguments = (max_queue, flush_secs, filename_suffix or "")
        self._lock = threading.Lock()
        self._writer: Any = None
        self._event_class: Any = None
        self._warned = False
        self._run_tags: set[str] = set()
        self._described_tags: set[str] = set()
        self.reopen()
        if graph is not None or graph_def is not None:
            self.add_graph(graph, graph_def=graph_def)

    def get_logdir(self) -> str:
        """Return the folder of the event files."""
        return self._logdir

    def add_summary(self, summary: Any, global_step: int | None = None) -> None:
        """Add a `Summary` message, or what a summary op returned: its bytes.

        The description of a tag is written once; readers remember it.
        """
        if isinstance(summary, bytes):
            message: Any = protos.Summary.FromString(summary)
        elif isinstance(summary, protos.Summary):
            message = protos.Summary()
            message.CopyFrom(summary)
        else:
            raise TypeError(
                f"add_summary takes the bytes that a summary op returned or a Summary message, "
                f"not {type(summary).__name__}"
            )
        for value in message.value:
            if value.HasField("metadata"):
                if value.tag in self._described_tags:
                    value.ClearField("metadata")
                self._described_tags.add(value.tag)
        self._write(_stamped(protos.Event(summary=message), global_step))

    def add_graph(
        self, graph: Any = None, global_step: int | None = None, graph_def: Any = None
    ) -> None:
        """Add a graph: a `Graph`, with the shapes it inferred, or a GraphDef message.

        A GraphDef is written as it is: one of `RunMetadata.partition_graphs` shows the
        nodes of one device, with their sends and receives.
        """
        given = graph if graph is not None else graph_def
        if isinstance(given, Graph):
            given = given.as_graph_def(add_shapes=True)
        if getattr(getattr(given, "DESCRIPTOR", None), "name", "") != "GraphDef":
            raise TypeError(
                f"add_graph takes a Graph or a GraphDef message, not {type(given).__name__}"
            )
        self._write(_stamped(protos.Event(graph_def=given.SerializeToString()), global_step))

    def add_meta_graph(self, meta_graph_def: Any, global_step: int | None = None) -> None:
        """Add a MetaGraphDef message."""
        if not isinstance(meta_graph_def, protos.MetaGraphDef):
            raise TypeError(
                f"add_meta_graph takes a MetaGraphDef, not {type(meta_graph_def).__name__}"
            )
        self._write(
            _stamped(protos.Event(meta_graph_def=meta_graph_def.SerializeToString()), global_step)
        )

    def add_run_metadata(self, run_metadata: Any, tag: str, global_step: int | None = None) -> None:
        """Add what a traced run recorded, under a tag that is new to this writer.

        Raises `ValueError` for a tag used before: TensorBoard would show only one of them.
        """
        if not isinstance(run_metadata, protos.RunMetadata):
            raise TypeError(
                f"add_run_metadata takes a RunMetadata, not {type(run_metadata).__name__}"
            )
        with self._lock:
            if tag in self._run_tags:
                raise ValueError(f"tag {tag!r} was already used for run metadata of this writer")
            self._run_tags.add(tag)
        tagged = protos.TaggedRunMetadata(tag=tag, run_metadata=run_metadata.SerializeToString())
        self._write(_stamped(protos.Event(tagged_run_metadata=tagged), global_step))

    def add_session_log(self, session_log: Any, global_step: int | None = None) -> None:
        """Add a SessionLog message: that a session started, stopped or saved a checkpoint."""
        if not isinstance(session_log, protos.SessionLog):
            raise TypeError(f"add_session_log takes a SessionLog, not {type(session_log).__name__}")
        self._write(_stamped(protos.Event(session_log=session_log), global_step))

    def add_event(self, event: Any) -> None:
        """Add an `Event` message as it is."""
        if not isinstance(event, protos.Event):
            raise TypeError(f"add_event takes an Event message, not {type(event).__name__}")
        self._write(event)

    def _write(self, event: Any) -> None:
        """Hand an event over; called by methods that the user called, which warnings point at."""
        with self._lock:
            if self._writer is not None:
                # The same bytes as an instance of tensorboard's own class, which it insists on.
                self._writer.add_event(self._event_class.FromString(event.SerializeToString()))
                return
            warn, self._warned = not self._warned, True
        if warn:
            warnings.warn(
                "this FileWriter is closed: what is added is dropped until `reopen`", stacklevel=3
            )

    def flush(self) -> None:
        """Write everything that waits to the file."""
        with self._lock:
            if self._writer is not None:
                self._writer.flush()

    def close(self) -> None:
        """Write everything and close the file; what is added later is dropped with a warning."""
        with self._lock:
            if self._writer is not None:
                self._writer.close()
                self._writer = None

    def reopen(self) -> None:
        """Begin another event file in the same folder; nothing happens unless closed."""
        writer_class, self._event_class = _file_writer_class()
        with self._lock:
            if self._writer is None:
                self._writer = writer_class(self._logdir, *self._open_arguments)
                self._described_tags = set()
                self._warned = False

    def __enter__(self) -> FileWriter:
        """Return the writer itself."""
        return self

    def __exit__(self, *exc_info: Any) -> None:
        """Close the file."""
        self.close()


def _stamped(event: Any, global_step: int | None) -> Any:
    event.wall_time = time.time()
    if global_step is not None:
        event.step = int(global_step)
    return event
