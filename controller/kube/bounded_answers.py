"""Bodies of the API server's answers, each read up to a bound and no further.

Used by client. What lies in the API server was written by users: an object is bounded by the server itself
(1.5 MiB in etcd), a page of a list or a line of a watch by nobody. Raises Unavailable, AnswerTooLarge.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp

from controller.errors import Unavailable

MEBIBYTE = 1024 * 1024
OBJECT_BYTES = 8 * MEBIBYTE
"""Largest object: what etcd takes, in base64 and with its bookkeeping, and room to spare."""
PAGE_BYTES = 16 * MEBIBYTE
"""Largest page of a list. A list of larger objects is read in smaller pages."""
ERROR_BYTES = 64 * 1024
"""So much of an error is read: its message is clipped anyway."""
TOO_LARGE = "AnswerTooLarge"


async def read_body(answer: aiohttp.ClientResponse, limit: int, what: str) -> bytes:
    """The whole body."""
    body = await _read(answer, limit)
    if len(body) > limit:
        raise _too_large(answer, limit, what)
    return body


async def read_start(answer: aiohttp.ClientResponse, limit: int) -> bytes:
    """The body, or what fits into `limit` of it."""
    body = await _read(answer, limit)
    if len(body) > limit:
        answer.close()
    return body[:limit]


async def _read(answer: aiohttp.ClientResponse, limit: int) -> bytes:
    """The body, or a little more than `limit` of it."""
    body = bytearray()
    async for data in answer.content.iter_any():
        body += data
        if len(body) > limit:
            break
    return bytes(body)


async def read_lines(answer: aiohttp.ClientResponse, limit: int, what: str) -> AsyncIterator[bytes]:
    """Each line of a body that goes on. aiohttp's own reader ends at 128 KiB: less than a bundle of CAs."""
    held, searched = bytearray(), 0
    async for data in answer.content.iter_any():
        held += data
        while (end := held.find(b"\n", searched)) >= 0:
            line, searched = bytes(held[:end]), 0
            del held[: end + 1]
            if line.strip():
                yield line
        searched = len(held)
        if searched > limit:
            raise _too_large(answer, limit, what)
    if held.strip():
        yield bytes(held)


def _too_large(answer: aiohttp.ClientResponse, limit: int, what: str) -> Unavailable:
    answer.close()
    return Unavailable(
        f"the Kubernetes API answered {what} with more than {limit // MEBIBYTE} MiB",
        system="Kubernetes",
        reason=TOO_LARGE,
    )
