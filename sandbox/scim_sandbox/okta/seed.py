"""An org with people in it: who they are, which groups they are in, and an app assigned through a group.

Called by the sandbox and by tests. Writes no events: the log begins when somebody changes something.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from scim_sandbox.okta import apps, assignments, directory
from scim_sandbox.okta.records import AppRecord, GroupRecord
from scim_sandbox.okta.store import Org
from scim_sandbox.people import SandboxPerson

ASSIGNED_GROUP = "Calendly users"
APP_LABEL = "Calendly"
APP_NAME = "calendly"


def seed(
    org: Org,
    people: Sequence[SandboxPerson],
    *,
    assigned: int | None = None,
    app_label: str = APP_LABEL,
    group: str = ASSIGNED_GROUP,
    username_template: str = "${source.email}",
) -> AppRecord:
    """The app, assigned to the people of `group`. The first `assigned` people join that group beside those
    who name it themselves; None adds nobody.
    """
    org.log.muted = True
    try:
        app = apps.create_app(org, APP_NAME, apps.saml_body(app_label, username_template))
        add_people(org, people)
        users_group = _group(org, group)
        for person in people[: assigned or 0]:
            directory.add_member(org, users_group, org.find_user(person.login))
        assignments.assign_group(org, app, users_group.id, {"priority": 0})
        return app
    finally:
        org.log.muted = False


def add_people(org: Org, people: Iterable[SandboxPerson]) -> None:
    """Creates the people, and the groups that they name where those are not there."""
    for person in people:
        profile = {
            "login": person.login,
            "email": person.email,
            "firstName": person.first,
            "lastName": person.last,
            "displayName": person.display_name,
            "department": person.department or None,
        }
        groups = tuple(_group(org, name).id for name in person.groups)
        directory.create_user(org, profile, groups=groups)


def _group(org: Org, name: str) -> GroupRecord:
    for record in org.groups.values():
        if record.profile["name"] == name:
            return record
    return directory.create_group(org, {"name": name, "description": ""})
