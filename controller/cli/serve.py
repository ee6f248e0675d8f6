"""`scimctl operator` and `scimctl provider serve`: the two processes of an installation; `provider create`.

SIGTERM and SIGINT let what is under way finish. A ControllerError ends with one line and exit code 1, so that
the supervisor starts the process anew.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import socket
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.server import ServerState

from controller.cli.provider_token import write_private
from controller.cli.terminal import emit
from controller.clock import SystemClock
from controller.errors import SpecError
from controller.http_limits import Network, ServerLimits, parse_networks
from controller.http_server import Door, limited_config, limited_protocol
from controller.logs import configure_logs
from controller.settings import parse_settings
from controller.transport.idle import SERVER_SECONDS

if TYPE_CHECKING:
    from controller.provider.app import CreatedOrganization

GRACE_SECONDS = 20
"""In which requests under way are answered after SIGTERM; Kubernetes kills after 30."""
OTHER_FILES = 200
"""Descriptors beside the connections: the database, its threads, answers to refused connections."""


def operator(kubeconfig: str) -> None:
    """Runs the operator until a signal ends it."""
    from controller.operator.main import run_operator

    settings = parse_settings(os.environ)
    configure_logs(settings.log_format, settings.log_level)

    async def work() -> None:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        await run_operator(settings, kubeconfig=kubeconfig or None, stop=stop)

    asyncio.run(work())


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """The options of `scimctl provider serve`."""

    database: str
    host: str
    port: int
    org: str
    profile: str
    seats: int
    env: Path | None
    public_url: str
    limits: ServerLimits
    search_seconds: float
    metrics_port: int


@dataclass(frozen=True, slots=True)
class CreateOptions:
    """The options of `scimctl provider create`."""

    database: str
    name: str
    profile: str
    seats: int
    env: Path | None
    public_url: str


def create(options: CreateOptions) -> None:
    """Creates the organization and tells its URLs and tokens, which are not to be had again."""
    from controller.provider.app import create_organization
    from controller.provider.organizations import NewOrganization

    _check_folder(options.env)
    new = NewOrganization(options.name, profile=options.profile, seats=options.seats)
    created = asyncio.run(create_organization(options.database, new, SystemClock()))
    _tell_created(options.env, options.public_url.rstrip("/"), created)


def provider(options: ServeOptions) -> None:
    """Serves the provider until a signal ends it. Raises SpecError naming the option that cannot be met."""
    settings = parse_settings(os.environ)
    configure_logs(settings.log_format, settings.log_level)
    if options.env is not None and not options.org:
        raise SpecError("goes with --org: only a new organization's tokens are known", field="--env")
    _check_folder(options.env)
    # What may fail comes before the organization is made: its tokens are known but this once.
    with _listening(options.host, options.port) as listener, ExitStack() as stack:
        metrics = None
        if options.metrics_port:
            metrics = stack.enter_context(_listening(options.host, options.metrics_port, "--metrics-port"))
        asyncio.run(_prepare(options, listener.getsockname()[1], metrics)).run(sockets=[listener])


def proxies(text: str) -> tuple[Network, ...]:
    """The networks in a comma-separated list; raises SpecError naming the option."""
    try:
        return parse_networks(text.split(","))
    except ValueError as error:
        raise SpecError(str(error), field="--trusted-proxies") from None


def _check_folder(env: Path | None) -> None:
    if env is not None and not env.resolve().parent.is_dir():
        raise SpecError(f"the folder {env.resolve().parent} does not exist", field="--env")


def _listening(host: str, port: int, option: str = "--port") -> socket.socket:
    """A socket bound to `port`, or to a free one for 0."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise SpecError(f"cannot listen on {host}:{port}: {error.strerror}", field=option) from error
    return listener


async def _prepare(options: ServeOptions, port: int, metrics: socket.socket | None) -> Announced:
    from controller.provider.app import build_app
    from controller.provider.metrics_page import MetricsPage

    url = (options.public_url or f"http://{options.host}:{port}").rstrip("/")
    created = await _organization(options)
    app = build_app(
        options.database,
        SystemClock(),
        public_url=options.public_url or None,
        limits=options.limits,
        search_seconds=options.search_seconds,
    )
    loop = "uvloop" if os.name == "posix" else "asyncio"
    _allow_files(options.limits.connections)
    door = Door(options.limits)
    config = limited_config(
        app,
        door,
        loop=loop,
        timeout_keep_alive=SERVER_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    page = MetricsPage(app.database, door, SystemClock())
    return Announced(config, lambda: _announce(options, url, created), (page, metrics) if metrics else None)


def _allow_files(connections: int) -> None:
    """Lets this process have as many descriptors as its connections need, as far as the system allows it."""
    if os.name != "posix":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + OTHER_FILES
    wanted = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def _organization(options: ServeOptions) -> CreatedOrganization | None:
    """The organization that was made because there was none of this name; else None."""
    from controller.provider.app import create_organization, has_organization
    from controller.provider.organizations import NewOrganization

    if not options.org:
        return None
    new = NewOrganization(options.org, profile=options.profile, seats=options.seats)
    new.check()
    org_id = new.slug()
    try:
        return await create_organization(options.database, new, SystemClock())
    except SpecError:
        if await has_organization(options.database, org_id):
            return None
        raise


class Announced(uvicorn.Server):
    """A server that says when it answers. `metrics` are an application and the socket it is served on."""

    def __init__(
        self,
        config: uvicorn.Config,
        announce: Callable[[], None],
        metrics: tuple[Any, socket.socket] | None = None,
    ) -> None:
        super().__init__(config)
        self._announce, self._metrics = announce, metrics

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listens, then announces it."""
        await super().startup(sockets)
        if self.started:
            if self._metrics is not None:
                await _serve_beside(*self._metrics)
            self._announce()


async def _serve_beside(app: Any, listener: socket.socket) -> None:
    """Serves `app` on the running loop until it ends."""
    door = Door(ServerLimits(connections=50))
    config = limited_config(app, door, timeout_keep_alive=SERVER_SECONDS, lifespan="off")
    config.load()
    protocol, state = limited_protocol(door), ServerState()
    await asyncio.get_running_loop().create_server(
        lambda: protocol(config=config, server_state=state, app_state={}), sock=listener
    )


def _announce(options: ServeOptions, url: str, created: CreatedOrganization | None) -> None:
    if created is not None:
        _tell_created(options.env, url, created)
        return
    if options.org:
        _say(f"{options.org!r} exists already: its settings stay, its tokens aren't shown again.")
    _say(f"Admin center: {url}/console")


def _tell_created(env: Path | None, url: str, created: CreatedOrganization) -> None:
    exports = {
        "SCIM_BASE_URL": url + created.scim_path,
        "SCIM_TOKEN": created.scim_token,
        "SCIM_ADMIN_URL": url + created.admin_path,
        "SCIM_ADMIN_TOKEN": created.admin_token,
    }
    _tell(env, exports)
    _say(f"Admin center: {url}{created.console_path}, signed in to with SCIM_ADMIN_TOKEN")


def _say(line: str) -> None:
    """For people: standard output is for the exports."""
    emit(line, to_errors=True)


def _tell(env: Path | None, exports: dict[str, str]) -> None:
    """The exports into the file, whole or not at all; to standard output where none is named."""
    text = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in exports.items())
    if env is None:
        emit(text, end="")
        return
    write_private(env, text)
