"""scimctl: the entry point. Registers the commands beside it and turns errors into one line and an exit code.

Each command's module is light; what is heavy (kopf, the servers) is imported when a command runs.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from controller import __version__
from controller.cli.options import EXIT_FAILED, EXIT_INTERRUPTED, Output
from controller.errors import ControllerError

EPILOG = (
    "Exit codes: 0 what was asked holds; 1 it does not, or the command failed and one line on standard error "
    "says why; 2 the command line is wrong; 130 interrupted."
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
        print(f"scimctl {__version__}")
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
    from controller.cli import sandbox as command

    _done(command.demo(people))


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
    from controller.cli import sandbox as command

    command.sandbox(people, kubeconfig, directory)


def _done(holds: bool) -> None:
    """Ends with the exit code that says whether what was asked holds."""
    if not holds:
        raise typer.Exit(EXIT_FAILED)


def main() -> None:
    """The `scimctl` command."""
    try:
        app()
    except ControllerError as error:
        print(f"scimctl: {error}", file=sys.stderr)
        sys.exit(EXIT_FAILED)
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)


if __name__ == "__main__":
    main()
