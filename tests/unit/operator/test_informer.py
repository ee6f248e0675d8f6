"""kopf as an informer: what it must not tell."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from controller.operator.informer import callback_failed


def stumbles() -> None:
    raise AssertionError("never mind")


def fails() -> None:
    raise ValueError("no such thing")


@pytest.mark.parametrize(("callback", "told"), [(stumbles, []), (fails, ["no such thing"])])
def test_a_callback_of_kopf_that_fails_leaves_one_line_and_no_traceback(
    callback: Callable[[], None], told: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(callback_failed)
    loop.call_soon(callback)
    loop.call_soon(loop.stop)
    with caplog.at_level("INFO"):
        loop.run_forever()
    loop.close()
    assert [record.getMessage().rpartition(": ")[2] for record in caplog.records] == told
    assert all(record.exc_info is None for record in caplog.records)
