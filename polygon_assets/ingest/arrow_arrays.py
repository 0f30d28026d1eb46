"""Between numpy and Arrow, without copies. pyarrow's type stubs guess wrong here, so ``Any`` ends in this module."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc


def array(values: "npt.NDArray[Any]", *, missing: "npt.NDArray[np.bool_] | None" = None, kind: Any = None) -> Any:
    """``values`` as an Arrow array of type ``kind`` (None: numpy's own), null where ``missing``."""
    return pa.array(values, mask=missing, type=kind)


def dictionary_array(codes: "npt.NDArray[np.int32] | Any", names: Any) -> Any:
    """The array that has ``names[code]`` for each of ``codes``."""
    return pa.DictionaryArray.from_arrays(codes if isinstance(codes, pa.Array) else array(codes), names)


def string_bytes(names: pa.StringArray) -> tuple["npt.NDArray[np.int32]", "npt.NDArray[np.uint8]"]:
    """Where each name starts, with the end of the last one, and the bytes these count in."""
    buffers: list[Any] = list(names.buffers())
    offsets = np.frombuffer(buffers[1] or bytes(4), dtype=np.int32)[names.offset :][: len(names) + 1]
    return offsets, np.frombuffer(buffers[2] or b"", dtype=np.uint8)


def ascending(names: Any) -> bool:
    """Does each name sort strictly after the one before it, byte by byte?"""
    return len(names) < 2 or bool(pc.all(pc.less(names.slice(0, len(names) - 1), names.slice(1))).as_py())  # noqa: PLR2004
