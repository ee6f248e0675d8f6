"""Event hooks: registration, the one-time verification challenge, and delivery of the events they name.

Routes are called by app, delivery by app's background worker; tests call `deliver`. A receiver gets three
seconds by its own means; a delivery that finds nobody is tried once more, a refusal is not. Source:
developer.okta.com/docs/concepts/event-hooks.
"""

from __future__ import annotations

import secrets
import uuid
from collections import deque

from scim_sandbox.okta import shapes
from scim_sandbox.okta.bodies import items, section, word
from scim_sandbox.okta.calls import Answer, Call, Route
from scim_sandbox.okta.outbound import NoAnswer, Send
from scim_sandbox.okta.problems import OktaProblem, invalid, missing
from scim_sandbox.okta.records import JSON, HookRecord
from scim_sandbox.okta.store import Org
from scim_sandbox.okta.systemlog import target

LARGEST_BACKLOG = 10_000
MOST_EVENTS = 100


class Deliveries:
    """Events that wait for delivery; listens to the log."""

    def __init__(self, org: Org, send: Send) -> None:
        self.org, self._send = org, send
        self._waiting: deque[tuple[str, JSON]] = deque(maxlen=LARGEST_BACKLOG)
        org.log.listeners.append(self._note)

    def _note(self, event: JSON) -> None:
        for hook in self.org.hooks.values():
            if (
                hook.status == "ACTIVE"
                and hook.verification == "VERIFIED"
                and event["eventType"] in hook.events
            ):
                self._waiting.append((hook.id, event))
                self.org.changed()

    def close(self) -> None:
        """Listens no longer."""
        self.org.log.listeners.remove(self._note)

    async def deliver(self) -> int:
        """Sends everything that waits, by hook; how many requests were made."""
        batches: dict[str, list[JSON]] = {}
        while self._waiting:
            hook_id, event = self._waiting.popleft()
            batches.setdefault(hook_id, []).append(event)
        sent = 0
        for hook_id, events in batches.items():
            hook = self.org.hooks.get(hook_id)
            for start in range(0, len(events) if hook else 0, MOST_EVENTS):
                assert hook is not None
                await self._post(hook, events[start : start + MOST_EVENTS])
                sent += 1
        return sent

    async def _post(self, hook: HookRecord, events: list[JSON]) -> None:
        body = {
            "eventType": "com.okta.event_hook",
            "eventTypeVersion": "1.0",
            "cloudEventsVersion": "0.1",
            "source": f"{self.org.url}/api/v1/eventHooks/{hook.id}",
            "eventId": str(uuid.uuid4()),
            "data": {"events": events},
            "eventTime": self.org.now_text(),
            "contentType": "application/json",
        }
        for _ in range(2):
            try:
                await self._send("POST", hook.uri, _headers(hook), body)
            except NoAnswer:
                continue
            return


async def verify(org: Org, hook: HookRecord, send: Send) -> None:
    """The challenge: the receiver must answer it as `verification`; 400 otherwise."""
    challenge = secrets.token_urlsafe(32)
    headers = {**_headers(hook), "x-okta-verification-challenge": challenge}
    try:
        reply = await send("GET", hook.uri, headers, None)
    except NoAnswer as problem:
        raise invalid("eventHook", f"The endpoint could not be reached: {problem}") from None
    body = reply.body if isinstance(reply.body, dict) else {}
    if reply.status != 200 or not secrets.compare_digest(str(body.get("verification", "")), challenge):
        raise invalid("eventHook", "The endpoint did not return the verification challenge.")
    hook.verification, hook.last_updated = "VERIFIED", org.now_text()
    org.log.record("event_hook.verified", target("EventHook", hook.id, hook.name))


def _headers(hook: HookRecord) -> dict[str, str]:
    secret = {hook.auth_key.lower(): hook.auth_value} if hook.auth_key else {}
    plain = {str(key).lower(): str(value) for key, value in hook.headers.items()}
    return {"content-type": "application/json", "accept": "application/json", **plain, **secret}


def _find(org: Org, call: Call) -> HookRecord:
    hook_id = call.names["hookId"]
    if hook_id not in org.hooks:
        raise missing(hook_id, "EventHook")
    return org.hooks[hook_id]


def list_hooks(org: Org, call: Call) -> Answer:
    return Answer([shapes.hook(org, each) for each in org.hooks.values()])


def get_hook(org: Org, call: Call) -> Answer:
    return Answer(shapes.hook(org, _find(org, call)))


def create_hook(org: Org, call: Call) -> Answer:
    now = org.now_text()
    hook = HookRecord(org.new_id("hook"), "", "ACTIVE", "UNVERIFIED", "", [], now, now)
    _fill(hook, call.json_object())
    org.hooks[hook.id] = hook
    org.log.record("event_hook.created", target("EventHook", hook.id, hook.name))
    return Answer(shapes.hook(org, hook))


def replace_hook(org: Org, call: Call) -> Answer:
    hook, uri = _find(org, call), _find(org, call).uri
    _fill(hook, call.json_object())
    if hook.uri != uri:
        hook.verification = "UNVERIFIED"
    hook.last_updated = org.now_text()
    org.log.record("event_hook.updated", target("EventHook", hook.id, hook.name))
    return Answer(shapes.hook(org, hook))


def delete_hook(org: Org, call: Call) -> Answer:
    hook = _find(org, call)
    if hook.status == "ACTIVE":
        raise OktaProblem("E0000001", "Api validation failed: eventHook", "Deactivate the event hook first.")
    del org.hooks[hook.id]
    org.log.record("event_hook.deleted", target("EventHook", hook.id, hook.name))
    return Answer(status=204)


def turn_hook(org: Org, call: Call) -> Answer:
    hook, action = _find(org, call), call.names["action"]
    if action not in ("activate", "deactivate"):
        raise OktaProblem("E0000022")
    hook.status = "ACTIVE" if action == "activate" else "INACTIVE"
    org.log.record(f"event_hook.{action}d", target("EventHook", hook.id, hook.name))
    return Answer(shapes.hook(org, hook))


async def verify_hook(org: Org, call: Call) -> Answer:
    hook = _find(org, call)
    if org.send is None:
        raise OktaProblem("E0000009", "This org has no way out")
    await verify(org, hook, org.send)
    return Answer(shapes.hook(org, hook))


def _fill(hook: HookRecord, body: JSON) -> None:
    config, events = section(body, "channel", "config"), items(body, "events", "items")
    if not body.get("name"):
        raise invalid("name", "The field cannot be left blank")
    if not word(config, "uri").startswith(("http://", "https://")):
        raise invalid("channel.config.uri", "must be a URL")
    if not events or not all(isinstance(each, str) for each in events):
        raise invalid("events.items", "must name at least one event type")
    hook.name, hook.uri, hook.events = str(body["name"]), config["uri"], list(events)
    pairs = [section(each) for each in items(config, "headers")]
    hook.headers = {str(pair.get("key")): str(pair.get("value")) for pair in pairs}
    scheme = section(config, "authScheme")
    hook.auth_key, hook.auth_value = str(scheme.get("key") or ""), str(scheme.get("value") or hook.auth_value)


_HOOK = "/api/v1/eventHooks/{hookId}"
_READ, _MANAGE = "okta.eventHooks.read", "okta.eventHooks.manage"
ROUTES = (
    Route("GET", "/api/v1/eventHooks", _READ, list_hooks),
    Route("POST", "/api/v1/eventHooks", _MANAGE, create_hook),
    Route("GET", _HOOK, _READ, get_hook),
    Route("PUT", _HOOK, _MANAGE, replace_hook),
    Route("DELETE", _HOOK, _MANAGE, delete_hook),
    Route("POST", _HOOK + "/lifecycle/verify", _MANAGE, verify_hook),
    Route("POST", _HOOK + "/lifecycle/{action}", _MANAGE, turn_hook),
)
