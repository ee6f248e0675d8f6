"""What every page is given: a call by somebody signed in, its form, and the templates that make a page.

Called by the pages and by console.app. Pages are rendered here with Jinja, escaped by default; nothing of
what they hold may be kept by a cache or framed, and no script but our own one runs (a strict CSP).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.datastructures import ImmutableMultiDict
from starlette.responses import HTMLResponse, RedirectResponse, Response

from controller.clock import Clock
from controller.provider.console.sessions import Session
from controller.provider.database import TenantDatabase
from controller.provider.documents import moment_text
from controller.provider.http import Request
from controller.provider.lockout import AdminOutlook
from controller.provider.organizations import Organization, lock_organization
from controller.provider.people import Context
from controller.provider.seats import REMEDIES
from controller.provider.statements import Unit

T = TypeVar("T")
HERE = Path(__file__).parent
SECURITY = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
Form = ImmutableMultiDict[str, str]
SECTIONS = {
    "single-sign-on": "Single sign-on",
    "map-to-groups": "Map to groups",
    "people": "People",
    "groups": "Groups",
    "billing": "Billing",
    "journal": "Journal",
}
DONE = {
    "sso": "Single sign-on was changed.",
    "scim": "SCIM provisioning was changed.",
    "revoked": "The token was revoked. Anyone who still uses it is refused from now on.",
    "mapped": "The mapping is saved, and everybody is in the group that it gives.",
    "accepted": "The invitation was accepted.",
    "deactivated": "The person was deactivated. The record stays.",
    "reactivated": "The person was reactivated.",
    "confirmed": "The new address was confirmed.",
    "edited": "The changes are saved.",
    "created": "The group was created.",
    "renamed": "The group was renamed.",
    "deleted": "The group was deleted.",
    "seats": "The number of seats was changed.",
}


def day(moment: str | None) -> str:
    """A stored moment as a day, "never" for none."""
    return moment[:10] if moment else "never"


def minute(moment: str | None) -> str:
    """A stored moment to the minute, "never" for none."""
    return moment[:16].replace("T", " ") + " UTC" if moment else "never"


@cache
def templates() -> Environment:
    """The templates; an undefined name in one is an error."""
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {"day": day, "minute": minute}
    return environment


def render(template: str, status: int = 200, **values: object) -> Response:
    """A page."""
    page = templates().get_template(template).render(**values)
    return HTMLResponse(page.encode("utf-8", "replace"), status, SECURITY)


def redirect(url: str) -> Response:
    """303: the browser fetches `url`, so that reloading sends no form again."""
    return RedirectResponse(url, 303, SECURITY)


@dataclass(frozen=True, slots=True)
class ConsoleCall:
    """One request of a signed-in administrator. `id` is what `{id}` of the path stands for, "" for none."""

    request: Request
    session: Session
    database: TenantDatabase
    clock: Clock
    section: str
    form: Form
    outlook: AdminOutlook
    id: str = ""

    @property
    def org(self) -> Organization:
        """The organization as of the moment the session was checked."""
        return self.session.org

    def now(self) -> str:
        """The moment, as it is stored."""
        return moment_text(self.clock)

    def value(self, name: str, default: str = "") -> str:
        """The first value of a form field, without blanks around it."""
        return next(iter(self.form.getlist(name)), default).strip()

    async def change(self, act: Callable[[Unit, Context], T], *, heavy: bool = False) -> T:
        """What `act` returns, done on the locked organization and durable."""

        def job(unit: Unit) -> T:
            org = lock_organization(unit, self.org.id)
            return act(unit, Context(org, self.session.actor, self.now()))

        return await self.database.write(job, heavy=heavy)

    def render(self, template: str, status: int = 200, **values: object) -> Response:
        """A page with the organization's frame around it; `error` is what was refused."""
        org = self.org
        frame = {
            "org": org, "csrf": self.session.csrf, "may_write": self.session.may_write,
            "home": home(org.id), "sections": SECTIONS, "section": self.section,
            "remedy": REMEDIES[org.billing_method], "error": "", "lockout": self._lockout(),
            "done": DONE.get(self.request.query().get("done", ""), ""),
        }  # fmt: skip
        return render(template, status, **(frame | values))

    def _lockout(self) -> str:
        """What is announced on every page: that soon nobody could issue a token."""
        if not self.outlook.is_near(self.clock):
            return ""
        days = self.outlook.days_left(self.clock) or 0
        left = "today" if days == 0 else f"in {days} {'day' if days == 1 else 'days'}"
        return f"The last admin token expires {left}, on {minute(self.outlook.ends)}."

    def back_to(self, path: str, done: str) -> Response:
        """A redirect to a page that says what was `done`, a key of DONE."""
        return redirect(f"{home(self.org.id)}/{path}?{urlencode({'done': done})}")


def home(org_id: str) -> str:
    """Where the pages of an organization are."""
    return f"/console/{org_id}"
