"""App users and users as JSON text, fast: a listing of a hundred thousand people must not be the bottleneck.

Called by the two long listings. What is the same for everybody is encoded once, by shapes, into a template;
per person only the values are filled in. A test holds that the text equals shapes' own.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache

from scim_sandbox.okta import shapes
from scim_sandbox.okta.records import JSON, AppUserRecord, UserRecord, UserTypeRecord
from scim_sandbox.okta.store import Org

encode = json.JSONEncoder(separators=(",", ":")).encode
ID = "@id@"
USER_VALUES = (
    "created", "activated", "status_changed", "last_login", "last_updated", "password_changed", "profile",
)  # fmt: skip
APP_USER_VALUES = (
    "external_id", "created", "last_updated", "scope", "status", "status_changed", "sync_state", "last_sync",
    "user_name", "profile",
)  # fmt: skip


class _Marked(Org):
    """An org that shapes can ask for one marked person."""

    def __init__(self, url: str, kind: UserTypeRecord) -> None:
        self.url, self.types = url, {kind.id: kind}


def encode_app_users(org: Org, app_id: str, records: Sequence[AppUserRecord], expand: str) -> bytes:
    """The JSON list of AppUsers, as `shapes.app_user` makes them."""
    parts = [_app_user(org, app_id, record, expand) for record in records]
    return f"[{','.join(parts)}]".encode()


def encode_users(org: Org, records: Sequence[UserRecord]) -> bytes:
    """The JSON list of Users, as `shapes.user` makes them."""
    return f"[{','.join(_user(org, record) for record in records)}]".encode()


def _user(org: Org, record: UserRecord) -> str:
    kind = org.types[record.type_id]
    profile = {"mobilePhone": None, "secondEmail": None, **record.profile}
    return _user_template(org.url, kind.id, kind.schema_id, record.status) % {
        "id": record.id,
        **{name: encode(getattr(record, name)) for name in USER_VALUES[:-1]},
        "profile": encode(profile),
    }


def _app_user(org: Org, app_id: str, record: AppUserRecord, expand: str) -> str:
    text = _app_user_template(org.url, app_id, record.last_sync is not None) % {
        "id": record.id,
        **{name: encode(getattr(record, name)) for name in APP_USER_VALUES},
    }
    if expand != "user":
        return text
    return f'{text[:-1]},"_embedded":{{"user":{_user(org, org.users[record.id])}}}}}'


@lru_cache(maxsize=256)
def _user_template(url: str, type_id: str, schema_id: str, status: str) -> str:
    kind = UserTypeRecord(type_id, schema_id, "", "", False, "")
    record = UserRecord(ID, status, type_id, {}, "", "")
    for name in USER_VALUES[:-1]:
        setattr(record, name, f"@{name}@")
    shape = shapes.user(_Marked(url, kind), record)
    return _template({**shape, "profile": "@profile@"}, USER_VALUES)


@lru_cache(maxsize=256)
def _app_user_template(url: str, app_id: str, is_synced: bool) -> str:
    marked = {name: f"@{name}@" for name in APP_USER_VALUES if name != "profile"}
    record = AppUserRecord(id=ID, profile={}, **marked)
    record.last_sync = "@last_sync@" if is_synced else None
    shape = shapes.app_user(_Marked(url, UserTypeRecord("", "", "", "", False, "")), app_id, record)
    return _template({**shape, "profile": "@profile@"}, APP_USER_VALUES)


def _template(shape: JSON, names: Sequence[str]) -> str:
    text = encode(shape).replace("%", "%%")
    for name in names:
        text = text.replace(f'"@{name}@"', f"%({name})s")
    return text.replace(ID, "%(id)s")
