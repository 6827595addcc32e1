"""Summary ops and the functions of `penstock.summary`: the messages they make."""

import struct
import zlib
from typing import Any

import numpy as np
import pytest

import penstock as ps
from penstock import errors
from tests.cases import PLAIN, REALS, numpy_dtype, string_array

Summary: Any = ps.summary.Summary


def read(tensor: ps.Tensor) -> Any:
    return Summary.FromString(ps.Session().run(tensor))


@pytest.mark.parametrize("dtype", REALS)
def test_scalars_of_every_dtype(dtype: str) -> None:
    values = ps.constant(np.array([1, 3]), dtype=ps.as_dtype(dtype))
    summary = read(ps.raw_ops.ScalarSummary(["a", "b"], values))
    assert [(v.tag, v.simple_value) for v in summary.value] == [("a", 1.0), ("b", 3.0)]


@pytest.mark.parametrize("dtype", REALS)
def test_histograms_of_every_dtype(dtype: str) -> None:
    values = ps.constant(np.array([[1, 3], [4, 0]]), dtype=ps.as_dtype(dtype))
    histo = read(ps.raw_ops.HistogramSummary("h", values)).value[0].histo
    assert (histo.min, histo.max, histo.num) == (0, 4, 4)
    assert (histo.sum, histo.sum_squares) == (8, 26)
    assert sum(histo.bucket) == 4
    assert len(histo.bucket) == len(histo.bucket_limit)


def test_buckets_are_tensorflow_s() -> None:
    x = np.array([1.0, 2.0, 3.0, -1e-3, 0.0, 1e30], np.float32)
    histo = read(ps.raw_ops.HistogramSummary("h", x)).value[0].histo
    ends = list(histo.bucket_limit)
    assert ends[:4] == [-0.001055857634516068, -0.00095987057683278915, 0.0, 1e-12]
    assert ends[4:6] == [0.917246389039776, 1.0089710279437536]
    assert ends[-1] == np.finfo(np.float64).max
    assert list(histo.bucket) == [0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1]
    assert not any(a == b == 0 for a, b in zip(histo.bucket, histo.bucket[1:], strict=False))


def test_an_empty_histogram() -> None:
    histo = read(ps.raw_ops.HistogramSummary("h", np.zeros(0, np.float32))).value[0].histo
    assert histo.num == 0
    assert list(histo.bucket) == [0]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_histogram_refuses_what_is_not_finite(bad: float) -> None:
    summary = ps.raw_ops.HistogramSummary("weights", np.array([bad], np.float32), name="node")
    with pytest.raises(errors.InvalidArgumentError, match=r"weights(.|\n)*node|node(.|\n)*weights"):
        ps.Session().run(summary)


def test_merged_summaries_keep_their_order() -> None:
    parts = [ps.raw_ops.ScalarSummary(t, v) for t, v in (("b", 1.0), ("a", 2.0))]
    merged = read(ps.raw_ops.MergeSummary([*parts, ps.constant(b"")]))
    assert [(v.tag, v.simple_value) for v in merged.value] == [("b", 1.0), ("a", 2.0)]


@pytest.mark.parametrize("data", [b"\n\xff", b"\n\x03\n\x05a", b"\xff" * 12, b"\x07", b"\n"])
def test_what_is_no_summary_is_refused(data: bytes) -> None:
    merged = ps.raw_ops.MergeSummary([ps.constant(data)], name="node")
    with pytest.raises(errors.InvalidArgumentError, match="node"):
        ps.Session().run(merged)


def test_a_tag_may_occur_once() -> None:
    parts = [ps.raw_ops.ScalarSummary("a", 1.0)] * 2
    with pytest.raises(errors.InvalidArgumentError, match='"a" occurs twice'):
        ps.Session().run(ps.raw_ops.MergeSummary(parts))


def test_shapes_must_agree() -> None:
    with pytest.raises(errors.ShapeError):
        ps.raw_ops.ScalarSummary("a", [1.0, 2.0])
    with pytest.raises(errors.ShapeError):
        ps.raw_ops.HistogramSummary(["a"], [1.0])
    values = ps.placeholder(ps.float32)
    summary = ps.raw_ops.ScalarSummary("a", values)
    with pytest.raises(errors.InvalidArgumentError, match="same shape"):
        ps.Session().run(summary, {values: [1.0]})


def test_tags_follow_scopes_and_families() -> None:
    with ps.name_scope("train"):
        loss = ps.summary.scalar("the loss", 1.0)
        again = ps.summary.scalar("the loss", 1.0)
        spread = ps.summary.histogram("w", [1.0], family="layer")
    assert loss.op.name == "train/the_loss"
    tags = [read(t).value[0].tag for t in (loss, again, spread)]
    assert tags == ["train/the_loss", "train/the_loss_1", "layer/train/layer/w"]


def test_merge_all_takes_the_collection() -> None:
    assert ps.summary.merge_all() is None
    ps.summary.scalar("a", 1.0)
    ps.summary.scalar("b", 1.0, collections=["others"])
    with ps.name_scope("deep"):
        ps.summary.scalar("c", 1.0)
    everything, deep = ps.summary.merge_all(), ps.summary.merge_all(scope="deep")
    assert everything is not None and deep is not None
    assert [v.tag for v in read(everything).value] == ["a", "deep/c"]
    assert [v.tag for v in read(deep).value] == ["deep/c"]
    both = ps.summary.merge([*ps.get_collection("others"), deep], collections=["kept"])
    assert ps.get_collection("kept") == [both]
    assert [v.tag for v in read(both).value] == ["b", "deep/c"]


def pixels(file: bytes) -> np.ndarray[Any, Any]:
    """Return the pixels of a PNG file without filters."""
    assert file[:8] == b"\x89PNG\r\n\x1a\n"
    data, at = b"", 8
    while at < len(file):
        size, kind = struct.unpack(">I4s", file[at : at + 8])
        body = file[at + 8 : at + 8 + size]
        (checksum,) = struct.unpack(">I", file[at + 8 + size : at + 12 + size])
        assert zlib.crc32(kind + body) == checksum
        if kind == b"IHDR":
            width, height, bits, color = struct.unpack(">IIBB", body[:10])
            channels = {0: 1, 2: 3, 6: 4}[color]
            assert bits == 8
        data += body if kind == b"IDAT" else b""
        at += 12 + size
    rows = np.frombuffer(zlib.decompress(data), np.uint8).reshape(height, -1)
    assert not rows[:, 0].any()
    return rows[:, 1:].reshape(height, width, channels)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_images_are_png_files(channels: int, rng: np.random.Generator) -> None:
    batch = rng.integers(0, 256, (5, 150, 130, channels)).astype(np.uint8)
    found = read(ps.raw_ops.ImageSummary("x", batch, max_images=2)).value
    assert [v.tag for v in found] == ["x/image/0", "x/image/1"]
    for value, wanted in zip(found, batch, strict=False):
        assert (value.image.height, value.image.width) == (150, 130)
        assert value.image.colorspace == channels
        np.testing.assert_array_equal(pixels(value.image.encoded_image_string), wanted)


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_floats_become_bright(dtype: str) -> None:
    batch = np.array([[[0.0, 1.0, 2.0]], [[-1.0, 0.0, 0.5]], [[0.0, np.nan, 4.0]], [[0.0] * 3]])
    images = batch.astype(dtype)[..., None]
    found = read(ps.summary.image("x", images, max_outputs=9)).value
    shown = [pixels(v.image.encoded_image_string)[0, :, 0].tolist() for v in found]
    assert shown == [[0, 127, 255], [1, 128, 191], [0, 255, 255], [0, 0, 0]]


def test_one_image_has_no_number_and_bad_pixels_their_colour() -> None:
    image = np.array([[[[np.inf, 1.0, 1.0], [1.0, 0.0, 0.5]]]], np.float32)
    color = np.array([1, 2, 3], np.uint8)
    made = ps.raw_ops.ImageSummary("x", image, max_images=1, bad_color=color)
    (value,) = read(made).value
    assert value.tag == "x/image"
    assert pixels(value.image.encoded_image_string).tolist() == [[[1, 2, 3], [255, 0, 127]]]


def test_what_is_no_image_is_refused() -> None:
    with pytest.raises(errors.ShapeError):
        ps.summary.image("x", np.zeros((1, 2, 2, 2), np.float32))
    images = ps.placeholder(ps.float32)
    summary = ps.summary.image("x", images)
    with ps.Session() as session:
        for shape in ((2, 2, 3), (1, 0, 2, 3), (1, 2, 2, 2)):
            with pytest.raises(errors.InvalidArgumentError, match="batch, height"):
                session.run(summary, {images: np.zeros(shape)})
        assert session.run(summary, {images: np.zeros((0, 2, 2, 3))}) == b""


@pytest.mark.parametrize("dtype", [*PLAIN, "string"])
def test_tensors_of_every_dtype(dtype: str) -> None:
    array = np.array([[1, 0, 1]]).astype(numpy_dtype(dtype))
    if dtype == "string":
        array = string_array([["a", "b\0", ""]])
    metadata = ps.protos.SummaryMetadata(summary_description="kept")
    made = ps.summary.tensor_summary(
        "t", array, summary_metadata=metadata, family="f", display_name="shown"
    )
    (value,) = read(made).value
    assert value.tag == "f/f/t"
    assert value.metadata.display_name == "shown"
    assert value.metadata.summary_description == "kept"
    back = ps.make_ndarray(value.tensor)
    assert back.dtype == array.dtype
    np.testing.assert_array_equal(back, array)


def test_text() -> None:
    (value,) = read(ps.summary.text("t", ps.constant(["a", "b"]))).value
    assert value.metadata.plugin_data.plugin_name == "text"
    assert ps.make_ndarray(value.tensor).tolist() == [b"a", b"b"]
    assert read(ps.summary.tensor_summary("e", np.zeros((2, 0)))).value[0].tensor.dtype == 2
    with pytest.raises(ValueError, match="strings"):
        ps.summary.text("t", ps.constant(1))
    with pytest.raises(errors.ShapeError):
        ps.raw_ops.TensorSummaryV2(["t"], 1.0, "")
