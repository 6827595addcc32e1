"""What may be fed: any tensor, any memory layout; and what is refused."""

import ml_dtypes
import numpy as np
import pytest

import penstock as ps


@pytest.fixture
def session():
    with ps.Session() as s:
        yield s


def layouts(values: np.ndarray) -> dict[str, np.ndarray]:
    """The same values in every layout that NumPy allows."""
    wide = np.repeat(values, 2, axis=-1)
    raw = np.zeros(values.nbytes + 1, np.uint8)
    misaligned = raw[1:].view(values.dtype).reshape(values.shape)
    misaligned[...] = values
    read_only = values.copy()
    read_only.setflags(write=False)
    return {
        "contiguous": values.copy(),
        "read-only": read_only,
        "fortran": np.asfortranarray(values),
        "strided": wide[..., ::2],
        "reversed": values[::-1].copy()[::-1],
        "misaligned": misaligned,
        "big-endian": values.astype(values.dtype.newbyteorder(">")),
        "misaligned big-endian": misaligned.astype(values.dtype.newbyteorder(">")),
    }


@pytest.mark.parametrize("shape", [(3, 4), (64, 80)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32, np.int64, np.int16])
def test_every_layout_is_read_right(session, rng, dtype, shape):
    values = rng.integers(-100, 100, shape).astype(dtype)
    x = ps.placeholder(dtype, [None, None])
    y = x + x
    for name, array in layouts(values).items():
        before = array.copy()
        result = session.run(y, {x: array})
        assert result.dtype == dtype
        np.testing.assert_array_equal(result, values + values, err_msg=name)
        np.testing.assert_array_equal(array, before, err_msg=name)


def test_zero_strides_and_empty(session):
    x = ps.placeholder(ps.float32, [None, 3])
    spread = np.broadcast_to(np.float32([1, 2, 3]), (4, 3))
    assert session.run(x * 2.0, {x: spread}).tolist() == [[2, 4, 6]] * 4
    assert session.run(x * 2.0, {x: np.zeros((0, 3), np.float32)}).shape == (0, 3)


def test_python_values_take_the_placeholders_dtype(session):
    x = ps.placeholder(ps.float64, None)
    assert session.run(ps.identity(x), {x: 2}) == 2.0
    assert session.run(ps.identity(x), {x: [[1, 2]]}).dtype == np.float64
    b = ps.placeholder(ps.bool, [2])
    assert session.run(ps.logical_not(b), {b: [True, False]}).tolist() == [False, True]
    h = ps.placeholder(ps.bfloat16, [2])
    assert session.run(ps.identity(h), {h: [1.5, 2]}).dtype == ml_dtypes.bfloat16
    s = ps.placeholder(ps.string, [2])
    assert session.run(ps.identity(s), {s: ["a", b"b\x00"]}).tolist() == [b"a", b"b\x00"]


def test_any_tensor_can_be_fed(session):
    x = ps.placeholder(ps.float32, [])
    inner = x * 2.0
    outer = inner + 1.0
    assert session.run(outer, {inner: 10.0}) == 11.0
    assert session.run([outer, inner], {inner: 10.0}) == [11.0, 10.0]
    c = ps.constant(3.0)
    assert session.run(c + 1.0, {c: 5.0}) == 6.0
    assert session.run(x, {x: 4.0}) == 4.0


def test_placeholder_with_default(session):
    d = ps.placeholder_with_default(ps.constant([1.0]), [None])
    assert session.run(d * 2.0).tolist() == [2.0]
    assert session.run(d * 2.0, {d: [3.0, 4.0]}).tolist() == [6.0, 8.0]


def test_names_and_tuples_as_keys(session):
    x, y = ps.placeholder(ps.float32, [], "x"), ps.placeholder(ps.float32, [], "y")
    for _ in range(2):
        assert session.run(x - y, {"x:0": 5, "y:0": 2}) == 3.0
        assert session.run(x - y, {(x, y): (5, 2)}) == 3.0
        assert session.run(x - y, {y: 2, x: 5}) == 3.0


def test_a_variable_never_shares_a_fed_array(session):
    x = ps.placeholder(ps.float32, [1000])
    v = ps.Variable(np.zeros(1000, np.float32))
    session.run(v.initializer)
    fed = np.ones(1000, np.float32)
    session.run(ps.assign(v, x), {x: fed})
    fed[:] = 9
    assert (session.run(v) == 1).all()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.zeros(3, np.float32), r"float32\[3\].*float32\[2\]"),
        (np.zeros((2, 2), np.float32), r"float32\[2, 2\]"),
        ("word", "it holds text"),
        ([1, [2, 3]], "inhomogeneous|sequence"),
        (object(), "float32"),
        (None, "float32"),
    ],
)
def test_what_cannot_be_fed(session, value, text):
    x = ps.placeholder(ps.float32, [2], name="x")
    with pytest.raises((ps.errors.FeedError, TypeError), match=text):
        session.run(x + 1.0, {x: value})
    assert session.run(x + 1.0, {x: [1, 2]}).tolist() == [2, 3]


@pytest.mark.parametrize(
    ("value", "dtype", "text"),
    [
        ([1.5, 2], ps.int32, "not every element fits int32"),
        (np.array([1.0, np.nan]), ps.int64, "fits int64"),
        ([1, 2**31], ps.int32, "fits int32"),
        (np.array([1, -1]), ps.uint8, "fits uint8"),
        ([2, 0], ps.bool, "fits bool"),
        ([1j, 1], ps.float32, "complex"),
        (["1", "2"], ps.float32, "text"),
        ([1, 2**70], ps.int64, "too large"),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value")
def test_no_value_is_changed_on_its_way_in(session, value, dtype, text):
    x = ps.placeholder(dtype, [2], name="x")
    with pytest.raises(ps.errors.FeedError, match=text):
        session.run(x, {x: value})


def test_values_that_fit_may_have_another_dtype(session):
    x, b = ps.placeholder(ps.int32, [2]), ps.placeholder(ps.bool, [2])
    assert session.run(x, {x: np.array([1.0, 2.0])}).tolist() == [1, 2]
    assert session.run(x, {x: np.array([1, 2], np.uint64)}).tolist() == [1, 2]
    assert session.run(x, {x: [True, False]}).tolist() == [1, 0]
    assert session.run(b, {b: [1, 0]}).tolist() == [True, False]
    f = ps.placeholder(ps.float32, [2])
    assert session.run(f, {f: [0.1, 2]}).tolist() == [np.float32(0.1), 2.0]


def test_feeding_what_is_no_tensor(session):
    x = ps.placeholder(ps.float32, [2])
    with pytest.raises(ps.errors.FeedError, match="no operation 'q'"):
        session.run(x, {"q:0": 1})
    with pytest.raises(ps.errors.FeedError, match="expected a Tensor"):
        session.run(x, {3: 1})
    with pytest.raises(TypeError, match="not a tensor"):
        session.run(x, {x: ps.constant([1.0, 2.0])})
    with ps.Graph().as_default():
        other = ps.placeholder(ps.float32)
    with pytest.raises(ps.errors.FeedError, match="not an element of this graph"):
        session.run(x, {other: 1})


def test_a_placeholder_that_is_not_fed(session):
    x = ps.placeholder(ps.float32, [2], name="x")
    with pytest.raises(ps.errors.InvalidArgumentError, match="must feed") as caught:
        session.run(x + 1.0)
    assert caught.value.op is x.op and "test_feeds.py" in str(caught.value)


@pytest.mark.parametrize("dtype", [d for d in ps.dtypes.ALL if d not in (ps.string, ps.resource)])
def test_numpy_scalars_of_every_dtype(session, dtype):
    x = ps.placeholder(dtype, [])
    assert session.run(x, {x: dtype.numpy_dtype.type(1)}) == 1
