"""What a caller may see: a custom admin role can be bound to some groups, and then lists fewer people with a
200.

Asked by the listings of people. Source: developer.okta.com, Roles: resource sets of custom admin roles.
"""

from __future__ import annotations

from collections.abc import Container

from scim_sandbox.okta.calls import Call
from scim_sandbox.okta.store import Org


def visible_users(org: Org, call: Call) -> Container[str] | None:
    """Ids of those whom the caller may see; None means everybody."""
    groups = call.principal.groups if call.principal else None
    if groups is None:
        return None
    return {user_id for group_id in groups if group_id in org.members for user_id in org.members[group_id]}
