"""The page "Single sign-on": SAML first, then the SCIM switch, the base URL, and the bearer tokens."""

from __future__ import annotations

from starlette.responses import Response

from controller.errors import SpecError
from controller.provider.admin.answers import token_answer
from controller.provider.admin.bodies import SettingsBody, checked_body
from controller.provider.admin.problems import Problem
from controller.provider.admin.settings import change_organization
from controller.provider.console.confirm import Consequences, ask_first, counted
from controller.provider.console.context import ConsoleCall, day, minute
from controller.provider.lockout import LastAdminToken, is_last_admin_token, revoke_safely
from controller.provider.organizations import Organization
from controller.provider.people import Context
from controller.provider.statements import Unit
from controller.provider.tokens import (
    NewToken,
    Token,
    TooManyTokens,
    find_by_id,
    issue_token,
    parse_lifetime,
)
from controller.provider.tokens import list_tokens as read_tokens

PATH = "single-sign-on"
NO_SCIM = "the identity provider gets 403 to every request, so nobody is created, updated or deactivated."
LIFETIMES = {"2160h": "90 days", "8760h": "1 year", "720h": "30 days", "": "No expiry"}
PURPOSES = {
    "scim": "SCIM",
    "scim read-only": "SCIM, read-only",
    "admin": "Admin",
    "admin read-only": "Admin, read-only",
}


async def show(call: ConsoleCall, status: int = 200, **more: object) -> Response:
    """The page; `more` are new_token, or error and what was typed."""
    found = await call.database.read(lambda unit: read_tokens(unit, call.org.id))
    now = call.now()
    values: dict[str, object] = {
        "tokens": [token_answer(token, now) for token in found if token.is_alive(now)],
        "lifetimes": LIFETIMES, "purposes": PURPOSES, "name": "Okta", "new_token": "",
        "base_url": f"{call.request.origin}/scim/v2/{call.org.id}",
        "missing": call.org.why_scim_cannot_be_on(), "own_token": call.session.actor.token_id,
    }  # fmt: skip
    return call.render("single_sign_on.html", status, **(values | more))


async def switch_sso(call: ConsoleCall) -> Response:
    """Switches single sign-on; off only after asking."""
    body = checked_body(SettingsBody, {"sso": call.value("sso") == "on"})
    asked = await ask_first(
        call,
        lambda unit, context: None if body.sso else _without_sso(context.org),
        lambda unit, context: change_organization(unit, context, body),
    )
    return asked or call.back_to(PATH, "sso")


def _without_sso(org: Organization) -> Consequences | None:
    if not org.sso:
        return None
    lines = ["People can no longer sign in with your identity provider."]
    if org.profile.needs_plan and org.scim_enabled:
        lines.append(f"SCIM provisioning stops as well, because it needs single sign-on: {NO_SCIM}")
    here = counted(org.people_total, "person has an account", "people have accounts")
    notes = (f"{here} here; {org.seats_used} of {org.purchased} seats are used.",)
    return Consequences("Turn off single sign-on?", "Turn off single sign-on", tuple(lines), notes)


async def switch_scim(call: ConsoleCall) -> Response:
    """Switches SCIM provisioning; off only after asking."""
    body = checked_body(SettingsBody, {"scimEnabled": call.value("scim") == "on"})
    asked = await ask_first(
        call,
        lambda unit, context: None if body.scim_enabled else _without_scim(unit, context),
        lambda unit, context: change_organization(unit, context, body),
    )
    return asked or call.back_to(PATH, "scim")


def _without_scim(unit: Unit, context: Context) -> Consequences | None:
    org = context.org
    if not org.scim_enabled:
        return None
    lines = (
        f"Provisioning stops at once: {NO_SCIM}",
        "People who leave keep their access here until SCIM provisioning is on again, or until somebody "
        "deactivates them by hand.",
    )
    people = counted(org.people_total, "person", "people")
    notes = [f"{people} and {counted(org.groups_total, 'group', 'groups')} stay as they are."]
    used = [each for each in read_tokens(unit, org.id) if each.is_alive(context.now) and each.last_used]
    uses = ", ".join(f"{each.name} (last {minute(each.last_used)})" for each in used if "scim" in each.scopes)
    if uses:
        notes.append(f"Tokens that were used: {uses}.")
    return Consequences("Turn off SCIM provisioning?", "Turn off SCIM provisioning", lines, tuple(notes))


async def generate_token(call: ConsoleCall) -> Response:
    """Generates a bearer token and shows it, this once."""
    name, purpose = call.value("name"), call.value("purpose", "scim")
    try:
        if purpose not in PURPOSES:
            raise SpecError("Choose what the token is for", field="purpose")
        new = NewToken(name, tuple(purpose.split()), parse_lifetime(call.value("lifetime")))
        _, secret = await call.change(
            lambda unit, context: issue_token(unit, context.org.id, new, context.actor, call.clock)
        )
    except TooManyTokens:
        detail = f"Two tokens named {name} are alive. Revoke one of them, or choose another name."
        return await show(call, 409, error=detail, name=name)
    except SpecError as error:
        return await show(call, 400, error=f"{error.field}: {error.message}", name=name)
    return await show(call, new_token=secret)


async def revoke(call: ConsoleCall) -> Response:
    """Revokes a token after asking; if it is the session's own, the session ends with it."""
    token_id = call.value("id")
    try:
        asked = await ask_first(
            call,
            lambda unit, context: _without_token(unit, context, token_id),
            lambda unit, context: revoke_safely(unit, context.org.id, token_id, context.actor, context.now),
        )
    except LastAdminToken as error:
        return await show(call, 409, error=f"{error.detail}.")
    return asked or call.back_to(PATH, "revoked")


def _without_token(unit: Unit, context: Context, token_id: str) -> Consequences:
    org, now = context.org, context.now
    token = find_by_id(unit, org.id, token_id)
    if token is None or not token.is_alive(now):
        raise Problem(409, "Conflict", "There is no living token of this kind any more")
    if is_last_admin_token(unit, org.id, token_id, now):
        raise LastAdminToken
    lines = ["Anyone who uses this token is refused from now on. This can't be undone."]
    others = [each for each in read_tokens(unit, org.id) if each.is_alive(now) and each.id != token_id]
    if token.may("scim", writes=True) and not any(each.may("scim", writes=True) for each in others):
        lines.append(
            "It is the last token for SCIM: the identity provider can no longer reach this organization."
        )
    if token.may("admin", writes=True):
        stay = [each for each in others if each.may("admin", writes=True)]
        lines.append(
            f"Then {counted(len(stay), 'admin token stays', 'admin tokens stay')}: {_list_of(stay)}."
        )
    if token_id == context.actor.token_id:
        lines.append("You are signed in with it: this session ends at once.")
    return Consequences(
        f"Revoke the token {token.name}?", "Revoke the token", tuple(lines), (_use_of(token),)
    )


def _list_of(found: list[Token]) -> str:
    return ", ".join(
        f"{each.name} ({'until ' + day(each.expires) if each.expires else 'no expiry'})" for each in found
    )


def _use_of(token: Token) -> str:
    scopes = ", ".join(sorted(token.scopes))
    made = f"Its scopes are {scopes}; it was created on {day(token.created)}"
    if not token.last_used:
        return f"{made} and has not been used yet."
    return f"{made} and was used last on {minute(token.last_used)} by {token.last_agent or 'no user agent'}."
