"""What the operator asks of the Kubernetes API, as RBAC sees it, and what the chart's roles grant.

Recorder stands before the embedded API, which knows no roles. Requests below its prefix are the operator's.
With `judge`, it answers as an API server with the chart's roles would: 403 for what they do not grant.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import yaml

JSON = dict[str, Any]
PREFIX = "/the-operator"
OPERATIONS = {"POST": "create", "PUT": "update", "PATCH": "patch"}


@dataclass(frozen=True, slots=True, order=True)
class Right:
    """One verb on one resource. `namespace` is "" for what has none or for all of them, `name` "" for any."""

    verb: str
    group: str
    resource: str
    namespace: str = ""
    name: str = ""


def asked(method: str, path: str, query: str) -> Right | None:
    """The right that a request needs (kubernetes.io, "Determine the request verb"); None for discovery."""
    parts = path.strip("/").split("/")
    if parts[0] == "api":
        group, rest = "", parts[2:]
    elif parts[0] == "apis":
        group, rest = (parts[1] if len(parts) > 1 else ""), parts[3:]
    else:
        return None
    namespace = ""
    if rest[:1] == ["namespaces"] and len(rest) > 2:
        namespace, rest = rest[1], rest[2:]
    if not rest:
        return None
    name = rest[1] if len(rest) > 1 else ""
    if rest[0] == "namespaces":
        namespace = name  # so that a Role of the namespace can grant it
    resource = "/".join([rest[0], *rest[2:]])
    asks = parse_qs(query)
    selected = [one for one in asks.get("fieldSelector", []) if one.startswith("metadata.name=")]
    named = name or (selected[0].partition("=")[2] if selected else "")
    if method == "GET":
        is_watch = asks.get("watch", ["false"])[0] in ("true", "1")
        verb = "watch" if is_watch else "get" if name else "list"
    elif method == "DELETE":
        verb = "delete" if name else "deletecollection"
    else:
        verb = OPERATIONS[method]
    return Right(verb, group, resource, namespace, named)


@dataclass
class Roles:
    """The rules of the chart that are bound to the operator."""

    everywhere: list[JSON]
    within: dict[str, list[JSON]]
    """By namespace."""

    def grants(self, right: Right) -> bool:
        rules = [*self.everywhere, *self.within.get(right.namespace, [])]
        return any(_covers(rule, right) for rule in rules)


def _covers(rule: JSON, right: Right) -> bool:
    names = rule.get("resourceNames")
    return (
        right.group in rule["apiGroups"]
        and right.resource in rule["resources"]
        and right.verb in rule["verbs"]
        and (names is None or right.name in names)
    )


def roles_of(documents: Iterable[JSON]) -> Roles:
    """The roles that the release binds to the operator's account."""
    known = list(documents)
    by_name = {
        (one["kind"], one["metadata"].get("namespace", ""), one["metadata"]["name"]): one["rules"]
        for one in known
        if one["kind"] in ("ClusterRole", "Role")
    }
    everywhere: list[JSON] = []
    within: dict[str, list[JSON]] = {}
    for one in known:
        if one["kind"] == "ClusterRoleBinding":
            everywhere += by_name["ClusterRole", "", one["roleRef"]["name"]]
        elif one["kind"] == "RoleBinding":
            home = one["metadata"]["namespace"]
            within.setdefault(home, []).extend(by_name["Role", home, one["roleRef"]["name"]])
    return Roles(everywhere, within)


@dataclass
class Recorder:
    """An ASGI app that notes what comes below PREFIX and hands everything on."""

    app: Any
    seen: set[Right] = field(default_factory=set)
    refused: set[Right] = field(default_factory=set)
    judge: Callable[[Right], bool] = lambda right: True

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX):
            await self.app(scope, receive, send)
            return
        path = scope["path"].removeprefix(PREFIX)
        scope = {**scope, "path": path, "raw_path": path.encode()}
        inner = "/" + path.split("/", 3)[3] if path.startswith("/as/") else path
        right = asked(scope["method"], inner, scope["query_string"].decode())
        if right is None:
            await self.app(scope, receive, send)
        elif not self.judge(right):
            self.refused.add(right)
            await _forbid(right, send)
        else:
            self.seen.add(right)
            await self.app(scope, receive, self._noting(right, send))

    def close(self) -> None:
        self.app.close()

    def _noting(self, right: Right, send: Any) -> Any:
        """A server-side apply that makes an object needs the verb create too."""

        async def noting(message: JSON) -> None:
            if (
                message["type"] == "http.response.start"
                and message["status"] == 201
                and right.verb == "patch"
            ):
                self.seen.add(Right("create", right.group, right.resource, right.namespace, right.name))
            await send(message)

        return noting


def write_recorded(kubeconfig: str, target: Path, namespace: str, prefix: str = PREFIX) -> Path:
    """`kubeconfig` with the address at which a Recorder listens, and `namespace` as its own."""
    config = yaml.safe_load(Path(kubeconfig).read_text())
    cluster = config["clusters"][0]["cluster"]
    scheme, _, rest = cluster["server"].partition("://")
    host, _, path = rest.partition("/")
    cluster["server"] = f"{scheme}://{host}{prefix}/{path}"
    config["contexts"][0]["context"]["namespace"] = namespace
    target.write_text(yaml.safe_dump(config))
    return target


async def _forbid(right: Right, send: Any) -> None:
    body = {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "message": f"{right.resource} {right.name!r} is forbidden: no {right.verb} in {right.namespace!r}",
        "reason": "Forbidden",
        "code": 403,
    }
    await send(
        {
            "type": "http.response.start",
            "status": 403,
            "headers": [(b"content-type", b"application/json")],
        }
    )
    await send({"type": "http.response.body", "body": json.dumps(body).encode()})
