"""Servers to measure, each in a process of its own: the provider, or scim2-server 0.8.3 in memory as the
peer.

Started by bench.provider as `python -m bench.provider_server (ours|peer) DATABASE PORT [TOKEN_FILE]`. Both
run under uvicorn with the same settings.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import uvicorn


def peer() -> Any:
    """scim2-server's own application on its in-memory storage, with users and groups."""
    from scim2_server.applications.asgi import ASGIApplication
    from scim2_server.memory import AsyncInMemoryStorage
    from scim2_server.utils import load_default_provider

    return ASGIApplication(AsyncInMemoryStorage(), load_default_provider())


def ours(database: str, token_file: str) -> Any:
    """The provider on `database`; writes the SCIM token of a new organization to `token_file`, where
    named."""
    from controller.clock import SystemClock
    from controller.provider.app import add_organization, build_app
    from controller.provider.organizations import NewOrganization

    app = build_app(database)
    if token_file:
        org = add_organization(app.database, NewOrganization("Bench"), SystemClock())
        Path(token_file).write_text(org.scim_token)
    return app


def main() -> None:
    """Serves until it is stopped."""
    which, database, port, *rest = sys.argv[1:]
    if which == "peer":
        uvicorn.run(peer(), host="127.0.0.1", port=int(port), log_level="error", access_log=False)
        return
    from controller.http_server import Door, limited_config

    app = ours(database, rest[0] if rest else "")
    uvicorn.Server(limited_config(app, Door(app.limits), host="127.0.0.1", port=int(port))).run()


if __name__ == "__main__":
    main()
