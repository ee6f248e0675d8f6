"""The admin API's table of routes, below /admin/v1/{organization}/.

Read by admin to find a handler and by openapi to describe the API, so that neither can forget one.
"""

from __future__ import annotations

from controller.provider import admin_people, admin_settings
from controller.provider.admin import Handler

ROUTES: dict[tuple[str, str], Handler] = {
    ("GET", "organization"): admin_settings.show_organization,
    ("PATCH", "organization"): admin_settings.edit_organization,
    ("GET", "tokens"): admin_settings.show_tokens,
    ("POST", "tokens"): admin_settings.create_token,
    ("DELETE", "tokens/{id}"): admin_settings.delete_token,
    ("GET", "group-mapping"): admin_settings.show_mapping,
    ("PUT", "group-mapping"): admin_settings.save_group_mapping,
    ("GET", "people"): admin_people.list_people,
    ("GET", "people/{id}"): admin_people.show_person,
    ("PATCH", "people/{id}"): admin_people.edit_person,
    ("POST", "people/{id}/accept"): admin_people.accept_invitation,
    ("POST", "people/{id}/deactivate"): admin_people.deactivate,
    ("POST", "people/{id}/confirm-email"): admin_people.confirm_email,
    ("GET", "groups"): admin_people.list_groups,
    ("POST", "groups"): admin_people.create_group,
    ("PATCH", "groups/{id}"): admin_people.edit_group,
    ("DELETE", "groups/{id}"): admin_people.delete_group,
    ("POST", "billing/seats"): admin_settings.buy_seats,
    ("GET", "journal"): admin_settings.show_journal,
}
