"""What a path of Okta's API costs and needs: its rate-limit bucket and its OAuth scope.

Used by auth (which token to ask for), by the Budget (which bucket a call is drawn from) and by errors (which
scope to name). Pure. Sources: developer.okta.com, "Rate limits" and the scopes of each operation.
"""

from __future__ import annotations

BUCKETS = ("apps", "app", "groups", "group", "users", "user", "logs", "oauth2", "api")
"""Every name that `bucket_of` gives."""

_SCOPES = (
    ("/api/v1/apps", "apps"),
    ("/api/v1/meta/schemas", "schemas"),
    ("/api/v1/mappings", "profileMappings"),
    ("/api/v1/meta/types", "userTypes"),
    ("/api/v1/groups", "groups"),
    ("/api/v1/users", "users"),
    ("/api/v1/logs", "logs"),
    ("/api/v1/eventHooks", "eventHooks"),
)


def bucket_of(method: str, path: str) -> str:
    """The bucket that a call is counted in.

    Everything under `/apps/{id}/` shares one with the listing of apps, `/apps/{id}` itself has its own; the
    same division holds for groups and users; mappings, schemas and types share what is left.
    """
    parts = path.strip("/").split("/")
    if parts[0] == "oauth2":
        return "oauth2"
    if parts[:2] != ["api", "v1"] or len(parts) < 3:
        return "api"
    return _bucket_of_collection(parts[2], is_single=len(parts) == 4 and parts[3] != "rules")


def _bucket_of_collection(collection: str, is_single: bool) -> str:
    if collection in ("apps", "groups", "users"):
        return collection[:-1] if is_single else collection
    return "logs" if collection == "logs" else "api"


def scope_of(method: str, path: str) -> str:
    """The OAuth scope that a call needs, `okta.apps.read`; "" where none is known."""
    for prefix, name in _SCOPES:
        if path.startswith(prefix):
            return f"okta.{name}.{'read' if method in ('GET', 'HEAD') else 'manage'}"
    return ""
