"""Our client of the API server: how long it waits for what."""

from __future__ import annotations

from typing import Any

import pytest

from controller.errors import Unavailable
from controller.kube.client import ApiServer


class Client:
    """Stands in for the official client: notes the timeout, and answers nothing."""

    def __init__(self) -> None:
        self.configuration, self.rest_client = self, self
        self.host, self.timeouts = "http://127.0.0.1:1", list[Any]()

    async def update_params_for_auth(self, *_: Any) -> None: ...

    async def request(self, *_: Any, _request_timeout: Any = None, **__: Any) -> Any:
        self.timeouts.append(_request_timeout)
        raise OSError("nobody is there")


@pytest.mark.asyncio
async def test_a_watch_lasts_until_the_server_ends_it_and_a_read_does_not() -> None:
    client = Client()
    api = ApiServer(client)
    with pytest.raises(Unavailable, match="nobody is there"):
        await anext(api.watch("/api/v1/namespaces"))
    with pytest.raises(Unavailable, match="nobody is there"):
        await api.get("/api/v1/namespaces")
    watch, read = client.timeouts
    assert (watch.total, read) == (None, None) and watch.sock_read > 60
