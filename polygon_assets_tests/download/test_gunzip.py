"""The decompressor against the standard library's, over random members, cuts and flips."""

import contextlib
import gzip
import io
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polygon_assets.download.gunzip import Gunzip, GzipFault
from polygon_assets.expansion import ExpansionLimit


def expand(data: bytes, step: int) -> bytes:
    gunzip = Gunzip(ExpansionLimit(10**9, 1e9, "bytes", "ratio"))
    found = b"".join(piece for start in range(0, len(data), step) for piece in gunzip.feed(data[start : start + step]))
    gunzip.end()
    return found


members = st.lists(st.tuples(st.binary(max_size=300), st.integers(0, 9), st.integers(0, 20)), min_size=1, max_size=4)


@settings(deadline=None)
@given(members=members, step=st.integers(1, 400), position=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_agrees_with_the_standard_library(
    members: list[tuple[bytes, int, int]], step: int, position: int, bit: int
) -> None:
    packed = b"".join(gzip.compress(data, level) + bytes(zeros) for data, level, zeros in members)
    assert expand(packed, step) == b"".join(data for data, _, _ in members)
    for damaged in (packed[: position % len(packed)], flipped(packed, position % len(packed), bit)):
        try:
            expected = gzip.GzipFile(fileobj=io.BytesIO(damaged)).read()
        except (OSError, EOFError, zlib.error):
            with pytest.raises(GzipFault):
                expand(damaged, step)
        else:
            if damaged:  # the standard library takes an empty file for an empty stream
                with contextlib.suppress(GzipFault):  # refusing more than the standard library is no harm
                    assert expand(damaged, step) == expected


def flipped(data: bytes, position: int, bit: int) -> bytes:
    return data[:position] + bytes([data[position] ^ (1 << bit)]) + data[position + 1 :]


def test_empty_is_refused() -> None:
    with pytest.raises(GzipFault, match="empty"):
        expand(b"", 1)


def test_many_tiny_members() -> None:
    assert expand(gzip.compress(b"x") * 20_000, 1 << 20) == b"x" * 20_000
