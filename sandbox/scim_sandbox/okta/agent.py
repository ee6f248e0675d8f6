"""The provisioning agent: does the tasks of an org by pushing SCIM to its apps, the way Okta does.

Run by app's background worker; tests call `run_due`. It looks a person up by userName, creates or takes over,
updates, deactivates; a 429 is repeated with doubling waits, any other failure stays as a task until a person
retries it in the Admin Console. Everything is in the System Log with `outcome.reason`.
Source: Okta's SCIM 2.0 reference; developer.okta.com/docs/concepts/scim, rate limits.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from scim_sandbox.okta import payload, provisioning
from scim_sandbox.okta.apps import app_target
from scim_sandbox.okta.outbound import SCIM_AGENT, NoAnswer, Reply, Send
from scim_sandbox.okta.records import JSON, AppRecord, AppUserRecord, TaskRecord
from scim_sandbox.okta.store import Org
from scim_sandbox.okta.systemlog import target

ATTEMPTS = 10
DEFAULT_WAIT_SECONDS = 300.0
LONGEST_REASON = 255
HEADERS = {
    "user-agent": SCIM_AGENT,
    "accept": "application/scim+json",
    "accept-charset": "utf-8",
    "accept-encoding": "gzip,deflate",
    "content-type": "application/scim+json; charset=utf-8",
}
EVENTS = {
    "create": "application.provision.user.push",
    "reactivate": "application.provision.user.reactivate",
    "update": "application.provision.user.push_profile",
    "deactivate": "application.provision.user.deactivate",
}


class PushFailed(Exception):
    """A task failed; the text is the reason that the log gives."""


class RateLimitedPush(Exception):
    """429; `wait_seconds` is what Retry-After says in whole seconds, else five minutes."""

    def __init__(self, wait_seconds: float) -> None:
        self.wait_seconds = wait_seconds
        super().__init__("rate limited")


class Agent:
    """Does the tasks of `org` through `send`."""

    def __init__(self, org: Org, send: Send) -> None:
        self.org, self._send = org, send

    async def run_due(self) -> int:
        """Does every task that is due, once, in the order of their making; how many were done or failed."""
        now, count = self.org.clock.monotonic(), 0
        for task in list(self.org.tasks.values()):
            if task.state != "FAILED" and task.due <= now and task.id in self.org.tasks:
                await self._attempt(task)
                count += 1
        return count

    def next_due(self) -> float | None:
        """When the next waiting task is due, on the org's monotonic clock."""
        return min((task.due for task in self.org.tasks.values() if task.state != "FAILED"), default=None)

    async def test_credentials(self, base_url: str, token: str) -> str:
        """ "" where the app's SCIM service answers as it should, else the reason in words."""
        try:
            reply = await self._call("GET", base_url, token, "/Users?startIndex=1&count=2")
        except RateLimitedPush:
            return "Error authenticating: Too Many Requests"
        except PushFailed as failure:
            return f"Error authenticating: {failure}"
        body = reply.body if isinstance(reply.body, dict) else {}
        total = body.get("totalResults")
        if reply.status != 200:
            return f"Error authenticating: {_problem(reply)}"
        if isinstance(total, bool) or not isinstance(total, int):
            return "Error authenticating: the answer is not a SCIM ListResponse"
        return ""

    async def _attempt(self, task: TaskRecord) -> None:
        app = self.org.apps.get(task.app_id)
        if app is None or app.connection.status != "ENABLED":
            self._forget(task)
            return
        task.state, task.attempts = "RUNNING", task.attempts + 1
        try:
            await self._perform(app, task)
        except RateLimitedPush as limited:
            self._postpone(app, task, limited.wait_seconds)
        except PushFailed as failure:
            self._fail(app, task, str(failure))
        else:
            self._forget(task)

    def _forget(self, task: TaskRecord) -> None:
        """Unless a newer task has taken its place meanwhile."""
        if self.org.tasks.get(task.id) is task:
            del self.org.tasks[task.id]

    async def _perform(self, app: AppRecord, task: TaskRecord) -> None:
        record = app.users.get(task.user_id)
        if task.kind == "deactivate":
            await self._deactivate(app, task)
        elif record is not None and record.external_id:
            await self._update(app, record, record.external_id, "update")
        elif record is not None:
            await self._create(app, record)

    async def _create(self, app: AppRecord, record: AppUserRecord) -> None:
        found = await self._find(app, record.user_name)
        if found is not None:
            await self._update(
                app, record, str(found["id"]), "reactivate" if found.get("active") is False else "create"
            )
            return
        password = secrets.token_urlsafe(12) + "aA1!"
        body = payload.create_body(app, record, password, self.org.quirks.push_empty)
        reply = await self._app_call(app, "POST", "/Users", body)
        made = reply.body if isinstance(reply.body, dict) else {}
        if reply.status not in (200, 201):
            raise PushFailed(f"Error while creating user {record.user_name}: {_problem(reply)}")
        if not made.get("id"):
            raise PushFailed(f"Error while creating user {record.user_name}: the answer has no id")
        self._provisioned(app, record, str(made["id"]), "create")

    async def _find(self, app: AppRecord, user_name: str) -> JSON | None:
        wanted = quote(f'userName eq "{user_name}"', safe="")
        reply = await self._app_call(app, "GET", f"/Users?filter={wanted}&startIndex=1&count=100")
        if reply.status == 404:
            return None
        body = reply.body if isinstance(reply.body, dict) else {}
        if reply.status != 200 or not isinstance(body.get("totalResults"), int):
            raise PushFailed(f"Error while trying to look up user {user_name}: {_problem(reply)}")
        rows = [row for row in body.get("Resources") or [] if isinstance(row, dict) and row.get("id")]
        return rows[0] if rows else None

    async def _update(self, app: AppRecord, record: AppUserRecord, external_id: str, kind: str) -> None:
        path, push_empty = f"/Users/{quote(external_id, safe='')}", self.org.quirks.push_empty
        if app.connection.style == "PATCH":
            value = payload.profile_body(app, record, push_empty)
            value.pop("schemas")
            reply = await self._app_call(app, "PATCH", path, payload.patch_body({**value, "active": True}))
        else:
            present = await self._app_call(app, "GET", path)
            if present.status != 200:
                raise PushFailed(f"Error while getting user {record.user_name}: {_problem(present)}")
            body = payload.merged(present.body, app, record, True, push_empty)
            reply = await self._app_call(app, "PUT", path, body)
        if reply.status not in (200, 204):
            raise PushFailed(
                f"Error while trying to push profile update for {record.user_name}: {_problem(reply)}"
            )
        self._provisioned(app, record, external_id, kind)

    async def _deactivate(self, app: AppRecord, task: TaskRecord) -> None:
        path = f"/Users/{quote(task.external_id, safe='')}"
        if app.connection.style == "AIW":
            present = await self._app_call(app, "GET", path)
            if present.status == 404:
                return
            body = {**(present.body if isinstance(present.body, dict) else {}), "active": False}
            reply = await self._app_call(app, "PUT", path, body)
        else:
            reply = await self._app_call(app, "PATCH", path, payload.patch_body({"active": False}))
        if reply.status not in (200, 204, 404):
            raise PushFailed(f"Error while deactivating user {task.external_id}: {_problem(reply)}")
        self._record(app, task.user_id, "deactivate")

    async def _app_call(self, app: AppRecord, method: str, path: str, body: JSON | None = None) -> Reply:
        reply = await self._call(method, app.connection.base_url, app.connection.token, path, body)
        if reply.status == 401:
            self.org.log.record(
                "application.integration.authentication_failure",
                app_target(app),
                result="FAILURE",
                reason=f"{method} {path.split('?')[0]}: 401",
            )
        return reply

    async def _call(
        self, method: str, base_url: str, token: str, path: str, body: JSON | None = None
    ) -> Reply:
        headers = {**HEADERS, "authorization": f"Bearer {token}"}
        try:
            reply = await self._send(method, base_url.rstrip("/") + path, headers, body)
        except NoAnswer as problem:
            raise PushFailed(f"{problem}") from None
        if reply.status == 429:
            raise RateLimitedPush(_wait(reply.headers))
        return reply

    def _provisioned(self, app: AppRecord, record: AppUserRecord, external_id: str, kind: str) -> None:
        now = self.org.now_text()
        record.external_id, record.last_sync = external_id, now
        record.sync_state = "SYNCHRONIZED"
        if record.status != "PROVISIONED":
            record.status, record.status_changed = "PROVISIONED", now
        self._record(app, record.id, kind)
        provisioning.arrived(self.org, app, record)

    def _postpone(self, app: AppRecord, task: TaskRecord, wait_seconds: float) -> None:
        self.org.log.record(
            "application.integration.rate_limit_exceeded", app_target(app), result="FAILURE", reason="429"
        )
        if task.attempts >= ATTEMPTS:
            self._fail(app, task, "Too Many Requests: the app's rate limit was exceeded ten times")
            return
        task.state = "WAITING"
        task.due = self.org.clock.monotonic() + wait_seconds * 2 ** (task.attempts - 1)

    def _fail(self, app: AppRecord, task: TaskRecord, reason: str) -> None:
        task.state, task.reason = "FAILED", reason[:LONGEST_REASON]
        record = app.users.get(task.user_id)
        if record is not None:
            record.sync_state, record.last_updated = "ERROR", self.org.now_text()
        self._record(app, task.user_id, task.kind, result="FAILURE", reason=task.reason)

    def _record(
        self, app: AppRecord, user_id: str, kind: str, *, result: str = "SUCCESS", reason: str | None = None
    ) -> None:
        user, record = self.org.users.get(user_id), app.users.get(user_id)
        login = str(user.profile["login"]) if user else user_id
        user_name = record.user_name if record else login
        targets = (target("AppUser", user_id, user_name), app_target(app), target("User", user_id, login))
        self.org.log.record(EVENTS[kind], *targets, result=result, reason=reason)


def _wait(headers: Mapping[str, str]) -> float:
    text = headers.get("retry-after", "")
    return float(text) if text.isdigit() else DEFAULT_WAIT_SECONDS


def _problem(reply: Reply) -> str:
    """What Okta shows of a SCIM error: the status and the remote's `detail`."""
    body: Any = reply.body if isinstance(reply.body, dict) else {}
    detail = str(body.get("detail") or "")
    return f"{reply.status}. Errors reported by remote server: {detail}" if detail else f"HTTP {reply.status}"
