"""The admin API's handlers about the organization itself: plan, sign-on, tokens, mapping, seats, journal.

Called by routes, and by the console for the same acts.
"""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import Response

from controller.errors import SpecError
from controller.provider.admin.calls import (
    AdminCall,
    answer_json,
    bool_field,
    number_parameter,
    text_field,
)
from controller.provider.admin.problems import Problem
from controller.provider.journal import LAST, entry_of, export_lines, read_newest
from controller.provider.lockout import LastAdminToken, revoke_safely
from controller.provider.mapping import Table, read_table
from controller.provider.organizations import (
    BILLING_METHODS,
    PLANS,
    Organization,
    find_organization,
    in_range,
    lock_organization,
    one_of,
    update_organization,
)
from controller.provider.people import Context
from controller.provider.preview import StaleDigest, preview_mapping, save_mapping
from controller.provider.profiles import PROFILES, resolve
from controller.provider.seats import REMEDIES
from controller.provider.statements import Unit
from controller.provider.tokens import (
    ALIVE_PER_NAME,
    NewToken,
    TooManyTokens,
    issue_token,
    list_tokens,
    parse_lifetime,
)

JOURNAL_PAGE = 500


def shown_organization(org: Organization, origin: str) -> dict[str, Any]:
    """The organization as the admin API shows it."""
    return {
        "id": org.id,
        "name": org.name,
        "plan": org.plan,
        "sso": org.sso,
        "scimEnabled": org.scim_enabled,
        "scimBaseUrl": f"{origin}/scim/v2/{org.id}",
        "billing": {"method": org.billing_method, "remedy": REMEDIES[org.billing_method]},
        "seats": {
            "purchased": org.purchased,
            "used": org.seats_used,
            "pending": org.seats_pending,
            "free": org.seats_free,
        },
        "people": org.people_total,
        "groups": org.groups_total,
        "mappingActive": org.mapping.is_on,
        "profile": org.profile.name,
        "overrides": json.loads(org.overrides),
        "created": org.created,
    }


async def show_organization(call: AdminCall, _: tuple[str, ...]) -> Response:
    """GET organization."""
    return answer_json(shown_organization(call.org, call.request.origin))


async def edit_organization(call: AdminCall, _: tuple[str, ...]) -> Response:
    """PATCH organization: the members of GET that can be set, any of them."""
    body = call.body("name", "plan", "sso", "scimEnabled", "billing", "seats", "profile", "overrides")

    def job(unit: Unit) -> Organization:
        return change_organization(unit, call.context(unit), body)

    return answer_json(shown_organization(await call.database.write(job), call.request.origin))


def change_organization(unit: Unit, context: Context, body: dict[str, Any]) -> Organization:
    """The organization after an edit. Raises Problem or SpecError naming the field."""
    org = context.org
    values = organization_values(body, org)
    if values:
        update_organization(unit, org.id, values, context.actor, context.now)
    changed = lock_organization(unit, org.id)
    why = changed.why_scim_cannot_be_on() if body.get("scimEnabled") else None
    if why:
        raise Problem(409, "PrerequisitesNotMet", why, field="scimEnabled")
    return changed


def organization_values(body: dict[str, Any], org: Organization) -> dict[str, Any]:
    """The columns that an edit sets, checked. Raises Problem or SpecError naming the field."""
    values: dict[str, Any] = {}
    name = text_field(body, "name", 128)
    if name:
        values["name"] = name
    if body.get("plan") is not None:
        values["plan"] = one_of("plan", body["plan"], PLANS)
    for field, column in (("sso", "sso"), ("scimEnabled", "scim_enabled")):
        value = bool_field(body, field)
        if value is not None:
            values[column] = int(value)
    billing, seats = _member(body, "billing", "method"), _member(body, "seats", "purchased")
    if billing is not None:
        values["billing_method"] = one_of("billing.method", billing, BILLING_METHODS)
    if seats is not None:
        values["purchased"] = in_range("seats.purchased", seats)
    return values | _profile_values(body, org)


def _member(body: dict[str, Any], name: str, member: str) -> Any:
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, dict) or set(value) - {member}:
        raise Problem(400, "InvalidValue", f"{name} must be an object with {member}", field=name)
    return value.get(member)


def _profile_values(body: dict[str, Any], org: Organization) -> dict[str, Any]:
    if body.get("profile") is None and body.get("overrides") is None:
        return {}
    profile = one_of("profile", body.get("profile") or org.profile.name, tuple(PROFILES))
    overrides = body.get("overrides")
    if overrides is not None and not isinstance(overrides, dict):
        raise Problem(400, "InvalidValue", "overrides must be an object", field="overrides")
    text = json.dumps(overrides, sort_keys=True) if overrides is not None else org.overrides
    resolve(profile, text)
    return {"profile": profile, "overrides": text}


async def show_tokens(call: AdminCall, _: tuple[str, ...]) -> Response:
    """GET tokens: all of them, without their secrets."""
    now = call.now()
    found = await call.database.read(lambda unit: list_tokens(unit, call.org.id))
    return answer_json({"tokens": [token.shown(now) for token in found]})


async def create_token(call: AdminCall, _: tuple[str, ...]) -> Response:
    """POST tokens {name, scopes, expiresIn}: the only answer that has the token in it."""
    body = call.body("name", "scopes", "expiresIn")
    scopes = body.get("scopes", ["scim"])
    if isinstance(scopes, str):
        scopes = scopes.split()
    if not isinstance(scopes, list) or any(not isinstance(scope, str) for scope in scopes):
        raise Problem(400, "InvalidValue", "scopes must be a list", field="scopes")
    name = text_field(body, "name", 128)
    if name is None:
        raise Problem(400, "InvalidValue", "name is missing", field="name")
    new = NewToken(name, tuple(dict.fromkeys(scopes)), parse_lifetime(body.get("expiresIn")))

    def job(unit: Unit) -> tuple[str, str]:
        lock_organization(unit, call.org.id)
        return issue_token(unit, call.org.id, new, call.caller.actor, call.clock)

    try:
        token_id, secret = await call.database.write(job)
    except TooManyTokens as error:
        detail = f"{ALIVE_PER_NAME} tokens named {new.name!r} are alive; revoke one first"
        raise Problem(409, "TooManyTokens", detail, field="name") from error
    shown = {"id": token_id, "token": secret, "name": new.name, "scopes": sorted(new.scopes)}
    return answer_json(shown, 201, {"cache-control": "no-store"})


async def delete_token(call: AdminCall, identifiers: tuple[str, ...]) -> Response:
    """DELETE tokens/{id}: refused from now on. The last admin token stays: 409."""
    try:
        done = await call.database.write(
            lambda unit: revoke_safely(unit, call.org.id, identifiers[0], call.caller.actor, call.now())
        )
    except LastAdminToken as error:
        raise Problem(409, "LastAdminToken", error.detail) from error
    if not done:
        raise Problem(404, "NotFound", "There is no living token with this id")
    return Response(status_code=204)


def shown_mapping(org: Organization) -> dict[str, Any]:
    """The table in force."""
    return org.mapping.table.model_dump(mode="json") | {"active": org.mapping.is_on}


async def show_mapping(call: AdminCall, _: tuple[str, ...]) -> Response:
    """GET group-mapping."""
    return answer_json(shown_mapping(call.org))


async def save_group_mapping(call: AdminCall, _: tuple[str, ...]) -> Response:
    """PUT group-mapping; with ?preview=true nothing is saved, else If-Match names the preview's digest."""
    body = call.body("attribute", "entries", "createGroups", "unmapped", "active")
    body.pop("active", None)
    table = _table(body)
    if call.query().get("preview", "").lower() in ("true", "1", "yes"):
        preview = await call.database.read(lambda unit: preview_mapping(unit, call.org, table), heavy=True)
        return answer_json(preview.shown(), headers={"etag": f'"{preview.digest}"'})
    named = (call.request.header("if-match") or "").strip().removeprefix("W/").strip('"')
    if not named:
        detail = "Preview first (?preview=true), then send its digest as If-Match"
        raise Problem(428, "PreviewNeeded", detail, field="If-Match")
    return answer_json(await call.database.write(lambda unit: _save(unit, call, table, named), heavy=True))


def _table(body: dict[str, Any]) -> Table:
    try:
        return read_table(body)
    except SpecError as error:
        raise Problem(400, "InvalidMapping", error.message, field=error.field) from error


def _save(unit: Unit, call: AdminCall, table: Table, named: str) -> dict[str, Any]:
    context = call.context(unit)
    try:
        preview = save_mapping(unit, context.org, table, named, context.actor, context.now)
    except StaleDigest as error:
        detail = "What saving would do has changed since the preview; look at it again"
        raise Problem(
            412, "StaleDigest", detail, "If-Match", more={"preview": error.preview.shown()}
        ) from error
    org = find_organization(unit, context.org.id)
    assert org is not None
    return shown_mapping(org) | {"saved": preview.shown()}


async def buy_seats(call: AdminCall, _: tuple[str, ...]) -> Response:
    """POST billing/seats {purchased}: the number of seats from now on; by card only."""
    purchased = in_range("purchased", call.body("purchased").get("purchased"))

    def job(unit: Unit) -> Organization:
        return purchase(unit, call.context(unit), purchased)

    return answer_json(shown_organization(await call.database.write(job), call.request.origin))


def purchase(unit: Unit, context: Context, purchased: int) -> Organization:
    """The organization with `purchased` seats; raises Problem 409 where an invoice pays for more of them."""
    org = context.org
    if org.billing_method == "Invoice" and purchased > org.purchased:
        raise Problem(409, "BilledByInvoice", REMEDIES["Invoice"], field="purchased")
    update_organization(unit, org.id, {"purchased": purchased}, context.actor, context.now)
    return lock_organization(unit, org.id)


async def show_journal(call: AdminCall, _: tuple[str, ...]) -> Response:
    """GET journal: newest first, `before` pages back. format=jsonl: lines, oldest first, from `after`."""
    query = call.query()
    accepts = call.request.header("accept") or ""
    if query.get("format") == "jsonl" or "application/jsonl" in accepts or "x-ndjson" in accepts:
        return await _export(call, query)
    limit = number_parameter(query, "limit", 100, JOURNAL_PAGE)
    before = number_parameter(query, "before", LAST, LAST) or LAST
    rows = await call.database.read(lambda unit: read_newest(unit, call.org.id, before, limit), heavy=True)
    more = {"next": str(rows[-1][0])} if len(rows) == limit and rows else {}
    return answer_json({"entries": [entry_of(row) for row in rows]} | more)


async def _export(call: AdminCall, query: dict[str, str]) -> Response:
    limit = number_parameter(query, "limit", 10_000, 100_000)
    after = number_parameter(query, "after", 0, LAST)
    body = await call.database.read(lambda unit: export_lines(unit, call.org.id, after, limit), heavy=True)
    headers = {"content-disposition": f'attachment; filename="{call.org.id}-journal.jsonl"'}
    return Response(body, headers=headers, media_type="application/jsonl")
