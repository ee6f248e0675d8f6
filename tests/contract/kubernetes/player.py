"""Sends the steps of a scenario to a Kubernetes API server and keeps what it answered, comparably.

Called by scenario and by the contract test. What differs between two runs (uids, versions, times, generated
names) becomes a symbol, so that answers can be held against those recorded from kube-apiserver.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

import httpx

MERGE = {"content-type": "application/merge-patch+json"}
JSON_PATCH = {"content-type": "application/json-patch+json"}
STRATEGIC = {"content-type": "application/strategic-merge-patch+json"}
APPLY = {"content-type": "application/apply-patch+yaml"}
TABLE = {"accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_GENERATED = re.compile(r"gen-[a-z0-9]{5}")
_AGE = re.compile(r"\d+(ms|s|m|h)?")
_WATCH_SECONDS = 10.0


@dataclass(frozen=True)
class Outcome:
    """What one step gave: the status code (0 for a derived value) and the comparable answer."""

    code: int
    answer: Any


class Player:
    """Plays steps in order; `outcomes` holds them by name, `last` the raw answers."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self.outcomes: dict[str, Outcome] = {}
        self.last: dict[str, Any] = {}
        self._uids: dict[str, str] = {}

    async def step(
        self,
        name: str,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: dict[str, str] | None = None,
        params: dict[str, str] | None = None,
        pick: Callable[[Any], Any] | None = None,
    ) -> Any:
        """Sends one request; returns the raw answer and keeps what `pick` makes of it."""
        content = body if isinstance(body, str | None) else json.dumps(body)
        sent = {} if content is None else {"content-type": "application/json"}
        response = await self.client.request(
            method, path, content=content, headers={**sent, **(headers or {})}, params=params
        )
        try:
            answer = response.json()
        except ValueError:
            answer = response.text
        self.last[name] = answer
        try:
            shown = pick(answer) if pick else answer
        except (KeyError, TypeError, AttributeError, IndexError):
            shown = answer  # an error came where an object was expected: keep all of it
        self.outcomes[name] = Outcome(response.status_code, self._comparable(shown))
        return answer

    def note(self, name: str, value: Any) -> None:
        """Keeps a value derived from several answers."""
        self.outcomes[name] = Outcome(0, {"value": value})

    async def watch(
        self, name: str, path: str, params: dict[str, str], act: Iterable[Awaitable[Any]], wanted: int
    ) -> None:
        """Opens a watch, acts, and notes type, name, code and generation of the first `wanted` events."""
        events: list[list[Any]] = []
        stream = self.client.stream("GET", path, params={"watch": "1", **params})
        async with asyncio.timeout(_WATCH_SECONDS), stream as response:
            for action in act:
                await action
            async for line in response.aiter_lines():
                events.append(_summary(json.loads(line)))
                if len(events) == wanted:
                    break
        self.note(name, events)

    def _comparable(self, value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {name: self._comparable(v, name) for name, v in value.items() if name != "managedFields"}
        if isinstance(value, list):
            return [self._comparable(item, key) for item in value]
        return self._symbol(value, key) if isinstance(value, str) else value

    def _symbol(self, text: str, key: str) -> str:
        if key in ("uid", "UID"):
            return self._uids.setdefault(text, f"<uid{len(self._uids)}>")
        if key in ("resourceVersion", "continue") and text:
            return "<rv>" if key == "resourceVersion" else "<continue>"
        if _TIME.fullmatch(text):
            return "<time>"
        if _GENERATED.fullmatch(text):
            return "<generated>"
        return "<age>" if key == "cells" and _AGE.fullmatch(text) else text


def _summary(event: dict[str, Any]) -> list[Any]:
    obj = event["object"]
    metadata = obj.get("metadata", {})
    return [
        event["type"],
        metadata.get("name") or obj.get("kind"),
        obj.get("code"),
        metadata.get("generation"),
    ]


def dig(value: Any, path: str) -> Any:
    """What is at a dotted path; None where there is nothing."""
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value
