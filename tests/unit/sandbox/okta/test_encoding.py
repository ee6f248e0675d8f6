"""The fast encoding gives what the shapes give."""

import json

import pytest

from scim_sandbox.okta import directory, shapes
from scim_sandbox.okta.encoding import encode_app_users, encode_users
from scim_sandbox.okta.records import AppRecord
from scim_sandbox.okta.store import Org


@pytest.mark.parametrize("expand", ["", "user"])
def test_app_users_are_the_same_text(org: Org, app: AppRecord, expand: str) -> None:
    one, other, third = list(app.users.values())[:3]
    one.profile["displayName"] = 'A "quoted" 100% %(id)s @id@ @created@ name\nÄ'
    other.last_sync, other.external_id = "2026-01-01T00:00:00.000Z", "scim-1"
    directory.force_status(org, org.users[third.id], "LOCKED_OUT")
    records = list(app.users.values())
    expected = [shapes.app_user(org, app.id, record, expand) for record in records]
    assert json.loads(encode_app_users(org, app.id, records, expand)) == expected


@pytest.mark.parametrize("status", ["ACTIVE", "STAGED", "SUSPENDED", "DEPROVISIONED", "RECOVERY"])
def test_users_are_the_same_text(org: Org, status: str) -> None:
    records = list(org.users.values())[:5]
    for record in records:
        record.status = status
    assert json.loads(encode_users(org, records)) == [shapes.user(org, record) for record in records]
    assert encode_users(org, []) == b"[]"
