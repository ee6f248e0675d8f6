"""Which path of the console is whose, below /console/{organization}/. Read by console.app."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.responses import Response

from controller.provider.console import billing, groups, journal, map_to_groups, people, single_sign_on
from controller.provider.console.context import ConsoleCall

Page = Callable[[ConsoleCall], Awaitable[Response]]
PAGES: dict[tuple[str, str], Page] = {
    ("GET", "single-sign-on"): single_sign_on.show,
    ("POST", "single-sign-on/sso"): single_sign_on.switch_sso,
    ("POST", "single-sign-on/scim"): single_sign_on.switch_scim,
    ("POST", "single-sign-on/token"): single_sign_on.generate_token,
    ("POST", "single-sign-on/revoke"): single_sign_on.revoke,
    ("GET", "map-to-groups"): map_to_groups.show,
    ("POST", "map-to-groups"): map_to_groups.change,
    ("GET", "people"): people.show,
    ("GET", "people/{id}"): people.show_one,
    ("POST", "people/{id}"): people.edit,
    ("POST", "people/{id}/act"): people.act,
    ("GET", "groups"): groups.show,
    ("POST", "groups"): groups.create,
    ("POST", "groups/{id}/rename"): groups.rename,
    ("POST", "groups/{id}/delete"): groups.delete,
    ("GET", "billing"): billing.show,
    ("POST", "billing"): billing.buy_seats,
    ("GET", "journal"): journal.show,
    ("GET", "journal/export"): journal.export,
}
# Where a form that was refused is shown again, with the reason.
RETURNS: dict[str, Callable[[ConsoleCall, int, str], Awaitable[Response]]] = {
    "single-sign-on": lambda call, status, error: single_sign_on.show(call, status, error=error),
    "people": people.show_again,
    "groups": groups.show,
    "billing": billing.show,
}
