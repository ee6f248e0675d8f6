"""scimctl: the entry point. Registers the commands beside it and turns errors into one line and an exit code.

Each command's module is light; what is heavy (kopf, the servers) is imported when a command runs.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from controller import __version__
from controller.cli import validate
from controller.cli.options import EXIT_FAILED, EXIT_INTERRUPTED
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

app.command(rich_help_panel=LOOK)(validate.validate)


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
