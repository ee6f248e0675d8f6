"""scimctl: the entry point. Registers the commands beside it and turns errors into one line and an exit code.

Each command's module is light; what is heavy (kopf, the servers) is imported when a command runs.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from controller import __version__
from controller.cli.options import (
    EXIT_CHANGES,
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    AllNamespaces,
    Connections,
    ConnectionsPerAddress,
    Context,
    Database,
    Files,
    Kubeconfig,
    MetricsPort,
    Namespace,
    Output,
    ProviderEnv,
    ProviderProfile,
    ProviderSeats,
    PublicUrl,
    SearchSeconds,
    Shape,
    TrustedProxies,
)
from controller.cli.terminal import emit
from controller.errors import ControllerError
from controller.http_limits import ServerLimits
from controller.logs import configure_logs

EPILOG = (
    "Exit codes: 0 what was asked holds; 1 it does not, or the command failed and one line on standard error "
    "says why; 2 the command line is wrong; 3 (plan --exit-code) there are changes; 130 interrupted."
)

app = typer.Typer(
    name="scimctl",
    help="Okta to SaaS provisioning as Kubernetes resources: run it, look at it, try it on this machine.",
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _version(wanted: bool) -> None:
    if wanted:
        emit(f"scimctl {__version__}")
        raise typer.Exit


@app.callback()
def scimctl(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Okta to SaaS provisioning as Kubernetes resources: run it, look at it, try it on this machine."""


LOOK = "Look at resources"
RUN = "Run"
TRY = "Try it on this machine"

ShapeOption = Annotated[Shape, typer.Option("--output", "-o", help="Form of what is shown.")]
People = Annotated[
    str,
    typer.Option(
        "--people",
        metavar="N|FILE",
        help="Generate so many people, or a CSV file: login, first, last, display name, department, groups.",
    ),
]


@app.command(rich_help_panel=LOOK)
def validate(
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILE...", help="Files or folders of resources; - is standard input."),
    ],
    output: Annotated[Output, typer.Option("--output", "-o", help="Form of the findings.")] = Output.TEXT,
) -> None:
    """Check files as the API server and the operator would, without a cluster.

    Prints one finding a line, as file:line: resource: field: what to change. Exits 1 where there is one.
    """
    from controller.cli import validate as command

    _done(command.validate(files, output))


@app.command(rich_help_panel=TRY)
def demo(people: People = "") -> None:
    """See it work: a world on this machine, the quickstart, three acts; everything shown and checked.

    Exits 0 only if all that is claimed held.
    """
    from controller.cli.sandbox import load_sandbox

    _done(load_sandbox().demo(people))


@app.command(rich_help_panel=TRY)
def sandbox(
    people: People = "60",
    kubeconfig: Annotated[
        str, typer.Option("--kubeconfig", metavar="FILE", help="A real cluster in place of the embedded API.")
    ] = "",
    directory: Annotated[
        Path, typer.Option("--dir", metavar="DIR", help="Where env, kubeconfig and examples are written.")
    ] = Path(".sandbox"),
) -> None:
    """Run Okta, a SCIM provider, a Kubernetes API and the operator on loopback until Ctrl-C."""
    from controller.cli.sandbox import load_sandbox

    load_sandbox().sandbox(people, kubeconfig, directory)


@app.command(rich_help_panel=LOOK)
def status(
    output: ShapeOption = Shape.TEXT,
    kubeconfig: Kubeconfig = "",
    context: Context = "",
    namespace: Namespace = "",
    everywhere: AllNamespaces = False,
) -> None:
    """Show every resource, what is wrong with it, and what is to be done. Exits 1 where one is not Ready."""
    from controller.cli import status as look

    async def work() -> bool:
        async with look.open_view(kubeconfig, context, namespace, everywhere) as view:
            return await look.show_status(view, output)

    _done(asyncio.run(work()))


@app.command(rich_help_panel=LOOK)
def waiting(
    name: Annotated[str, typer.Argument(metavar="[LIMIT]", help="A SeatLimit; all of them without.")] = "",
    output: ShapeOption = Shape.TEXT,
    everybody: Annotated[
        bool, typer.Option("--all", help="Everybody, not the first 20 only: reads Okta and the provider.")
    ] = False,
    kubeconfig: Kubeconfig = "",
    context: Context = "",
    namespace: Namespace = "",
) -> None:
    """Show who waits for a seat, in the order of admission, and how seats are added."""
    from controller.cli import plan as plans
    from controller.cli import status as look
    from controller.cli.local_engine import Where

    if everybody:
        asyncio.run(plans.everybody_waiting(Where(kubeconfig, context, namespace, False), name, output))
        return

    async def work() -> None:
        async with look.open_view(kubeconfig, context, namespace) as view:
            await look.show_waiting(view, name, output)

    asyncio.run(work())


@app.command(rich_help_panel=LOOK)
def drift(
    name: Annotated[str, typer.Argument(metavar="[INTEGRATION]", help="All of them without.")] = "",
    output: ShapeOption = Shape.TEXT,
    kubeconfig: Kubeconfig = "",
    context: Context = "",
    namespace: Namespace = "",
) -> None:
    """Show what differs from what is declared. Exits 1 where something does."""
    from controller.cli import status as look

    async def work() -> bool:
        async with look.open_view(kubeconfig, context, namespace) as view:
            return await look.show_drift(view, name, output)

    _done(asyncio.run(work()))


@app.command(rich_help_panel=LOOK)
def plan(  # noqa: PLR0913 - each argument is an option
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[INTEGRATION]...", help="All of them without.")
    ] = None,
    files: Files = None,
    output: Annotated[Output, typer.Option("--output", "-o", help="Form of the plan.")] = Output.TEXT,
    offline: Annotated[
        bool, typer.Option("--offline", help="Ask no cluster: everything, Secrets too, is in the files.")
    ] = False,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit 3 where the plan has actions.")
    ] = False,
    waiting: Annotated[
        bool, typer.Option("--waiting", help="The plan that waits for an approval, whole, as it is stored.")
    ] = False,
    kubeconfig: Kubeconfig = "",
    context: Context = "",
    namespace: Namespace = "",
) -> None:
    """Show what the operator would do, by the operator's own engine. Writes nothing anywhere.

    Files stand in for what the cluster has; the rest, such as Secrets, is read from the cluster.
    Long lines are folded on a terminal and whole in a pipe.
    """
    from controller.cli import plan as command
    from controller.cli.local_engine import Where

    where = Where(kubeconfig, context, namespace, offline)
    if waiting:
        asyncio.run(command.stored_plan(where, names or [], output))
        return
    changes = asyncio.run(command.plan(where, files or [], names or [], output))
    if changes and exit_code:
        raise typer.Exit(EXIT_CHANGES)


@app.command(rich_help_panel=LOOK)
def approve(
    name: Annotated[str, typer.Argument(metavar="INTEGRATION", help="Whose plan.")],
    digest: Annotated[str, typer.Argument(metavar="[DIGEST]", help="Which plan; asked for without.")] = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    kubeconfig: Kubeconfig = "",
    context: Context = "",
    namespace: Namespace = "",
) -> None:
    """Approve the plan that waits: the operator then carries out just that."""
    from controller.cli import status as look

    async def work() -> None:
        async with look.open_view(kubeconfig, context, namespace) as view:
            await look.approve(view, name, digest, yes)

    asyncio.run(work())


@app.command(rich_help_panel=LOOK)
def doctor(kubeconfig: Kubeconfig = "", context: Context = "", namespace: Namespace = "") -> None:
    """Look at everything that an installation needs, in order. Exits 1 where something is missing."""
    from controller.cli import doctor as command
    from controller.cli.local_engine import Where, own_settings

    where = Where(kubeconfig, context, namespace)
    _done(asyncio.run(command.doctor(where, own_settings())))


@app.command("import", rich_help_panel=LOOK)
def import_(  # noqa: PLR0913 - each argument is an option
    application: Annotated[str, typer.Option("--app", metavar="LABEL", help="Label of the app in Okta.")],
    okta_url: Annotated[str, typer.Option("--okta-url", envvar="OKTA_URL", help="The Okta org.")],
    okta_token: Annotated[
        str, typer.Option("--okta-token", envvar="OKTA_API_TOKEN", help="API token; better by the variable.")
    ],
    scim_url: Annotated[
        str, typer.Option("--scim-url", envvar="SCIM_BASE_URL", help="SCIM base URL of the provider.")
    ],
    admin_url: Annotated[
        str, typer.Option("--admin-url", envvar="SCIM_ADMIN_URL", help="Its admin API, where there is one.")
    ] = "",
    admin_token: Annotated[
        str, typer.Option("--admin-token", envvar="SCIM_ADMIN_TOKEN", help="Token of the admin API.")
    ] = "",
    name: Annotated[
        str, typer.Option("--name", help="Name of the resources; made of the label without.")
    ] = "",
) -> None:
    """Print what was set up by hand as resources that declare just that, in mode Observe."""
    from pydantic import SecretStr

    from controller.cli import import_ as adopt

    existing = adopt.Existing(
        okta_url,
        SecretStr(okta_token),
        application,
        scim_url,
        name or adopt.name_of(application),
        admin_url,
        SecretStr(admin_token),
    )
    emit(asyncio.run(adopt.import_existing(existing)), end="")


@app.command(rich_help_panel=RUN)
def operator(kubeconfig: Kubeconfig = "") -> None:
    """Run the operator against a cluster. Settings are environment variables, see docs/settings.md."""
    from controller.cli import serve

    serve.operator(kubeconfig)


provider_app = typer.Typer(help="The bundled SCIM provider.", no_args_is_help=True)
app.add_typer(provider_app, name="provider", rich_help_panel=RUN)


@provider_app.command("serve")
def provider_serve(  # noqa: PLR0913 - each argument is an option
    database: Database = "sqlite:///scim-provider.sqlite",
    host: Annotated[
        str, typer.Option("--host", metavar="ADDRESS", help="Address to listen on.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 picks a free one.")] = 8081,
    org: Annotated[
        str, typer.Option("--org", metavar="NAME", help="Give an empty database this organization.")
    ] = "",
    profile: ProviderProfile = "rfc7643",
    seats: ProviderSeats = 1_000_000,
    env: ProviderEnv = None,
    public_url: PublicUrl = "",
    trusted_proxies: TrustedProxies = "",
    max_connections: Connections = 800,
    max_connections_per_address: ConnectionsPerAddress = 200,
    search_seconds: SearchSeconds = 10.0,
    metrics_port: MetricsPort = 0,
) -> None:
    """Serve SCIM 2.0, the admin API and the admin center (/console) until interrupted."""
    from controller.cli import serve

    limits = ServerLimits(
        connections=max_connections,
        connections_per_address=max_connections_per_address,
        proxies=serve.proxies(trusted_proxies),
    )
    options = serve.ServeOptions(
        database=database,
        host=host,
        port=port,
        org=org,
        profile=profile,
        seats=seats,
        env=env,
        public_url=public_url,
        limits=limits,
        search_seconds=search_seconds,
        metrics_port=metrics_port,
    )
    serve.provider(options)


@provider_app.command("create")
def provider_create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its name, as it then stands in its URLs.")],
    database: Database = "sqlite:///scim-provider.sqlite",
    profile: ProviderProfile = "rfc7643",
    seats: ProviderSeats = 1_000_000,
    env: ProviderEnv = None,
    public_url: PublicUrl = "",
) -> None:
    """Create an organization in the database, which may be served meanwhile; prints its URLs and tokens."""
    from controller.cli import serve

    serve.create(serve.CreateOptions(database, name, profile, seats, env, public_url))


@provider_app.command("token")
def provider_token(
    organization: Annotated[
        str, typer.Argument(metavar="NAME", help="The organization, as it stands in its URLs.")
    ],
    database: Database = "sqlite:///scim-provider.sqlite",
    scopes: Annotated[
        str, typer.Option("--scopes", help="Some of scim, admin, read-only, separated by commas.")
    ] = "admin",
    label: Annotated[
        str, typer.Option("--token-name", help="How it is listed; two of a name are alive at most.")
    ] = "scimctl",
    expires_in: Annotated[
        str, typer.Option("--expires-in", metavar="DURATION", help="As in 24h, or never.")
    ] = "2160h",
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", metavar="FILE", help="Write it here (mode 0600) and not to standard output."
        ),
    ] = None,
) -> None:
    """Issue a token for an organization by way of its database, as when the last admin token is lost.

    Prints the token, and nothing else, to standard output. The database may be served meanwhile.
    """
    from controller.cli import provider_token as command

    command.issue(
        command.TokenOptions(
            database=database,
            organization=organization,
            name=label,
            scopes=scopes,
            lifetime=expires_in,
            output=output,
        )
    )


@app.command(rich_help_panel=RUN)
def probe(url: Annotated[str, typer.Argument(metavar="URL", help="As in http://HOST:8080/readyz.")]) -> None:
    """Ask a health or readiness page. Exits 1 where it does not answer with success."""
    from controller.cli import probe as command

    _done(command.probe(url))


def _done(holds: bool) -> None:
    """Ends with the exit code that says whether what was asked holds."""
    if not holds:
        raise typer.Exit(EXIT_FAILED)


def main() -> None:
    """The `scimctl` command."""
    configure_logs("text", "error")
    try:
        app()
    except ControllerError as error:
        emit(f"scimctl: {error}", to_errors=True)
        sys.exit(EXIT_FAILED)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)


if __name__ == "__main__":
    main()
