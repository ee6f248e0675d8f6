"""A Kubernetes API as raw JSON, found by kubeconfig or from inside a pod: get, tables, apply, patch, watch.

Used by scimctl, by the sandbox's demo and by tests of the whole. The official client reads the kubeconfig
(exec plugins, client certificates, proxies) and carries the requests; its generated models stay unused. Keeps
nothing between calls and knows no kind of ours. Errors are the tree's, with system "Kubernetes".
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
from kubernetes.aio import config as kubeconfigs
from kubernetes.aio.client.api_client import ApiClient
from kubernetes.aio.client.configuration import Configuration

from controller import __version__
from controller.errors import (
    Conflict,
    NotFound,
    RateLimited,
    Rejected,
    RemoteError,
    SpecError,
    Unauthorized,
    Unavailable,
    clip,
)
from controller.kube.bounded_answers import (
    ERROR_BYTES,
    OBJECT_BYTES,
    PAGE_BYTES,
    TOO_LARGE,
    read_body,
    read_lines,
    read_start,
)
from controller.kube.paths import ApiPath
from controller.outside_text import remember
from controller.parsing import parse_json, split_url

JSON = dict[str, Any]
Body = Mapping[str, Any]
"""An object of the API server, as it was read."""
MANAGER = "scim-operator"
config: Any = kubeconfigs  # the official client has no types
PAGE_ITEMS = 500
MOST_ITEMS = 100_000
"""More of one kind than anybody has: a list that goes on is not believed."""
MOST_EMPTY_PAGES = 100
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
WATCHING = aiohttp.ClientTimeout(total=None, sock_connect=30, sock_read=330)
"""A watch lasts until the server ends it. Bookmarks come every minute: long silence is a dead line."""


async def open_api_server(kubeconfig: str = "", context: str = "", connections: int = 64) -> ApiServer:
    """By `kubeconfig`, else $KUBECONFIG or ~/.kube/config, else the service account of the pod. At most
    `connections` requests are under way at once; a watch is one, 0 means any number.

    SpecError says what was looked for where none is usable.
    """
    configuration = await load_configuration(kubeconfig, context)
    configuration.connection_pool_maxsize = connections
    client: Any = ApiClient(configuration)
    return ApiServer(client, _namespace(kubeconfig, context))


async def load_configuration(kubeconfig: str = "", context: str = "") -> Configuration:
    """Address and credential of the API server, read anew: tokens of exec plugins and pods expire."""
    configuration = Configuration()
    if kubeconfig and not os.access(kubeconfig, os.R_OK):
        raise SpecError(f"{kubeconfig} is not a file that can be read", field="--kubeconfig")
    try:
        await _load(configuration, kubeconfig, context)
    except (config.ConfigException, OSError, KeyError, TypeError) as error:
        raise SpecError(
            f"no usable configuration ({clip(str(error), 200)}); name a kubeconfig file or set KUBECONFIG",
            field="--kubeconfig",
        ) from None
    return configuration


async def _load(configuration: Configuration, kubeconfig: str, context: str) -> None:
    try:
        await config.load_kube_config(
            config_file=_files(kubeconfig), context=context or None, client_configuration=configuration
        )
    except config.ConfigException:
        if kubeconfig or context:
            raise
        config.load_incluster_config(client_configuration=configuration)


def _files(kubeconfig: str) -> str | None:
    """The file or files to read; asked for at each time, since the client asks the environment only once."""
    return kubeconfig or os.environ.get("KUBECONFIG") or None


def _namespace(kubeconfig: str, context: str) -> str:
    """The context's own namespace; `default` where it names none."""
    try:
        contexts, active = config.list_kube_config_contexts(_files(kubeconfig))
    except config.ConfigException:
        pod = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
        return pod.read_text().strip() if pod.is_file() else "default"
    chosen = next((item for item in contexts if item["name"] == context), active)
    return str(chosen["context"].get("namespace") or "default")


class ApiServer:
    """One API server. Bodies are plain JSON values; every failure is a RemoteError."""

    def __init__(self, client: Any, namespace: str = "default") -> None:
        client.user_agent = f"scimctl/{__version__}"
        self._client, self.namespace = client, namespace
        self.fence: Callable[[], None] | None = None
        """Called before whatever is no plain read; raises where this process may not write any more."""

    @property
    def url(self) -> str:
        """Where it answers."""
        return str(self._client.configuration.host).rstrip("/")

    @property
    def origin(self) -> str:
        """The same for messages: scheme and host, since a path may carry a credential."""
        parts = split_url(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._client.close()

    async def get(
        self, path: ApiPath, params: Mapping[str, Any] | None = None, *, table: bool = False
    ) -> JSON:
        """One object, a list, or with `table` what kubectl prints of it."""
        return await self._send("GET", path, params, accept=TABLE if table else "application/json")

    async def list_all(self, path: ApiPath, params: Mapping[str, Any] | None = None) -> list[JSON]:
        """Every item, read in pages of 500, or of fewer if they are large. Unavailable for a list without
        end."""
        items: list[JSON] = []
        query: dict[str, Any] = {"limit": PAGE_ITEMS, **(params or {})}
        pages = 0
        while True:
            page, query = await self._page(path, query)
            items += page.get("items") or []
            token, pages = (page.get("metadata") or {}).get("continue"), pages + 1
            if not token:
                return items
            if len(items) > MOST_ITEMS or pages > len(items) + MOST_EMPTY_PAGES:
                raise Unavailable(
                    f"the list at {path} has no end: {len(items)} items in {pages} pages",
                    system="Kubernetes",
                    reason="Incomplete",
                )
            query = {**query, "continue": token}

    async def _page(self, path: ApiPath, query: dict[str, Any]) -> tuple[JSON, dict[str, Any]]:
        """A page, and the query that got it: with as many items as the bytes of a page allow."""
        while True:
            try:
                return await self._send("GET", path, query), query
            except Unavailable as error:
                if error.reason != TOO_LARGE or int(query["limit"]) <= 1:
                    raise
                query = {**query, "limit": int(query["limit"]) // 8 or 1}

    async def apply(self, path: ApiPath, body: JSON, *, manager: str = "scimctl") -> JSON:
        """Server-side apply with strict validation, taking over fields that others own."""
        query = {"fieldManager": manager, "fieldValidation": "Strict", "force": "true"}
        return await self._send("PATCH", path, query, body=body, content_type=APPLY)

    async def patch(
        self, path: ApiPath, body: JSON, *, manager: str = "scimctl", dry_run: bool = False
    ) -> JSON:
        """A JSON merge patch; with `dry_run` everything but the storing."""
        query = {"fieldManager": manager, **({"dryRun": "All"} if dry_run else {})}
        return await self._send("PATCH", path, query, body=body, content_type=MERGE)

    async def apply_status(self, path: ApiPath, body: JSON, *, manager: str) -> JSON:
        """Server-side apply of the status; a resourceVersion in `body` guards against a late writer."""
        query = {"fieldManager": manager, "force": "true"}
        return await self._send("PATCH", ApiPath(path).below("status"), query, body=body, content_type=APPLY)

    async def replace(self, path: ApiPath, body: JSON, *, manager: str = "scimctl") -> JSON:
        """PUT of a whole object; its resourceVersion has to be the present one."""
        return await self._send("PUT", path, {"fieldManager": manager}, body=body)

    async def create(self, path: ApiPath, body: JSON) -> JSON:
        """The object as it was created under the collection `path`."""
        return await self._send(
            "POST", path, {"fieldManager": "scimctl", "fieldValidation": "Strict"}, body=body
        )

    async def delete(self, path: ApiPath) -> JSON:
        """Deletes one object; finalizers may keep it for a while."""
        return await self._send("DELETE", path, None)

    async def watch(
        self, path: ApiPath, params: Mapping[str, Any] | None = None
    ) -> AsyncIterator[tuple[str, JSON]]:
        """(ADDED, MODIFIED or DELETED, object) of a collection, beginning with what is there; ends when the
        server ends it."""
        query = {**(params or {}), "watch": "true", "allowWatchBookmarks": "true"}
        answer = await self._open("GET", path, query, "application/json", None, "")
        try:
            await self._raise_for(answer, "GET", path)
            async for line in read_lines(answer, OBJECT_BYTES, f"a watch of {path}"):
                event = parse_json(line)
                if event["type"] == "ERROR":
                    raise _error(
                        int(event["object"].get("code", 500)), event["object"].get("message", ""), path
                    )
                if event["type"] != "BOOKMARK":
                    yield event["type"], event["object"]
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _unreachable(self.origin, error) from None
        finally:
            answer.close()

    async def _send(
        self,
        method: str,
        path: ApiPath,
        params: Mapping[str, Any] | None,
        *,
        accept: str = "application/json",
        body: JSON | None = None,
        content_type: str = "application/json",
    ) -> JSON:
        limit = PAGE_BYTES if accept == TABLE or (params and "limit" in params) else OBJECT_BYTES
        if self.fence is not None and method != "GET":
            self.fence()
        answer = await self._open(method, path, params, accept, body, content_type)
        try:
            await self._raise_for(answer, method, path)
            decoded: JSON = parse_json(await read_body(answer, limit, f"{method} {path}") or b"{}")
            return decoded
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _unreachable(self.origin, error) from None
        finally:
            answer.release()

    async def _open(
        self,
        method: str,
        path: ApiPath,
        params: Mapping[str, Any] | None,
        accept: str,
        body: JSON | None,
        content_type: str,
    ) -> aiohttp.ClientResponse:
        headers = {"Accept": accept, "User-Agent": self._client.user_agent}
        if content_type:
            headers["Content-Type"] = content_type
        url = self.url + ApiPath(path) + ("?" + urlencode(params) if params else "")
        try:
            await self._client.update_params_for_auth(headers, [], ["BearerToken"], path, method, body)
            remember(str(headers.get("authorization", "")).removeprefix("Bearer "))
            answer = await self._client.rest_client.request(
                method,
                url,
                headers=headers,
                body=body,
                _request_timeout=WATCHING if params and "watch" in params else None,
            )
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _unreachable(self.origin, error) from None
        response: aiohttp.ClientResponse = answer.response
        return response

    async def _raise_for(self, answer: aiohttp.ClientResponse, method: str, path: str) -> None:
        if answer.status < 300:
            return
        text = (await read_start(answer, ERROR_BYTES)).decode("utf-8", "replace")
        try:
            text = parse_json(text).get("message", text)
        except (ValueError, AttributeError):
            text = clip(text, 200)
        raise _error(answer.status, text, f"{method} {path}")


async def get_or_none(api: ApiServer, path: ApiPath) -> JSON | None:
    """The object or the document at `path`, None if the API server has none."""
    try:
        return await api.get(path)
    except NotFound:
        return None


async def delete_if_present(api: ApiServer, path: ApiPath) -> None:
    """Deletes the object at `path`; one that is gone already is no error."""
    try:
        await api.delete(path)
    except NotFound:
        return


def _unreachable(url: str, error: BaseException) -> Unavailable:
    cause = clip(str(error) or type(error).__name__, 300)
    return Unavailable(f"the Kubernetes API at {url} does not answer: {cause}", system="Kubernetes")


def _error(status: int, message: str, what: str) -> RemoteError:
    text = message or f"Kubernetes answered {status} to {what}"
    if status == 429:
        return RateLimited(text, system="Kubernetes", retry_after_seconds=1.0)
    if status >= 500:
        return Unavailable(text, system="Kubernetes", status=status)
    known = {401: Unauthorized, 403: Unauthorized, 404: NotFound, 409: Conflict, 412: Conflict}
    return known.get(status, Rejected)(text, system="Kubernetes", status=status)
