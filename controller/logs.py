"""Log lines: one JSON object a line, or text. Secrets are pydantic SecretStr and so print as stars.

Called once by cli at start-up. Loggers are taken by name everywhere (`logging.getLogger(__name__)`), extra
facts go into `extra={"facts": {...}}`.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

from pydantic import SecretStr

from controller.outside_text import MASK, shown_block, shown_tree


def _plain(value: Any) -> Any:
    if isinstance(value, SecretStr | bytes):
        return MASK
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return shown_block(str(value))


class JsonFormatter(logging.Formatter):
    """time, level, logger, message, the record's facts, and the traceback where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line.update(getattr(record, "facts", {}))
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(shown_tree(line), default=_plain, ensure_ascii=False)


class TextFormatter(logging.Formatter):
    """For people: time, level, message and the facts as key=value."""

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC).strftime("%H:%M:%S")
        facts = " ".join(f"{key}={_plain(value)}" for key, value in getattr(record, "facts", {}).items())
        # On one line: a line break in a text from outside must not look like a line of its own.
        told = " ".join(shown_block(f"{record.getMessage()} {facts}").split())
        line = f"{moment} {record.levelname:<7} {told}"
        trace = shown_block(self.formatException(record.exc_info)) if record.exc_info else ""
        return line + ("\n" + trace if trace else "")


def configure_logs(form: Literal["json", "text"], level: str, stream: TextIO | None = None) -> None:
    """Sends every logger of this process to `stream` (standard error) in `form`; replaces earlier handlers.

    httpx and kopf are quiet below WARNING: their lines name URLs and copy objects.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for noisy in ("httpx", "httpcore", "kopf", "aiohttp", "asyncio"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))
