"""/_control: what stands beside Okta's own paths, for tests, the demo and people in the sandbox.

    GET|PUT /_control/state                the whole org, saved and loaded
    GET|POST|DELETE /_control/faults       {kind, method, path, status, rate | times, seconds}
    GET|DELETE /_control/requests          calls received: time, method, path, query, status, bucket, client
    POST /_control/clock                   {advance: "10m"}
    GET|PUT /_control/limits               {limits: {bucket: calls a minute}, clientPercent, concurrency}
    GET|PATCH /_control/quirks             the switches of records.Quirks
    POST /_control/console                 {app, step, ...}: what a person does in the Admin Console
    GET /_control/tasks                    tasks of the provisioning agent, failed ones with a reason
    POST|DELETE /_control/tokens           {name, token, readOnly, groups} -> {id, token}; DELETE ?id=
    PATCH /_control/tokens                 {token, readOnly, groups}: another role for the same token
    POST /_control/service-apps            {name, jwks, scopes, dpop, readOnly, groups} -> {clientId}
    POST /_control/sign-in                 {app, user}: the person opens the app; an event of the log, no more
    POST /_control/consume                 {bucket, calls}: another client of the org uses the bucket

For `latency` and `clock-skew` a fault's `seconds` is its size and `duration` how long it is on; for the
others `seconds` is how long it is on. JSON without a token, so served on loopback only.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import asdict, fields
from typing import Any

from scim_sandbox.okta import assignments, console, state
from scim_sandbox.okta.calls import Answer, Call
from scim_sandbox.okta.faults import KINDS, FaultError
from scim_sandbox.okta.orgclock import okta_time, parse_duration
from scim_sandbox.okta.problems import OktaProblem
from scim_sandbox.okta.records import Quirks
from scim_sandbox.okta.store import Org
from scim_sandbox.okta.systemlog import target


class ControlError(ValueError):
    """The request is wrong; the message names the field and what is allowed."""


async def handle(org: Org, call: Call) -> Answer:
    """The answer to one call under /_control; errors are {error: sentence}."""
    name = call.path.removeprefix("/_control").strip("/")
    handler = _HANDLERS.get((call.method, name))
    if handler is None:
        known = name in {each for _, each in _HANDLERS}
        return Answer({"error": f"no {call.method} of /_control/{name}"}, 405 if known else 404)
    try:
        answer = handler(org, _body(call), call)
        return await answer if isinstance(answer, Awaitable) else answer
    except (ControlError, FaultError, state.StateError) as error:
        return Answer({"error": str(error)}, 400)
    except OktaProblem as problem:
        return Answer({"error": str(problem)}, problem.status)


def _body(call: Call) -> Any:
    if not call.raw:
        return {}
    try:
        return json.loads(call.raw)
    except ValueError:
        raise ControlError("the body is not JSON") from None


def _get_state(org: Org, body: Any, call: Call) -> Answer:
    return Answer(state.save(org))


def _put_state(org: Org, body: Any, call: Call) -> Answer:
    state.load(org, body)
    return Answer({"users": len(org.users), "apps": len(org.apps)})


def _get_faults(org: Org, body: Any, call: Call) -> Answer:
    return Answer({"faults": org.faults.listing(), "kinds": KINDS})


def _post_faults(org: Org, body: Any, call: Call) -> Answer:
    return Answer(asdict(org.faults.add(body)), 201)


def _delete_faults(org: Org, body: Any, call: Call) -> Answer:
    return Answer({"removed": org.faults.clear(call.query.get("id", ""))})


def _get_requests(org: Org, body: Any, call: Call) -> Answer:
    return Answer({"requests": list(org.requests)})


def _delete_requests(org: Org, body: Any, call: Call) -> Answer:
    count = len(org.requests)
    org.requests.clear()
    return Answer({"removed": count})


def _post_clock(org: Org, body: Any, call: Call) -> Answer:
    try:
        seconds = parse_duration(_object(body).get("advance"))
    except ValueError as error:
        raise ControlError(f"advance: {error}") from None
    org.clock.advance(seconds)
    org.changed()
    return Answer({"now": okta_time(org.clock.now())})


def _get_limits(org: Org, body: Any, call: Call) -> Answer:
    buckets = org.buckets
    return Answer(
        {
            "limits": buckets.limits,
            "clientPercent": buckets.client_percent,
            "concurrency": buckets.concurrency,
        }
    )


def _put_limits(org: Org, body: Any, call: Call) -> Answer:
    asked = _object(body)
    singles = {key: asked[key] for key in ("clientPercent", "concurrency") if key in asked}
    for name, value in {**asked.get("limits", {}), **singles}.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise ControlError(f"{name}: must be a whole number of calls")
    unknown = sorted(set(asked.get("limits", {})) - set(org.buckets.limits))
    if unknown:
        raise ControlError(f"limits: {unknown[0]} is no bucket; known are {', '.join(org.buckets.limits)}")
    org.buckets.limits.update(asked.get("limits", {}))
    org.buckets.client_percent = asked.get("clientPercent", org.buckets.client_percent)
    org.buckets.concurrency = asked.get("concurrency", org.buckets.concurrency)
    return _get_limits(org, body, call)


def _get_quirks(org: Org, body: Any, call: Call) -> Answer:
    return Answer(asdict(org.quirks))


def _patch_quirks(org: Org, body: Any, call: Call) -> Answer:
    kinds = {each.name: type(getattr(org.quirks, each.name)) for each in fields(Quirks)}
    for name, value in _object(body).items():
        if name not in kinds:
            raise ControlError(f"{name}: no such quirk; known are {', '.join(kinds)}")
        if kinds[name] is bool and not isinstance(value, bool):
            raise ControlError(f"{name}: must be true or false")
        if kinds[name] is not bool and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise ControlError(f"{name}: must be a number")
        setattr(org.quirks, name, kinds[name](value))
    return Answer(asdict(org.quirks))


async def _post_console(org: Org, body: Any, call: Call) -> Answer:
    return Answer(await console.perform(org, _object(body)))


def _get_tasks(org: Org, body: Any, call: Call) -> Answer:
    return Answer({"tasks": [asdict(task) for task in org.tasks.values()]})


def _post_tokens(org: Org, body: Any, call: Call) -> Answer:
    asked = _object(body)
    token = str(asked.get("token") or "00" + secrets.token_urlsafe(30))
    made = org.add_token(token, str(asked.get("name") or "token"), **_limits(org, asked))
    return Answer({"id": made.id, "token": token}, 201)


def _delete_tokens(org: Org, body: Any, call: Call) -> Answer:
    principal = org.principals.pop(call.query.get("id", ""), None)
    if principal is None:
        raise ControlError("id: no such token")
    org.log.record("system.api_token.revoke", target("Token", principal.id, principal.name))
    return Answer(status=204)


def _patch_tokens(org: Org, body: Any, call: Call) -> Answer:
    asked = _object(body)
    principal = org.token_owner(str(asked.get("token") or ""))
    if principal is None:
        raise ControlError("token: no such token")
    role = _limits(org, asked)
    principal.read_only, principal.groups = role["read_only"], role["groups"]
    return Answer({"id": principal.id})


def _post_service_apps(org: Org, body: Any, call: Call) -> Answer:
    asked = _object(body)
    keys, scopes = asked.get("jwks"), asked.get("scopes")
    if not isinstance(keys, list) or not keys or not all(isinstance(key, dict) for key in keys):
        raise ControlError("jwks: must be a list of public JWKs")
    if not isinstance(scopes, list):
        raise ControlError("scopes: must be a list of scopes that are granted")
    made = org.add_service_app(
        str(asked.get("name") or "service app"),
        keys,
        [str(scope) for scope in scopes],
        dpop=bool(asked.get("dpop", False)),
        **_limits(org, asked),
    )
    return Answer({"clientId": made.id}, 201)


def _limits(org: Org, asked: dict[str, Any]) -> dict[str, Any]:
    """`readOnly` and `groups` (ids or names) of a principal."""
    groups = asked.get("groups")
    if groups is not None:
        named = {group.profile["name"]: group.id for group in org.groups.values()}
        groups = [named.get(str(each), str(each)) for each in groups]
    return {"read_only": bool(asked.get("readOnly", False)), "groups": groups}


def _post_sign_in(org: Org, body: Any, call: Call) -> Answer:
    asked = _object(body)
    app, user = console.find_app(org, str(asked.get("app"))), org.find_user(str(asked.get("user")))
    if user.id not in app.users:
        raise ControlError(f"user: {asked['user']} is not assigned to {app.body['label']}")
    assignments.sign_in(org, app, user)
    return Answer({"time": org.now_text()}, 201)


def _post_consume(org: Org, body: Any, call: Call) -> Answer:
    bucket, calls = _object(body).get("bucket"), _object(body).get("calls")
    if bucket not in org.buckets.limits:
        raise ControlError(f"bucket: must be one of {', '.join(org.buckets.limits)}")
    if isinstance(calls, bool) or not isinstance(calls, int) or calls < 0:
        raise ControlError("calls: must be a whole number")
    org.buckets.consume(bucket, calls)
    return Answer({"bucket": bucket, "calls": calls})


def _object(body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise ControlError("the body must be a JSON object")
    return body


_HANDLERS: dict[tuple[str, str], Callable[[Org, Any, Call], Answer | Awaitable[Answer]]] = {
    ("GET", "state"): _get_state,
    ("PUT", "state"): _put_state,
    ("GET", "faults"): _get_faults,
    ("POST", "faults"): _post_faults,
    ("DELETE", "faults"): _delete_faults,
    ("GET", "requests"): _get_requests,
    ("DELETE", "requests"): _delete_requests,
    ("POST", "clock"): _post_clock,
    ("GET", "limits"): _get_limits,
    ("PUT", "limits"): _put_limits,
    ("GET", "quirks"): _get_quirks,
    ("PATCH", "quirks"): _patch_quirks,
    ("POST", "console"): _post_console,
    ("GET", "tasks"): _get_tasks,
    ("POST", "tokens"): _post_tokens,
    ("PATCH", "tokens"): _patch_tokens,
    ("DELETE", "tokens"): _delete_tokens,
    ("POST", "service-apps"): _post_service_apps,
    ("POST", "sign-in"): _post_sign_in,
    ("POST", "consume"): _post_consume,
}
