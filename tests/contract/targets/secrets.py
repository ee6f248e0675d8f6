"""Secrets in memory: a SecretStore that can refuse, fail after writing, or end the process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import SecretStr

from controller.api.meta import REPLACED_TOKEN
from controller.errors import NotFound, RemoteError
from controller.planning.base.inputs import SecretNote

Place = tuple[str, str, str]


@dataclass
class Secrets:
    """Values by (namespace, name, key), and the notes beside them."""

    values: dict[Place, SecretStr]
    notes: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    refuses: RemoteError | None = None
    """Raised by a check."""
    fails: RemoteError | None = None
    """Raised by a put, which writes nothing."""
    loses_answers: RemoteError | None = None
    """Raised by a put after it was written."""

    async def read(self, namespace: str, name: str) -> Mapping[str, SecretStr]:
        found = {
            key: value
            for (space, one, key), value in self.values.items()
            if (space, one) == (namespace, name)
        }
        if not found and (namespace, name) not in self.notes:
            raise NotFound(f"the Secret {namespace}/{name} is gone", system="Kubernetes", status=404)
        return found

    async def check(self, namespace: str, name: str, key: str, notes: Mapping[str, str | None]) -> None:
        await self.read(namespace, name)
        if self.refuses is not None:
            raise self.refuses

    async def put(
        self, namespace: str, name: str, key: str, value: SecretStr, notes: Mapping[str, str | None]
    ) -> None:
        await self.check(namespace, name, key, notes)
        if self.fails is not None:
            raise self.fails
        self.values[namespace, name, key] = value
        kept = {**self.notes.get((namespace, name), {}), **notes}
        self.notes[namespace, name] = {key: text for key, text in kept.items() if text is not None}
        if self.loses_answers is not None:
            raise self.loses_answers

    def known(self) -> dict[tuple[str, str], SecretNote]:
        """As planning is told of them."""
        return {place: SecretNote("", notes.get(REPLACED_TOKEN, "")) for place, notes in self.notes.items()}
