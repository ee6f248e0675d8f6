"""What the acts of the demo are played with: a person's hands in Okta and at the provider, eyes on all sides.

Used by demo and demo_scenes. Reaches everything over HTTP, as a person or another program would; the
operator is only ever asked through the Kubernetes API.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import quote

from controller.api import GROUP, KINDS, REQUESTED_AT, VERSION
from controller.kube.client import JSON
from controller.kube.manifests import read_manifests
from controller.kube.paths import object_path
from controller.kube.tables import render_table
from controller.transport.calls import Answer, Call
from controller.transport.session import Remote, Session
from scim_sandbox.alerts import Sample, read_samples, select
from scim_sandbox.console_output import Stage
from scim_sandbox.demo_checks import Checks
from scim_sandbox.okta.seed import ASSIGNED_GROUP
from scim_sandbox.run import World
from scim_sandbox.watch_cache import Board, has_condition

NAMESPACE = "default"
INTEGRATION = LIMIT = "calendly"
RECONCILE_SECONDS = 30.0
SETTLE_SECONDS = 3.0
"""How long events and metrics may trail the status that they are about."""
API_VERSION = f"{GROUP}/{VERSION}"


class Hands:
    """One API with one credential, for what a person does there by hand."""

    def __init__(self, base_url: str, system: str, authorization: str) -> None:
        headers = {"accept": "application/json", "authorization": authorization}
        self._session = Session(Remote(base_url, "demo", system, headers=headers))

    async def send(self, method: str, path: str, body: Any = None, **params: str) -> Any:
        """The decoded body of the answer."""
        return (await self.answer(method, path, body, **params)).body

    async def answer(self, method: str, path: str, body: Any = None, **params: str) -> Answer:
        """The whole answer."""
        return await self._session.send(Call(method, path, path, params=params, json=body))

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._session.aclose()


class Okta:
    """An Okta administrator."""

    def __init__(self, hands: Hands) -> None:
        self._hands = hands

    async def user(self, login: str) -> JSON:
        """The user of that login."""
        found: JSON = await self._hands.send("GET", f"/api/v1/users/{quote(login, safe='@')}")
        return found

    async def change(self, login: str, **profile: str) -> None:
        """Changes attributes of the user's profile."""
        user = await self.user(login)
        await self._hands.send("POST", f"/api/v1/users/{user['id']}", {"profile": profile})

    async def deactivate(self, login: str) -> None:
        """What happens when somebody leaves."""
        user = await self.user(login)
        await self._hands.send("POST", f"/api/v1/users/{user['id']}/lifecycle/deactivate")

    async def assign(self, logins: Iterable[str]) -> None:
        """Puts people into the group that has the app, one after the other."""
        groups = await self._hands.send("GET", "/api/v1/groups", q=ASSIGNED_GROUP)
        group = next(item for item in groups if item["profile"]["name"] == ASSIGNED_GROUP)
        for login in logins:
            user = await self.user(login)
            await self._hands.send("PUT", f"/api/v1/groups/{group['id']}/users/{user['id']}")


class Provider:
    """An administrator of the organization at the provider."""

    def __init__(self, hands: Hands) -> None:
        self._hands = hands

    async def people(self, **query: str) -> list[JSON]:
        """Everybody whom `query` (status, group, query) finds."""
        found: list[JSON] = []
        after = "0"
        while after:
            page = await self._hands.send("GET", "/people", after=after, limit="500", **query)
            found += page["people"]
            after = page.get("next", "")
        return found

    async def person(self, user_name: str) -> JSON:
        """The person of that userName; {} where there is none."""
        for found in await self.people(query=user_name):
            if found["userName"].lower() == user_name.lower():
                return found
        return {}

    async def edit(self, user_name: str, **change: Any) -> None:
        """An edit by hand."""
        person = await self.person(user_name)
        await self._hands.send("PATCH", f"/people/{person['id']}", change)

    async def deactivate(self, user_name: str) -> None:
        """A deactivation by hand."""
        person = await self.person(user_name)
        await self._hands.send("POST", f"/people/{person['id']}/deactivate", {})

    async def seats(self) -> Mapping[str, int]:
        """purchased, used, pending, free."""
        seats: Mapping[str, int] = (await self._hands.send("GET", "/organization"))["seats"]
        return seats

    async def groups(self) -> dict[str, list[str]]:
        """Group -> display names of the active people in it, sorted; people in no group under ""."""
        found: dict[str, list[str]] = {}
        for person in await self.people():
            if person["active"]:
                found.setdefault(person["group"] or "", []).append(person["displayName"])
        return {group: sorted(names) for group, names in sorted(found.items())}


class Play:
    """The world, the stage, the claims, and every side's API; `async with` opens and closes them."""

    def __init__(self, world: World, stage: Stage) -> None:
        self.world, self.stage = world, stage
        self.checks = Checks(stage.check)
        self.manifests = read_manifests([world.examples / "quickstart"])
        access = world.access
        self._okta_hands = Hands(access.okta_url, "Okta", f"SSWS {access.okta_api_token}")
        self._admin_hands = Hands(access.scim_admin_url, "the provider", f"Bearer {access.scim_admin_token}")
        self.okta, self.provider = Okta(self._okta_hands), Provider(self._admin_hands)
        self.integrations = self._board("ScimIntegration")
        self.limits = self._board("SeatLimit")
        self._boards = {"ScimIntegration": self.integrations, "SeatLimit": self.limits}
        self._boards |= {kind: self._board(kind) for kind in KINDS if kind not in self._boards}
        self._events = Board(world.api, object_path("v1", "events", NAMESPACE))
        self._stack = AsyncExitStack()

    def _board(self, kind: str) -> Board:
        return Board(self.world.api, object_path(API_VERSION, KINDS[kind].plural, NAMESPACE))

    async def __aenter__(self) -> Play:
        for hands in (self._okta_hands, self._admin_hands):
            self._stack.push_async_callback(hands.aclose)
        for board in (self._events, *self._boards.values()):
            await self._stack.enter_async_context(board)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    def begin(self, part: str) -> None:
        """A part of the demo begins."""
        self.checks.part = part
        self.stage.heading(part)

    async def until_ready(self, seconds: float) -> None:
        """Returns when every applied resource of ours is Ready."""
        for manifest in self.manifests:
            if manifest.kind in self._boards:
                board = self._boards[manifest.kind]
                await board.until(manifest.name, has_condition("Ready"), seconds, f"{manifest.kind} Ready")

    async def reconcile(self, why: str) -> JSON:
        """Asks the operator to look now, as `kubectl annotate` does; the integration when it has."""
        token = secrets.token_hex(4)
        path = object_path(API_VERSION, KINDS["ScimIntegration"].plural, NAMESPACE, INTEGRATION)
        with self.stage.progress(why):
            await self.world.api.patch(path, {"metadata": {"annotations": {REQUESTED_AT: token}}})
            return await self.integrations.until(
                INTEGRATION,
                lambda item: (item.get("status") or {}).get("lastHandledReconcileAt") == token,
                RECONCILE_SECONDS,
                "the requested reconcile",
            )

    async def show(self, kind: str, *, wide: bool = False) -> None:
        """What `kubectl get` prints of a kind."""
        api, plural = KINDS[kind].short_name, KINDS[kind].plural
        table = await self.world.api.get(object_path(API_VERSION, plural, NAMESPACE), table=True)
        self.stage.command(f"kubectl get {api}" + (" -o wide" if wide else ""))
        self.stage.table(render_table(table, wide=wide, width=self.stage.width))

    async def event(self, reason: str) -> str:
        """The message of the integration's event with that reason; "" where none comes: events follow the
        status that they are about."""
        found = await self._events.until_any(
            lambda event: event["reason"] == reason and event["involvedObject"]["name"] == INTEGRATION,
            SETTLE_SECONDS,
        )
        return "" if found is None else str(found.get("message", ""))

    async def show_metrics(self, series: str, /, **labels: str) -> None:
        """The lines of the metrics page of one series."""
        found = select(await self.metrics(), series, **labels)
        self.stage.command(f"curl -s $METRICS_URL | grep {series}")
        self.stage.block([_short(sample) for sample in found])

    async def metrics_when(self, holds: Callable[[tuple[Sample, ...]], bool]) -> tuple[Sample, ...]:
        """The metrics page as soon as `holds` is true of it, or as it is after a moment."""
        deadline = self.world.clock.monotonic() + SETTLE_SECONDS
        while True:
            samples = await self.metrics()
            if holds(samples) or self.world.clock.monotonic() > deadline:
                return samples
            await self.world.clock.sleep(0.05)

    async def metrics(self) -> tuple[Sample, ...]:
        """The operator's metrics page as it is now."""
        return read_samples(await asyncio.to_thread(_read_page, self.world.access.metrics_url))


def _short(sample: Sample) -> str:
    """A sample in one line of the terminal: labels that are the same for all are left out."""
    labels = {name: value for name, value in sample.labels.items() if name not in ("namespace", "name")}
    return f"  {Sample(sample.name, labels, sample.value)}"


def _read_page(url: str) -> str:
    from urllib.request import urlopen

    with urlopen(url, timeout=10) as answer:  # noqa: S310 - the sandbox's own metrics page
        text: str = answer.read().decode()
        return text
