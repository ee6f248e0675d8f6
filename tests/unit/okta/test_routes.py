"""Buckets and scopes of Okta's paths."""

from __future__ import annotations

import pytest

from controller.okta.routes import BUCKETS, bucket_of, scope_of


@pytest.mark.parametrize(
    ("path", "bucket"),
    [
        ("/api/v1/apps", "apps"),
        ("/api/v1/apps/0oa1", "app"),
        ("/api/v1/apps/0oa1/users", "apps"),
        ("/api/v1/apps/0oa1/users/00u1", "apps"),
        ("/api/v1/apps/0oa1/connections/default", "apps"),
        ("/api/v1/groups", "groups"),
        ("/api/v1/groups/00g1", "group"),
        ("/api/v1/groups/00g1/users", "groups"),
        ("/api/v1/groups/rules", "groups"),
        ("/api/v1/users", "users"),
        ("/api/v1/users/00u1", "user"),
        ("/api/v1/logs", "logs"),
        ("/api/v1/mappings/prm1", "api"),
        ("/api/v1/meta/schemas/apps/0oa1/default", "api"),
        ("/oauth2/v1/token", "oauth2"),
        ("/.well-known/okta-organization", "api"),
    ],
)
def test_every_path_has_its_bucket(path: str, bucket: str) -> None:
    assert bucket_of("GET", path) == bucket
    assert bucket in BUCKETS


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "/api/v1/apps/0oa1/users", "okta.apps.read"),
        ("PUT", "/api/v1/apps/0oa1/groups/00g1", "okta.apps.manage"),
        ("POST", "/api/v1/meta/schemas/apps/0oa1/default", "okta.schemas.manage"),
        ("GET", "/api/v1/mappings", "okta.profileMappings.read"),
        ("GET", "/api/v1/meta/types/user", "okta.userTypes.read"),
        ("PUT", "/api/v1/groups/00g1/users/00u1", "okta.groups.manage"),
        ("GET", "/api/v1/logs", "okta.logs.read"),
        ("GET", "/.well-known/okta-organization", ""),
    ],
)
def test_every_call_has_its_scope(method: str, path: str, scope: str) -> None:
    assert scope_of(method, path) == scope
