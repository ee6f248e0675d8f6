"""The admin API's table of routes, below /admin/v1/{organization}/.

Read by api to find a handler and by openapi to describe the API, so that neither can forget one.
"""

from __future__ import annotations

from controller.provider.admin import groups, people, settings
from controller.provider.admin.calls import Handler

ROUTES: dict[tuple[str, str], Handler] = {
    ("GET", "organization"): settings.show_organization,
    ("PATCH", "organization"): settings.edit_organization,
    ("GET", "tokens"): settings.show_tokens,
    ("POST", "tokens"): settings.create_token,
    ("DELETE", "tokens/{id}"): settings.delete_token,
    ("GET", "group-mapping"): settings.show_mapping,
    ("PUT", "group-mapping"): settings.save_group_mapping,
    ("GET", "people"): people.list_people,
    ("GET", "people/{id}"): people.show_person,
    ("PATCH", "people/{id}"): people.edit_person,
    ("POST", "people/{id}/accept"): people.accept_invitation,
    ("POST", "people/{id}/deactivate"): people.deactivate,
    ("POST", "people/{id}/confirm-email"): people.confirm_email,
    ("GET", "groups"): groups.list_groups,
    ("POST", "groups"): groups.create_group,
    ("PATCH", "groups/{id}"): groups.edit_group,
    ("DELETE", "groups/{id}"): groups.delete_group,
    ("POST", "billing/seats"): settings.buy_seats,
    ("GET", "journal"): settings.show_journal,
}
