"""The screen "Single sign-on": SAML first, then the SCIM switch, the base URL, and the bearer tokens."""

from __future__ import annotations

from typing import Any

from controller.errors import SpecError
from controller.provider.admin.settings import change_organization
from controller.provider.console.visits import Visit
from controller.provider.tokens import NewToken, TooManyTokens, issue_token, parse_lifetime, revoke_token
from controller.provider.tokens import list_tokens as read_tokens
from controller.provider.wire import Response

PATH = "single-sign-on"
LIFETIMES = {"2160h": "90 days", "8760h": "1 year", "720h": "30 days", "": "No expiry"}
PURPOSES = {
    "scim": "SCIM",
    "scim read-only": "SCIM, read-only",
    "admin": "Admin",
    "admin read-only": "Admin, read-only",
}


async def show(visit: Visit, status: int = 200, **more: Any) -> Response:
    """The page; `more` are new_token, or error and what was typed."""
    found = await visit.database.read(lambda unit: read_tokens(unit, visit.org.id))
    now = visit.now()
    values: dict[str, Any] = {
        "tokens": [token.shown(now) for token in found if token.is_alive(now)],
        "lifetimes": LIFETIMES, "purposes": PURPOSES, "name": "Okta", "new_token": "",
        "base_url": f"{visit.request.origin}/scim/v2/{visit.org.id}",
        "missing": visit.org.why_scim_cannot_be_on(), "own_token": visit.session.actor.token_id,
    }  # fmt: skip
    return visit.render("single_sign_on.html", status, **(values | more))


async def switch_sso(visit: Visit) -> Response:
    """Switches single sign-on."""
    body = {"sso": visit.value("sso") == "on"}
    await visit.change(lambda unit, context: change_organization(unit, context, body))
    return visit.back_to(PATH, "sso")


async def switch_scim(visit: Visit) -> Response:
    """Switches SCIM provisioning."""
    body = {"scimEnabled": visit.value("scim") == "on"}
    await visit.change(lambda unit, context: change_organization(unit, context, body))
    return visit.back_to(PATH, "scim")


async def generate_token(visit: Visit) -> Response:
    """Generates a bearer token and shows it, this once."""
    name, purpose = visit.value("name"), visit.value("purpose", "scim")
    try:
        if purpose not in PURPOSES:
            raise SpecError("Choose what the token is for", field="purpose")
        new = NewToken(name, tuple(purpose.split()), parse_lifetime(visit.value("lifetime")))
        _, secret = await visit.change(
            lambda unit, context: issue_token(unit, context.org.id, new, context.actor, visit.clock)
        )
    except TooManyTokens:
        told = f"Two tokens named {name} are alive. Revoke one of them, or choose another name."
        return await show(visit, 409, error=told, name=name)
    except SpecError as error:
        return await show(visit, 400, error=f"{error.field}: {error.message}", name=name)
    return await show(visit, new_token=secret)


async def revoke(visit: Visit) -> Response:
    """Revokes a token; where it is the session's own, the session ends with it."""
    token_id = visit.value("id")
    await visit.change(
        lambda unit, context: revoke_token(unit, context.org.id, token_id, context.actor, context.now)
    )
    return visit.back_to(PATH, "revoked")
