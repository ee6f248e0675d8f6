"""A decoder never holds more than its bound and a chunk, whatever it is fed."""

from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.transport.decoding import (
    CHUNK,
    BadEncoding,
    BodyDecoder,
    Broken,
    TooLarge,
    TooManyValues,
    lenient_json,
    read_json,
)

bodies = st.one_of(
    st.binary(max_size=4096),
    st.builds(lambda byte, size: bytes([byte]) * size, st.integers(0, 255), st.integers(0, 600_000)),
)


def pieces(data: bytes, sizes: list[int]) -> list[bytes]:
    """`data` cut at `sizes`, one after the other."""
    found, at, turn = [], 0, 0
    while at < len(data):
        step = sizes[turn % len(sizes)]
        found.append(data[at : at + step])
        at, turn = at + step, turn + 1
    return found


@given(body=bodies, cuts=st.lists(st.integers(1, 5000), min_size=1, max_size=4), members=st.integers(1, 3))
def test_what_fits_comes_out_whole_however_it_is_cut(body: bytes, cuts: list[int], members: int) -> None:
    decoder = BodyDecoder("gzip", len(body) * members + 10_000)
    for piece in pieces(gzip.compress(body) * members, cuts):
        decoder.feed(piece)
    assert decoder.finish() == body * members


@given(
    body=bodies,
    limit=st.integers(0, 200_000),
    cuts=st.lists(st.integers(1, 100_000), min_size=1, max_size=3),
    encoding=st.sampled_from(["gzip", ""]),
)
def test_it_holds_its_bound_at_most(body: bytes, limit: int, cuts: list[int], encoding: str) -> None:
    decoder = BodyDecoder(encoding, limit)
    sent = gzip.compress(body) if encoding else body
    is_refused = False
    try:
        for piece in pieces(sent, cuts):
            decoder.feed(piece)
            assert len(decoder.content) <= limit + CHUNK
        decoder.finish()
    except TooLarge:
        is_refused = True
    assert len(decoder.content) <= limit
    assert is_refused is (max(len(body), len(sent)) > limit)


@given(noise=st.binary(min_size=1, max_size=2000))
def test_noise_is_broken_or_too_large_and_nothing_else(noise: bytes) -> None:
    decoder = BodyDecoder("gzip", 10_000)
    try:
        decoder.feed(gzip.compress(b"x" * 100) + noise)
        decoder.finish()
    except (Broken, TooLarge):
        pass


@pytest.mark.parametrize(
    "encoding", ["gzip, gzip", "deflate", "br", "zstd", "compress", "gzip;q=1", "x-gzip,identity"]
)
def test_only_one_layer_of_gzip_is_taken(encoding: str) -> None:
    with pytest.raises(BadEncoding):
        BodyDecoder(encoding, 10)


@pytest.mark.parametrize("encoding", ["", "identity", " GZIP ", "x-gzip"])
def test_names_of_encodings_are_read_without_regard_to_case(encoding: str) -> None:
    BodyDecoder(encoding, 10)


def test_a_body_that_is_cut_short_is_broken() -> None:
    whole = gzip.compress(b"x" * 1000)
    for at in range(1, len(whole)):
        decoder = BodyDecoder("gzip", 10_000)
        decoder.feed(whole[:at])
        with pytest.raises(Broken):
            decoder.finish()


def test_a_raw_deflate_stream_is_no_gzip() -> None:
    with pytest.raises(Broken):
        BodyDecoder("gzip", 100).feed(zlib.compress(b"x"))


def test_json_of_more_values_than_its_size_allows_is_not_parsed() -> None:
    with pytest.raises(TooManyValues):
        read_json(b"[" + b"[]," * 300_000 + b"1]")
    few = b"[" + b"[]," * 240_000 + b"1]"
    assert len(read_json(few)) == 240_001
    assert lenient_json(b"[" + b"[]," * 300_000 + b"1]") is None
    assert lenient_json(bytearray(b'{"a": 1}')) == {"a": 1}
