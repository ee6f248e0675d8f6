"""`scimctl operator` and `scimctl provider serve`: the two processes of an installation; `provider create`.

SIGTERM and SIGINT let what is under way finish. A ControllerError ends with one line and exit code 1, so that
the supervisor starts the process anew.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from controller.clock import SystemClock
from controller.errors import SpecError
from controller.logs import configure_logs
from controller.settings import parse_settings


def operator(kubeconfig: str) -> None:
    """Runs the operator until a signal ends it."""
    from controller.handlers.startup import run_operator

    settings = parse_settings(os.environ)
    configure_logs(settings.log_format, settings.log_level)

    async def work() -> None:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        await run_operator(settings, kubeconfig=kubeconfig or None, stop=stop)

    asyncio.run(work())


@dataclass(frozen=True, slots=True)
class ProviderWish:
    """The options of `scimctl provider serve`."""

    database: str
    host: str
    port: int
    org: str
    profile: str
    seats: int
    env: Path | None
    public_url: str


@dataclass(frozen=True, slots=True)
class OrganizationWish:
    """The options of `scimctl provider create`."""

    database: str
    name: str
    profile: str
    seats: int
    env: Path | None
    public_url: str


def create(wish: OrganizationWish) -> None:
    """Creates the organization and tells its URLs and tokens, which are not to be had again."""
    asyncio.run(_create(wish))


def provider(wish: ProviderWish) -> None:
    """Serves the provider until a signal ends it."""
    settings = parse_settings(os.environ)
    configure_logs(settings.log_format, settings.log_level)
    if wish.env is not None and not wish.org:
        raise SpecError("goes with --org: only a new organization's tokens are known", field="--env")
    uvicorn_loop = "uvloop" if os.name == "posix" else "asyncio"
    uvicorn.Server(asyncio.run(_prepare(wish, uvicorn_loop))).run()


async def _create(wish: OrganizationWish) -> None:
    from controller.provider.app import create_organization
    from controller.provider.organizations import NewOrganization

    new = NewOrganization(wish.name, profile=wish.profile, seats=wish.seats)
    created = await create_organization(wish.database, new, SystemClock())
    url = wish.public_url.rstrip("/")
    exports = {
        "SCIM_BASE_URL": url + created.scim_path,
        "SCIM_TOKEN": created.scim_token,
        "SCIM_ADMIN_URL": url + created.admin_path,
        "SCIM_ADMIN_TOKEN": created.admin_token,
    }
    _tell(wish.env, exports)
    told = f"Admin center: {url}{created.console_path}, signed in to with SCIM_ADMIN_TOKEN"
    print(told, file=sys.stderr, flush=True)


async def _prepare(wish: ProviderWish, loop: str) -> uvicorn.Config:
    from controller.provider.app import build_app

    port = wish.port or _free_port()
    url = wish.public_url or f"http://{wish.host}:{port}"
    if wish.org:
        await _create(OrganizationWish(wish.database, wish.org, wish.profile, wish.seats, wish.env, url))
    app = build_app(wish.database, SystemClock(), public_url=wish.public_url or None)
    return uvicorn.Config(
        app, host=wish.host, port=port, loop=loop, log_config=None, access_log=False, server_header=False
    )


def _free_port() -> int:
    """Picked by the sandbox's code, whose libraries are heavy: loaded only where asked for."""
    from controller.sandbox.run import free_port

    return free_port()


def _tell(env: Path | None, exports: dict[str, str]) -> None:
    """The exports into the file, or to standard output where none is named: they are not to be had again."""
    text = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in exports.items())
    if env is None:
        print(text, end="", flush=True)
        return
    env.unlink(missing_ok=True)
    with os.fdopen(os.open(env, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
