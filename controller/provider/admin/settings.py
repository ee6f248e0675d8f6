"""The admin API's handlers about the organization itself: plan, sign-on, tokens, mapping, seats, journal.

Called by routes, and by the console for the same acts.
"""

from __future__ import annotations

import json

from starlette.responses import Response

from controller.errors import SpecError
from controller.provider.admin.answers import (
    IssuedToken,
    JournalAnswer,
    MappingAnswer,
    TokensAnswer,
    entry_answer,
    mapping_answer,
    organization_answer,
    preview_answer,
    token_answer,
)
from controller.provider.admin.bodies import (
    ExportParameters,
    FormatParameter,
    JournalParameters,
    MappingParameters,
    NewTokenBody,
    PurchaseBody,
    SettingsBody,
    names_of,
    unknown_member,
)
from controller.provider.admin.calls import AdminCall, answer_json
from controller.provider.admin.problems import Problem
from controller.provider.journal import LAST, export_lines, read_newest
from controller.provider.lockout import LastAdminToken, revoke_safely
from controller.provider.mapping import MappingTable, read_table
from controller.provider.organizations import (
    Organization,
    find_organization,
    lock_organization,
    update_organization,
)
from controller.provider.people import Context
from controller.provider.preview import StaleDigest, preview_mapping, save_mapping
from controller.provider.profiles import resolve
from controller.provider.seats import REMEDIES
from controller.provider.statements import Unit
from controller.provider.tokens import (
    ALIVE_PER_NAME,
    NewToken,
    TooManyTokens,
    issue_token,
    list_tokens,
)


async def show_organization(call: AdminCall) -> Response:
    """GET organization."""
    return answer_json(organization_answer(call.org, call.request.origin))


async def edit_organization(call: AdminCall) -> Response:
    """PATCH organization: the members of GET that can be set, any of them."""
    body = call.body(SettingsBody)

    def job(unit: Unit) -> Organization:
        return change_organization(unit, call.context(unit), body)

    return answer_json(organization_answer(await call.database.write(job), call.request.origin))


def change_organization(unit: Unit, context: Context, body: SettingsBody) -> Organization:
    """The organization after an edit. Raises Problem or SpecError naming the field."""
    org = context.org
    values = organization_values(body, org)
    if values:
        update_organization(unit, org.id, values, context.actor, context.now)
    changed = lock_organization(unit, org.id)
    why = changed.why_scim_cannot_be_on() if body.scim_enabled else None
    if why:
        raise Problem(409, "PrerequisitesNotMet", why, field="scimEnabled")
    return changed


def organization_values(body: SettingsBody, org: Organization) -> dict[str, str | int]:
    """The columns that an edit sets. Raises SpecError for a profile that can't be."""
    wanted = {
        "name": body.name,
        "plan": body.plan,
        "sso": None if body.sso is None else int(body.sso),
        "scim_enabled": None if body.scim_enabled is None else int(body.scim_enabled),
        "billing_method": body.billing.method if body.billing else None,
        "purchased": body.seats.purchased if body.seats else None,
    }
    values = {column: value for column, value in wanted.items() if value is not None}
    return values | _profile_values(body, org)


def _profile_values(body: SettingsBody, org: Organization) -> dict[str, str | int]:
    if body.profile is None and body.overrides is None:
        return {}
    profile = body.profile or org.profile.name
    text = org.overrides if body.overrides is None else json.dumps(body.overrides, sort_keys=True)
    resolve(profile, text)
    return {"profile": profile, "overrides": text}


async def show_tokens(call: AdminCall) -> Response:
    """GET tokens: all of them, without their secrets."""
    now = call.now()
    found = await call.database.read(lambda unit: list_tokens(unit, call.org.id))
    return answer_json(TokensAnswer(tokens=[token_answer(token, now) for token in found]))


async def create_token(call: AdminCall) -> Response:
    """POST tokens {name, scopes, expiresIn}: the only answer that has the token in it."""
    body = call.body(NewTokenBody)
    new = NewToken(body.name, tuple(dict.fromkeys(body.scopes)), body.expires_in)

    def job(unit: Unit) -> tuple[str, str]:
        lock_organization(unit, call.org.id)
        return issue_token(unit, call.org.id, new, call.caller.actor, call.clock)

    try:
        token_id, secret = await call.database.write(job)
    except TooManyTokens as error:
        detail = f"{ALIVE_PER_NAME} tokens named {new.name!r} are alive; revoke one first"
        raise Problem(409, "TooManyTokens", detail, field="name") from error
    issued = IssuedToken(id=token_id, token=secret, name=new.name, scopes=sorted(new.scopes))
    return answer_json(issued, 201, {"cache-control": "no-store"})


async def delete_token(call: AdminCall) -> Response:
    """DELETE tokens/{id}: refused from now on. The last admin token stays: 409."""
    try:
        done = await call.database.write(
            lambda unit: revoke_safely(unit, call.org.id, call.id, call.caller.actor, call.now())
        )
    except LastAdminToken as error:
        raise Problem(409, "LastAdminToken", error.detail) from error
    if not done:
        raise Problem(404, "NotFound", "There is no living token with this id")
    return Response(status_code=204)


async def show_mapping(call: AdminCall) -> Response:
    """GET group-mapping."""
    return answer_json(mapping_answer(call.org))


async def save_group_mapping(call: AdminCall) -> Response:
    """PUT group-mapping; with ?preview=true nothing is saved, else If-Match names the preview's digest."""
    table = _table(call.json_object())
    if call.parameters(MappingParameters).is_preview:
        preview = await call.database.read(lambda unit: preview_mapping(unit, call.org, table), heavy=True)
        return answer_json(preview_answer(preview), headers={"etag": f'"{preview.digest}"'})
    named = (call.request.header("if-match") or "").strip().removeprefix("W/").strip('"')
    if not named:
        detail = "Preview first (?preview=true), then send its digest as If-Match"
        raise Problem(428, "PreviewNeeded", detail, field="If-Match")
    return answer_json(await call.database.write(lambda unit: _save(unit, call, table, named), heavy=True))


def _table(body: dict[str, object]) -> MappingTable:
    body.pop("active", None)  # so that what GET answers can be sent back
    unknown = sorted(set(body) - set(names_of(MappingTable)))
    if unknown:
        raise unknown_member(unknown[0], names_of(MappingTable))
    try:
        return read_table(body)
    except SpecError as error:
        raise Problem(400, "InvalidMapping", error.message, field=error.field) from error


def _save(unit: Unit, call: AdminCall, table: MappingTable, named: str) -> MappingAnswer:
    context = call.context(unit)
    try:
        preview = save_mapping(unit, context.org, table, named, context.actor, context.now)
    except StaleDigest as error:
        detail = "What saving would do has changed since the preview; look at it again"
        more = {"preview": preview_answer(error.preview).model_dump(mode="json")}
        raise Problem(412, "StaleDigest", detail, "If-Match", more=more) from error
    org = find_organization(unit, context.org.id)
    assert org is not None
    return mapping_answer(org, preview_answer(preview))


async def buy_seats(call: AdminCall) -> Response:
    """POST billing/seats {purchased}: the number of seats from now on; by card only."""
    purchased = call.body(PurchaseBody).purchased

    def job(unit: Unit) -> Organization:
        return purchase(unit, call.context(unit), purchased)

    return answer_json(organization_answer(await call.database.write(job), call.request.origin))


def purchase(unit: Unit, context: Context, purchased: int) -> Organization:
    """The organization with `purchased` seats; raises Problem 409 if an invoice pays for more of them."""
    org = context.org
    if org.billing_method == "Invoice" and purchased > org.purchased:
        raise Problem(409, "BilledByInvoice", REMEDIES["Invoice"], field="purchased")
    update_organization(unit, org.id, {"purchased": purchased}, context.actor, context.now)
    return lock_organization(unit, org.id)


async def show_journal(call: AdminCall) -> Response:
    """GET journal: newest first, `before` pages back. format=jsonl: lines, oldest first, from `after`."""
    accepts = call.request.header("accept") or ""
    wants_lines = call.parameters(FormatParameter).format == "jsonl"
    if wants_lines or "application/jsonl" in accepts or "x-ndjson" in accepts:
        return await _export(call)
    wanted = call.parameters(JournalParameters)
    before, limit = wanted.before or LAST, wanted.limit
    rows = await call.database.read(lambda unit: read_newest(unit, call.org.id, before, limit), heavy=True)
    following = str(rows[-1][0]) if rows and len(rows) == limit else None
    return answer_json(JournalAnswer(entries=[entry_answer(row) for row in rows], next=following))


async def _export(call: AdminCall) -> Response:
    wanted = call.parameters(ExportParameters)
    body = await call.database.read(
        lambda unit: export_lines(unit, call.org.id, wanted.after, wanted.limit), heavy=True
    )
    headers = {"content-disposition": f'attachment; filename="{call.org.id}-journal.jsonl"'}
    return Response(body, headers=headers, media_type="application/jsonl")
