"""The embedded Kubernetes API server as an ASGI application, and the kubeconfig that reaches it.

Called by the sandbox's runner and by tests, which serve it with uvicorn. Everything is in memory and on one
loop. Owner references are not collected, no controller runs Pods, and admission is what schemas say.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
from typing import Any

import yaml
from pydantic import SecretStr

from controller.clock import Clock, rfc3339
from scim_sandbox.kubernetes import discovery, exchange, openapi, reviews
from scim_sandbox.kubernetes.builtin import register_builtin
from scim_sandbox.kubernetes.exchange import Answer, Request, json_answer, text_answer
from scim_sandbox.kubernetes.failures import Refusal, method_not_allowed, unauthorized
from scim_sandbox.kubernetes.faults import CONTROL, Faults, Severed
from scim_sandbox.kubernetes.lifecycle import NAMESPACES, PERMANENT, Lifecycle
from scim_sandbox.kubernetes.negotiation import accepted, decoded, media_type
from scim_sandbox.kubernetes.objects import Objects, Reply
from scim_sandbox.kubernetes.resources import Registry
from scim_sandbox.kubernetes.store import HISTORY, Store
from scim_sandbox.kubernetes.writes import Options, Target, Writer

LOG = logging.getLogger(__name__)
PROBES = frozenset({"healthz", "livez", "readyz"})
_PUBLIC = PROBES | {"version"}
NOT_SERVED = text_answer("404 page not found\n", 404)


class KubernetesApi:
    """The application. `close` ends every watch, so that a server can stop at once."""

    def __init__(self, clock: Clock, token: SecretStr | None, *, history: int = HISTORY) -> None:
        self._token = None if token is None else token.get_secret_value()
        self._registry = Registry()
        # Revisions start at the time in seconds: a client that comes back with a version of an earlier run
        # is told that it is too old, as after a compaction, and never takes a new object for an old one.
        self._store = Store(int(clock.now().timestamp()), history)
        self._lifecycle = Lifecycle(self._store, self._registry, clock)
        self._objects = Objects(self._store, self._lifecycle, clock)
        self._faults = Faults(self._store)
        self._documents = openapi.Documents(self._registry)
        register_builtin(self._registry)
        self._create_namespaces(clock)

    def _create_namespaces(self, clock: Clock) -> None:
        resource = self._registry.find("", "v1", "namespaces")
        assert resource is not None and resource.storage == NAMESPACES
        writer = Writer(self._store, self._lifecycle, clock)
        for name in PERMANENT:
            options = Options(manager="kube-apiserver")
            writer.create(Target(resource, ""), {"metadata": {"name": name}}, options)
        LOG.debug("embedded Kubernetes API ready", extra={"facts": {"since": rfc3339(clock.now())}})

    def close(self) -> None:
        """Ends every watch."""
        self._store.close()

    async def __call__(self, scope: exchange.Scope, receive: exchange.Receive, send: exchange.Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        if scope["type"] != "http":
            return
        try:
            reply = await self._reply(scope, receive)
        except Severed:
            await exchange.sever(send)
            return
        if isinstance(reply, Answer):
            await exchange.send_answer(reply, send)
        else:
            await exchange.send_stream(reply, receive, send)

    async def _lifespan(self, receive: exchange.Receive, send: exchange.Send) -> None:
        while True:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return

    async def _reply(self, scope: exchange.Scope, receive: exchange.Receive) -> Reply:
        try:
            request = await exchange.read_request(scope, receive)
            admitted = self._authenticated(request)
            if admitted.segments[:1] == [CONTROL]:
                return self._faults.control(admitted)
            reply: Reply = await self._faults.around(admitted, self._route)
            return reply
        except Severed:
            raise
        except Refusal as refusal:
            return json_answer(refusal.status(), refusal.code)
        except Exception as error:
            LOG.exception("unexpected error in the embedded Kubernetes API")
            message = f"Internal error occurred: {type(error).__name__}"
            return json_answer(Refusal(500, "InternalError", message).status(), 500)

    def _authenticated(self, request: Request) -> Request:
        """The request, less the prefix that admits it; a 401 Refusal without token and prefix."""
        if self._token is None:
            return request
        prefix = access_prefix(self._token)
        is_prefixed = hmac.compare_digest(request.path[: len(prefix)].encode(), prefix.encode())
        given = request.headers.get("authorization")
        if given is None and (is_prefixed or request.path.strip("/") in _PUBLIC):
            return request.below(prefix)
        if not hmac.compare_digest((given or "").encode(), f"Bearer {self._token}".encode()):
            raise unauthorized()
        return request.below(prefix)

    def _route(self, request: Request) -> Reply:
        segments = request.segments
        root = segments[0] if segments else ""
        if root in PROBES:
            return text_answer("ok")
        if root == "version":
            return json_answer(discovery.version())
        if root == "openapi":
            return self._openapi(request, segments[1:])
        if root == "api":
            return self._group_version(request, "", segments[1:])
        if root == "apis":
            if len(segments) <= 2:
                return self._group(request, segments[1:])
            return self._group_version(request, segments[1], segments[2:])
        if not root:
            return json_answer(
                {"paths": ["/api", "/apis", "/healthz", "/livez", "/openapi/v3", "/readyz", "/version"]}
            )
        return NOT_SERVED

    def _openapi(self, request: Request, rest: list[str]) -> Reply:
        if rest == ["v2"] and openapi.V2_ACCEPTED in request.headers.get("accept", ""):
            return Answer(openapi.V2_DOCUMENT, content_type=openapi.V2_TYPE)
        if rest == ["v3"]:
            return _tagged(request, json_answer(self._documents.index()))
        body = self._documents.document("/".join(rest[1:])) if rest[:1] == ["v3"] else None
        return NOT_SERVED if body is None else _tagged(request, Answer(body))

    def _group(self, request: Request, rest: list[str]) -> Reply:
        if rest:
            group = discovery.group(self._registry, rest[0])
            return NOT_SERVED if group is None else json_answer(group)
        if accepted(request.headers.get("accept", "")).form == "APIGroupDiscoveryList":
            return _aggregated(request, discovery.aggregated(self._registry, core=False))
        return json_answer(discovery.group_list(self._registry))

    def _group_version(self, request: Request, group: str, rest: list[str]) -> Reply:
        """Everything at and below /api or /apis/GROUP; `rest` starts with the version."""
        if not rest:
            if accepted(request.headers.get("accept", "")).form == "APIGroupDiscoveryList":
                return _aggregated(request, discovery.aggregated(self._registry, core=True))
            return json_answer(discovery.core_versions(request.headers.get("host", "")))
        version, below = rest[0], rest[1:]
        if not below:
            resources = discovery.resource_list(self._registry, group, version)
            return NOT_SERVED if resources is None else json_answer(resources)
        namespace = ""
        if (
            below[0] == "namespaces"
            and len(below) > 2
            and not (group == "" and below[2] in ("status", "finalize"))
        ):
            namespace, below = below[1], below[2:]
        if review := reviews.find_review(group, version, below[0]):
            return self._review(request, review)
        resource = self._registry.find(group, version, below[0])
        if resource is None or len(below) > 3 or (namespace and not resource.namespaced):
            return NOT_SERVED
        name, subresource = (*below[1:], "", "")[:2]
        if subresource and not (subresource == "status" and resource.has_status):
            return NOT_SERVED
        if name and resource.namespaced and not namespace:
            return NOT_SERVED
        return self._objects.handle(request, Target(resource, namespace, name, subresource))

    def _review(self, request: Request, review: reviews.Review) -> Reply:
        if request.method != "POST":
            raise method_not_allowed(request.method)
        content_type = media_type(request.headers.get("content-type", ""))
        document = decoded(request.body, content_type, review.kind)
        return json_answer(reviews.answered(review, document), 201)


def _aggregated(request: Request, value: Any) -> Answer:
    answer = json_answer(value)
    content_type = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    return _tagged(request, Answer(answer.body, content_type=content_type))


def _tagged(request: Request, answer: Answer) -> Answer:
    """`answer` with an ETag, or 304 where the client has it."""
    tag = f'"{hashlib.sha256(answer.body).hexdigest().upper()}"'
    headers = {"etag": tag, "vary": "Accept", "cache-control": "no-cache, private"}
    if request.headers.get("if-none-match") == tag:
        return Answer(b"", 304, answer.content_type, headers)
    return Answer(answer.body, 200, answer.content_type, headers)


def build_app(clock: Clock, token: SecretStr | None) -> KubernetesApi:
    """The server with its four first namespaces. `token` None lets everybody in."""
    return KubernetesApi(clock, token)


def access_prefix(token: str) -> str:
    """A path prefix that admits like `token`, and from which the token cannot be read.

    kubectl and helm send no credentials over plain HTTP (client-go `clientcmd`), but they keep the path of
    the server's URL. Only `kubectl get --raw` drops it, and so reaches no more than version and probes.
    """
    return "/as/" + hmac.new(token.encode(), b"path of the embedded API", hashlib.sha256).hexdigest()[:32]


def kubeconfig(url: str, token: str, namespace: str = "default") -> str:
    """A kubeconfig in YAML whose only context reaches the server at `url`; as secret as the token."""
    name = "sandbox"
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": name, "cluster": {"server": url + access_prefix(token)}}],
            "users": [{"name": name, "user": {"token": token}}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name, "namespace": namespace}}],
            "current-context": name,
        },
        sort_keys=False,
    )
