"""One poller of the System Log for each Okta org, and what hooks bring: both only enqueue keys.

Told by the reconciler which org an integration uses, with which client, and what it cares for. Between full
reads this is how a change in Okta is noticed: one call a poll and org, however many integrations there are.
The link with which a poll began is stored after it, one poll late, so that a crash repeats events and loses
none.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from controller.clock import Clock
from controller.errors import ControllerError, RateLimited, Unauthorized
from controller.model.people import EVERYTHING, OktaId, Refresh
from controller.okta.client import OktaClient
from controller.okta.connect import OpenOrg
from controller.okta.events import Change, Interests, Seen, follow
from controller.okta.pushes import Pushes, Told
from controller.okta.sign_ins import SignIns
from controller.operator.log_position import LogLinks
from controller.parsing import parse_moment
from controller.reconcile.report import Report

SLOWER = 10
"""A credential that may not read the log is tried this much less often."""
Enqueue = Callable[[str, Refresh, str], None]
"""(key, what to read anew, why)."""
Count = Callable[[str, int], None]
"""(key, people whom Okta has deactivated)."""
logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Org:
    client: OktaClient
    since: datetime
    home: tuple[str, str]
    """Namespace and name of the OktaOrg beside which the link is stored."""
    link: str | None = None
    """None: the stored one has not been looked for."""
    stored: str = ""
    keys: set[str] = field(default_factory=set)
    interests: Interests = field(default_factory=Interests)
    seen: Seen = field(default_factory=Seen)
    pushes: Pushes = field(default_factory=Pushes)
    sign_ins: SignIns = field(default_factory=SignIns)
    task: asyncio.Task[None] | None = None
    last_event: datetime | None = None
    """Of the newest event that the log has shown."""

    def note_time(self, changes: Iterable[Change]) -> None:
        """Remembers the newest of `changes`."""
        times = [parse_moment(change.published) for change in changes]
        known = [moment for moment in (*times, self.last_event) if moment is not None]
        self.last_event = max(known, default=None)


class Orgs:
    """The orgs that integrations use."""

    def __init__(
        self, clock: Clock, poll_seconds: float, enqueue: Enqueue, links: LogLinks, count: Count | None = None
    ) -> None:
        self._clock, self._enqueue, self._poll_seconds = clock, enqueue, poll_seconds
        self._links, self._count = links, count or (lambda key, people: None)
        self._orgs: dict[str, _Org] = {}

    def use(self, key: str, opened: OpenOrg, report: Report) -> None:
        """`key` has been reconciled with `opened`: its client is the one to poll with from now on, and what a
        complete run read is what `key` cares for."""
        actual, resource = report.actual, report.inputs.org
        if actual is None or resource is None or not report.is_complete:
            return
        org = self._orgs.get(opened.key)
        if org is None:
            home = (resource.namespace, resource.name)
            org = self._orgs[opened.key] = _Org(opened.client, report.started, home)
            org.task = asyncio.create_task(self._follow(opened.key, org), name=f"log {opened.key}")
        org.client = opened.client
        org.keys.add(key)
        self._count(key, 0)  # a series that is born above zero has not increased for Prometheus
        people: set[str] = {person.okta_id for person in actual.assignments.people}
        people.update(report.memory.pairs)
        groups = {*actual.assignments.app_groups, *actual.assignments.groups}
        org.interests.set(key, actual.app.app_id, people, groups)
        failures = {str(okta_id): why for okta_id, why in report.memory.failures.items()}
        org.pushes.recall(actual.app.app_id, failures, report.memory.trouble)
        self._ask_for_sign_ins(org, actual.app.app_id, people, report)

    def _ask_for_sign_ins(self, org: _Org, app_id: str, people: set[str], report: Report) -> None:
        """Where a SeatLimit wants to know who is inactive; nobody else pays for it."""
        seats = report.desired.seats if report.desired is not None else None
        if seats is None or seats.inactive_for is None:
            org.sign_ins.drop(app_id)
            return
        known = {str(okta_id): day for okta_id, day in report.memory.sign_ins.items()}
        org.sign_ins.ask(app_id, people, known, seats.inactive_for, report.finished)

    def told(self, key: str) -> Told:
        """What the log has told of the pushes to the app of `key`."""
        for org in self._orgs.values():
            if key in org.keys:
                return org.pushes.told(org.interests.app_of(key))
        return Told()

    def signed_in(self, key: str) -> Mapping[str, int]:
        """The newest day on which each person signed in to the app of `key`, as far as the log told."""
        found = next((org for org in self._orgs.values() if key in org.keys), None)
        return found.sign_ins.told(found.interests.app_of(key)) if found is not None else {}

    def last_event(self, org_key: str) -> datetime | None:
        """Time of the newest event that the log of an org has shown; None before the first."""
        org = self._orgs.get(org_key)
        return org.last_event if org is not None else None

    async def drop(self, namespace: str, name: str) -> None:
        """An OktaOrg is gone: so is what was stored beside it."""
        for org_key, org in self._orgs.items():
            if org.home == (namespace, name):
                org.stored = ""
                await self._links.delete(namespace, org_key)

    def forget(self, key: str) -> None:
        """`key` is gone or suspended: an org that nobody else uses is not asked any more."""
        for org in self._orgs.values():
            org.keys.discard(key)
            org.sign_ins.drop(org.interests.app_of(key))
            org.interests.forget(key)

    def take(self, changes: Iterable[Change], org_key: str = "") -> int:
        """Enqueues whom `changes` concern, of one org or, for a hook that does not say whose it is, of any.
        Returns the number of keys."""
        found, count = [change for change in changes if not change.is_sign_in], 0
        for each, org in self._orgs.items():
            for change in org.seen.fresh(found) if org_key in ("", each) else ():
                # Who begins or ceases to fail changes the steps of a person, which a full run tells.
                is_news = org.pushes.take(change)
                self._count_deactivations(org, change)
                for key, people in org.interests.concerned(change).items():
                    is_all = people is None or is_news
                    refresh = EVERYTHING if is_all else Refresh(frozenset(map(OktaId, people or ())))
                    self._enqueue(key, refresh, change.event_type)
                    count += 1
        return count

    def _count_deactivations(self, org: _Org, change: Change) -> None:
        for key in org.keys if change.is_deactivation else ():
            if org.interests.app_of(key) in change.app_ids:
                self._count(key, max(1, len(change.user_ids)))

    async def _follow(self, org_key: str, org: _Org) -> None:
        while True:
            await self._clock.sleep(self._poll_seconds)
            try:
                await self._clock.sleep(await self._poll(org_key, org))
            except Exception:
                logger.exception("unexpected error", extra={"facts": {"org": org_key}})

    async def _poll(self, org_key: str, org: _Org) -> float:
        """One poll; how much longer than usual to wait for the next."""
        if not org.keys:
            org.link, org.since = "", self._clock.now()
            return 0.0
        if org.link is None:
            org.link = org.stored = await self._links.load(org.home[0], org_key)
        begun = org.link
        try:
            changes, org.link = await follow(org.client, begun, org.since)
        except RateLimited as error:
            return error.retry_after_seconds
        except ControllerError as error:
            logger.warning("the System Log is not read: %s", error.message, extra={"facts": {"org": org_key}})
            return self._poll_seconds * SLOWER if isinstance(error, Unauthorized) else 0.0
        org.note_time(changes)
        self.take(changes, org_key)
        await self._read_sign_ins(org_key, org)
        if begun not in ("", org.stored) and await self._links.save(org.home[0], org_key, begun):
            org.stored = begun
        return 0.0

    async def _read_sign_ins(self, org_key: str, org: _Org) -> None:
        """One app at most; what fails costs only what a report of inactive people would have known."""
        try:
            await org.sign_ins.read(org.client, self._clock)
        except ControllerError as error:
            logger.warning("sign-ins are not read: %s", error.message, extra={"facts": {"org": org_key}})

    async def aclose(self) -> None:
        """Ends the pollers."""
        tasks = [org.task for org in self._orgs.values() if org.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
