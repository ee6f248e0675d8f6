"""Bodies of answers, decoded while they are counted: one layer of gzip, never more than a bound.

Used by session. httpx would decode as many layers as an answer names, each whole: 3.5 KB become 11 GiB. Here
nothing is decompressed that is not kept, and nothing is kept beyond the bound. Source: RFC 9110 section 8.4.
"""

from __future__ import annotations

import zlib
from typing import Any

from controller.parsing import parse_json
from controller.transport.bounds import BYTES_A_VALUE, FEW_VALUES

ACCEPTED = "gzip"
"""What we ask for. RFC 9110 section 8.4.1.3: x-gzip is the same."""
GZIP = zlib.MAX_WBITS | 16
CHUNK = 64 * 1024
"""Decompressed at once."""


class TooLarge(Exception):
    """The body is larger than its bound."""


class TooManyValues(ValueError):
    """The JSON has more values than an honest answer of its size."""


class BadEncoding(Exception):
    """The encoding is not one that we asked for; the text names it."""


class Broken(Exception):
    """The compression is broken or cut short."""


class BodyDecoder:
    """Takes the bytes of one answer as they come. Holds at most `limit` bytes and one chunk."""

    def __init__(self, encoding: str, limit: int) -> None:
        """Raises BadEncoding for anything but nothing, identity and one gzip."""
        coding = encoding.strip().lower()
        if coding not in ("", "identity", "gzip", "x-gzip"):
            raise BadEncoding(coding)
        self._limit = limit
        self._received = 0
        self._inflater = zlib.decompressobj(GZIP) if coding in ("gzip", "x-gzip") else None
        self.content = bytearray()
        """What was decoded so far."""

    def feed(self, data: bytes) -> None:
        """Decodes `data`. Raises TooLarge as soon as the bound is passed, Broken."""
        self._received += len(data)
        if self._received > self._limit:
            # A compressed body that is larger than what it may become cannot be right.
            raise TooLarge
        if self._inflater is None:
            self._keep(data)
        else:
            self._inflate(data)

    def finish(self) -> bytearray:
        """The whole body. Raises Broken if it was cut short."""
        if self._inflater is not None and self._received and not self._inflater.eof:
            raise Broken("cut short")
        return self.content

    def _inflate(self, data: bytes) -> None:
        while data:
            assert self._inflater is not None
            if self._inflater.eof:
                # Several members one after the other are one body (RFC 1952 section 2.2).
                self._inflater = zlib.decompressobj(GZIP)
            try:
                part = self._inflater.decompress(data, CHUNK)
            except zlib.error as error:
                raise Broken(str(error)) from None
            self._keep(part)
            data = self._inflater.unused_data if self._inflater.eof else self._inflater.unconsumed_tail
            if not data and len(part) == CHUNK:
                self._drain()

    def _drain(self) -> None:
        """What the inflater holds back though it has no input left."""
        assert self._inflater is not None
        while not self._inflater.eof and (part := self._inflater.decompress(b"", CHUNK)):
            self._keep(part)

    def _keep(self, part: bytes) -> None:
        if len(self.content) + len(part) > self._limit:
            raise TooLarge
        self.content += part


def read_json(content: bytes | bytearray) -> Any:
    """The JSON in `content`. Raises TooManyValues before it is parsed, and whatever parse_json raises."""
    values = content.count(b",") + content.count(b"[") + content.count(b"{")
    if values > max(FEW_VALUES, len(content) // BYTES_A_VALUE):
        raise TooManyValues
    return parse_json(content)


def lenient_json(content: bytes | bytearray) -> Any:
    """The JSON of an error answer, or None: what a proxy says in between need not be JSON."""
    try:
        return read_json(content)
    except ValueError:
        return None
