"""Summaries of a training run: numbers and histograms as serialized `Summary` messages.

Each function adds an op to the graph and to a collection ("summaries" by default), from which
`merge_all` makes the one op that a training loop fetches. What is fetched is bytes; a `FileWriter`
(writer.py) puts them into files that TensorBoard shows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from penstock import dtypes, protos
from penstock.exports import export
from penstock.graph.graph import get_default_graph
from penstock.graph.tensor import Tensor
from penstock.ops import control, convert
from penstock.ops.wrappers import raw
from penstock.summary.writer import FileWriter as FileWriter

_SUMMARIES = "summaries"
_NOT_IN_NAMES = re.compile(r"[^-/\w.]")


@contextmanager
def _tagged(name: str, family: str | None, default: str, value: Any) -> Iterator[tuple[str, str]]:
    """Yield the tag and the node's name; both are unique, with odd characters replaced."""
    clean = _NOT_IN_NAMES.sub("_", name).lstrip("/") or default
    base = clean if family is None else f"{_NOT_IN_NAMES.sub('_', family)}/{clean}"
    with control.under(default, base, value) as scope:
        node = scope.rstrip("/")
        yield (node if family is None else f"{family}/{node}"), scope


def _collect(summary: Tensor, collections: Iterable[str] | None) -> Tensor:
    wanted = [_SUMMARIES] if collections is None else list(collections)
    get_default_graph().add_to_collections(wanted, summary)
    return summary


@export("summary.scalar")
def scalar(
    name: str, tensor: Any, collections: Sequence[str] | None = None, family: str | None = None
) -> Tensor:
    """Return the serialized summary of one number, under `name` in the scopes open now.

    >>> with ps.Graph().as_default(), ps.Session() as sess:
    ...     data = sess.run(ps.summary.scalar("loss", 2.0))
    >>> ps.Summary.FromString(data).value[0].simple_value
    2.0
    """
    with _tagged(name, family, "summary", tensor) as (tag, node):
        return _collect(raw.ScalarSummary(tag, tensor, name=node), collections)


@export("summary.histogram")
def histogram(
    name: str, values: Any, collections: Sequence[str] | None = None, family: str | None = None
) -> Tensor:
    """Return the serialized summary of how `values` are spread.

    NaN and infinity raise `InvalidArgumentError` in the run.

    >>> with ps.Graph().as_default(), ps.Session() as sess:
    ...     data = sess.run(ps.summary.histogram("weights", [1.0, 2.0, 4.0]))
    >>> ps.Summary.FromString(data).value[0].histo.sum
    7.0
    """
    with _tagged(name, family, "HistogramSummary", values) as (tag, node):
        return _collect(raw.HistogramSummary(tag, values, name=node), collections)


@export("summary.image")
def image(
    name: str,
    tensor: Any,
    max_outputs: int = 3,
    collections: Sequence[str] | None = None,
    family: str | None = None,
) -> Tensor:
    """Return the serialized summary of the first images of a batch, as PNG files.

    `tensor` is [batch, height, width, 1, 3 or 4]. uint8 values are shown as they are; floats
    are scaled, each image for itself, so that the largest is brightest or, if some are
    negative, so that zero is half as bright. Tags are ``name/image`` and a number.

    >>> with ps.Graph().as_default(), ps.Session() as sess:
    ...     data = sess.run(ps.summary.image("x", ps.ones([1, 2, 3, 1])))
    >>> found = ps.Summary.FromString(data).value[0]
    >>> found.tag, found.image.height, found.image.width
    ('x/image/0', 2, 3)
    """
    with _tagged(name, family, "ImageSummary", tensor) as (tag, node):
        made = raw.ImageSummary(tag, tensor, max_images=max_outputs, name=node)
        return _collect(made, collections)


@export("summary.tensor_summary")
def tensor_summary(
    name: str,
    tensor: Any,
    summary_description: Any = None,
    collections: Sequence[str] | None = None,
    summary_metadata: Any = None,
    family: str | None = None,
    display_name: str | None = None,
) -> Tensor:
    """Return the serialized summary of a tensor of any dtype.

    `summary_metadata`, a SummaryMetadata message, says what to do with it; `display_name` and
    the text of `summary_description` go into a copy.
    """
    metadata = protos.SummaryMetadata()
    if summary_metadata is not None:
        metadata.CopyFrom(summary_metadata)
    if display_name is not None:
        metadata.display_name = display_name
    if summary_description is not None:
        metadata.summary_description = str(summary_description)
    with _tagged(name, family, "TensorSummary", tensor) as (tag, node):
        made = raw.TensorSummaryV2(tag, tensor, metadata.SerializeToString(), name=node)
        return _collect(made, collections)


@export("summary.text")
def text(name: str, tensor: Any, collections: Sequence[str] | None = None) -> Tensor:
    """Return the serialized summary of a string tensor, which is shown as text.

    >>> with ps.Graph().as_default(), ps.Session() as sess:
    ...     data = sess.run(ps.summary.text("note", ps.constant("hello")))
    >>> ps.Summary.FromString(data).value[0].tensor.string_val[0]
    b'hello'
    """
    words = convert.to_tensor(tensor)
    if words.dtype.base_dtype is not dtypes.string:
        raise ValueError(f"summary.text takes strings, got {words.dtype.name}")
    metadata = protos.SummaryMetadata()
    metadata.plugin_data.plugin_name = "text"
    return tensor_summary(name, words, None, collections, metadata)


@export("summary.merge")
def merge(
    inputs: Sequence[Any], collections: Sequence[str] | None = None, name: str | None = None
) -> Tensor:
    """Return one serialized summary with the values of all `inputs`.

    A tag that occurs twice raises `InvalidArgumentError` in the run.
    """
    merged: Tensor = raw.MergeSummary(list(inputs), name=name or "Merge/MergeSummary")
    return _collect(merged, collections or ())


@export("summary.merge_all")
def merge_all(
    key: str = _SUMMARIES, scope: str | None = None, name: str | None = None
) -> Tensor | None:
    """Return all summaries of a collection merged, None if there are none.

    >>> with ps.Graph().as_default(), ps.Session() as sess:
    ...     _ = ps.summary.scalar("a", 1.0), ps.summary.scalar("b", 2.0)
    ...     data = sess.run(ps.summary.merge_all())
    >>> [v.tag for v in ps.Summary.FromString(data).value]
    ['a', 'b']
    """
    found = get_default_graph().get_collection(key, scope)
    return merge(found, name=name) if found else None


def __getattr__(name: str) -> Any:
    """Return a message class of event files, loaded when it is first asked for."""
    if name in ("Event", "SessionLog", "Summary", "TaggedRunMetadata"):
        return getattr(protos, name)
    raise AttributeError(f"module 'penstock.summary' has no attribute {name!r}")
