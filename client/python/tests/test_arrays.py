"""What leaves the client: little-endian, row-major bytes of the right type."""

import sys
import types

import numpy as np
import pytest
from fake_comparison import array_of

from repscore import _arrays
from repscore.v1 import types_pb2

VALUES = np.arange(12).reshape(4, 3)


def sent(array):
    encoded = _arrays.encode(array)
    return array_of(encoded.spec, encoded.tensor().data)


@pytest.mark.parametrize(
    "dtype",
    ["f4", "f8", "f2", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?"],
)
@pytest.mark.parametrize("order", ["<", ">"])
def test_every_type_and_byte_order_arrives(dtype, order):
    array = VALUES.astype(order + dtype)

    np.testing.assert_array_equal(sent(array), array)


def test_memory_order_does_not_matter():
    for array in (
        np.asfortranarray(VALUES),
        VALUES[::-1, ::2],
        VALUES.T,
        np.broadcast_to(VALUES[0], (4, 3)),
    ):
        np.testing.assert_array_equal(sent(array), array)


def test_lists_and_one_dimension_keep_their_shape():
    assert sent([1.0, 2.0]).shape == (2,)
    assert sent(np.zeros((2, 3, 4))).shape == (2, 3, 4)
    assert _arrays.encode(np.zeros((0, 3))).size == 0


def test_bfloat16_is_sent_as_bfloat16():
    ml_dtypes = pytest.importorskip("ml_dtypes")
    array = VALUES.astype(ml_dtypes.bfloat16)

    encoded = _arrays.encode(array)

    assert encoded.spec.data_type == types_pb2.DATA_TYPE_BFLOAT16
    assert encoded.tensor().data == array.tobytes()


class Tensor:
    """What the client uses of a torch tensor."""

    def __init__(self, values, dtype="torch.float32"):
        self.values, self.dtype, self.steps = values, dtype, []

    def detach(self):
        self.steps.append("detach")
        return self

    def cpu(self):
        self.steps.append("cpu")
        return self

    def view(self, dtype):
        return Tensor(self.values.view(dtype), "int16")

    def numpy(self):
        return self.values


def test_tensors_are_detached_and_brought_to_the_host():
    tensor = Tensor(VALUES.astype("f4"))

    np.testing.assert_array_equal(sent(tensor), VALUES)
    assert tensor.steps == ["detach", "cpu"]


def test_bfloat16_tensors_keep_their_bits(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", types.SimpleNamespace(int16=np.int16))
    bits = VALUES.astype(np.uint16)

    encoded = _arrays.encode(Tensor(bits, "torch.bfloat16"))

    assert encoded.spec.data_type == types_pb2.DATA_TYPE_BFLOAT16
    assert encoded.tensor().data == bits.tobytes()


def test_masked_entries_become_nan():
    array = np.ma.masked_equal(VALUES, 5)

    assert np.argwhere(np.isnan(sent(array))).tolist() == [[1, 2]]


@pytest.mark.parametrize("array", [["a"], [1j], [object()], [[1], [2, 3]]])
def test_other_elements_are_refused_by_type(array):
    with pytest.raises((TypeError, ValueError)):
        _arrays.encode(array)


def test_chunks_are_the_bytes_in_order():
    encoded = _arrays.encode(np.arange(1000.0))

    assert b"".join(encoded.chunks(77)) == np.arange(1000.0).tobytes()


def test_shapes_alone_have_a_type():
    spec = _arrays.shape_spec((np.int64(3), 2), np.float32)

    assert list(spec.shape) == [3, 2]
    assert spec.data_type == types_pb2.DATA_TYPE_FLOAT32
    assert _arrays.shape_spec((3,), "bfloat16").data_type == (
        types_pb2.DATA_TYPE_BFLOAT16
    )
    with pytest.raises(TypeError, match="complex128"):
        _arrays.shape_spec((3,), complex)


@pytest.mark.parametrize(("shape", "rows"), [((5,), 5), ((5, 2), 5), ((4, 3, 2), 12)])
def test_rows_of_a_shape(shape, rows):
    assert _arrays.row_count(_arrays.shape_spec(shape, "float64")) == rows
