"""Log lines carry facts and tracebacks, and never a secret."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from pydantic import SecretStr

from controller.logs import configure_logs


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before = (root.handlers, root.level)
    yield io.StringIO()
    root.handlers, level = before[0], before[1]
    root.setLevel(level)


def test_a_json_line_holds_the_facts_and_masks_secrets(stream: io.StringIO) -> None:
    configure_logs("json", "info", stream)
    facts = {"token": SecretStr("hunter2"), "raw": b"hunter2", "at": datetime(2026, 1, 1, tzinfo=UTC), "n": 1}
    logging.getLogger("controller.test").info("wrote", extra={"facts": facts})
    line = json.loads(stream.getvalue())
    assert (line["message"], line["level"], line["n"]) == ("wrote", "info", 1)
    assert line["at"] == "2026-01-01T00:00:00+00:00"
    assert "hunter2" not in stream.getvalue()


def test_a_json_line_has_the_traceback(stream: io.StringIO) -> None:
    configure_logs("json", "info", stream)
    try:
        raise RuntimeError("a bug")
    except RuntimeError:
        logging.getLogger("controller.test").exception("failed")
    assert "RuntimeError: a bug" in json.loads(stream.getvalue())["traceback"]


def test_text_is_for_people(stream: io.StringIO) -> None:
    configure_logs("text", "info", stream)
    logger = logging.getLogger("controller.test")
    logger.info("wrote", extra={"facts": {"key": "a/b", "token": SecretStr("hunter2")}})
    assert "INFO    wrote key=a/b token=**********" in stream.getvalue()
    try:
        raise RuntimeError("a bug")
    except RuntimeError:
        logger.exception("failed")
    assert "RuntimeError: a bug" in stream.getvalue()


def test_chatty_libraries_stay_quiet(stream: io.StringIO) -> None:
    configure_logs("text", "debug", stream)
    logging.getLogger("httpx").info("GET https://example.com")
    assert stream.getvalue() == ""
