"""Arrays to and from the wire: little-endian, row-major bytes."""

from __future__ import annotations

import hashlib
import math
import sys
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from repscore.v1 import types_pb2

_DATA_TYPES = {
    "float32": types_pb2.DATA_TYPE_FLOAT32,
    "float64": types_pb2.DATA_TYPE_FLOAT64,
    "float16": types_pb2.DATA_TYPE_FLOAT16,
    "bfloat16": types_pb2.DATA_TYPE_BFLOAT16,
    "int8": types_pb2.DATA_TYPE_INT8,
    "int16": types_pb2.DATA_TYPE_INT16,
    "int32": types_pb2.DATA_TYPE_INT32,
    "int64": types_pb2.DATA_TYPE_INT64,
    "uint8": types_pb2.DATA_TYPE_UINT8,
    "uint16": types_pb2.DATA_TYPE_UINT16,
    "uint32": types_pb2.DATA_TYPE_UINT32,
    "uint64": types_pb2.DATA_TYPE_UINT64,
    "bool": types_pb2.DATA_TYPE_BOOL,
}
_NAMES = {value: name for name, value in _DATA_TYPES.items()}

CHUNK_BYTES = 1 << 20


class Encoded:
    """An array ready to be sent: its specification and its bytes."""

    def __init__(
        self,
        data_type: types_pb2.DataType.ValueType,
        shape: tuple[int, ...],
        data: npt.NDArray[np.uint8],
    ) -> None:
        self.spec = types_pb2.TensorSpec(data_type=data_type, shape=shape)
        self._data = data

    @property
    def size(self) -> int:
        """Number of bytes."""
        return int(self._data.size)

    def tensor(self) -> types_pb2.Tensor:
        """The whole array in one message."""
        return types_pb2.Tensor(spec=self.spec, data=self._data.tobytes())

    def chunks(self, chunk_bytes: int = CHUNK_BYTES) -> Iterator[bytes]:
        """The bytes in order, in pieces."""
        for start in range(0, self.size, chunk_bytes):
            yield self._data[start : start + chunk_bytes].tobytes()

    def sha256(self) -> str:
        """Hex digest of the bytes."""
        return hashlib.sha256(self._data.data).hexdigest()


def _from_torch(tensor: Any) -> tuple[Any, str | None]:
    """A NumPy array of a torch tensor, and "bfloat16" where NumPy lacks it."""
    tensor = tensor.detach().cpu()
    if str(tensor.dtype) == "torch.bfloat16":
        return tensor.view(sys.modules["torch"].int16).numpy(), "bfloat16"
    return tensor.numpy(), None


def encode(array: Any) -> Encoded:
    """Converts an array-like to wire bytes.

    Accepts NumPy arrays of any memory order and byte order, torch tensors on
    any device, and whatever `numpy.asarray` takes. Masked entries become NaN,
    which the server refuses by position.

    Raises:
        TypeError: The elements are not real numbers of a type of the wire.
    """
    name: str | None = None
    if hasattr(array, "detach") and hasattr(array, "cpu"):
        array, name = _from_torch(array)
    elif np.ma.isMaskedArray(array) and np.ma.is_masked(array):
        array = np.ma.filled(array.astype(np.float64), np.nan)
    values = np.asarray(array)
    name = name or values.dtype.newbyteorder("=").name
    if name not in _DATA_TYPES:
        raise TypeError(
            f"cannot send elements of type {values.dtype}: convert to one of "
            + ", ".join(_DATA_TYPES)
        )
    shape = values.shape
    if values.dtype.byteorder == ">" or (
        sys.byteorder == "big" and values.dtype.byteorder == "="
    ):
        values = values.astype(values.dtype.newbyteorder("<"))
    flat = np.ascontiguousarray(values).reshape(-1)
    return Encoded(_DATA_TYPES[name], shape, flat.view(np.uint8))


def shape_spec(shape: Iterable[int], dtype: Any) -> types_pb2.TensorSpec:
    """What an array of this shape and type would be on the wire.

    Raises:
        TypeError: The type is none of the wire's.
    """
    name = str(dtype)
    if name not in _DATA_TYPES:
        name = np.dtype(dtype).newbyteorder("=").name
    if name not in _DATA_TYPES:
        raise TypeError(f"cannot send {name}: choose one of {', '.join(_DATA_TYPES)}")
    return types_pb2.TensorSpec(
        data_type=_DATA_TYPES[name], shape=[int(size) for size in shape]
    )


def row_count(spec: types_pb2.TensorSpec) -> int:
    """Rows after folding time and condition."""
    shape = tuple(spec.shape)
    return math.prod(shape[: max(1, len(shape) - 1)])


def dtype_name(data_type: int) -> str:
    """NumPy's name of an element type, for instance "float32"."""
    return _NAMES.get(types_pb2.DataType.ValueType(data_type), "unspecified")


def decode(spec: types_pb2.TensorSpec, data: bytearray) -> npt.NDArray[np.float64]:
    """The array that the server sent, over the same memory."""
    dtype = np.dtype(dtype_name(spec.data_type)).newbyteorder("<")
    array = np.frombuffer(data, dtype=dtype).reshape(tuple(spec.shape))
    return array.astype(np.float64, copy=False)
