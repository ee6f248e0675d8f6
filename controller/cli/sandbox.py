"""The one door to the sandbox, which is a distribution of its own and no part of production.

Used by main. Nothing else in this package names it, and it is imported only when a command asks for it.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Protocol, cast

from controller import __version__
from controller.errors import ControllerError

PACKAGE = "scim_sandbox"
COMMANDS = f"{PACKAGE}.commands"
MISSING = (
    "the sandbox is not installed: it is a package of its own, so that production is without simulators. "
    f"On a machine where you try things out, run: pip install 'scim-operator[sandbox]=={__version__}'"
)


class Sandbox(Protocol):
    """What the sandbox does for the command line."""

    def demo(self, people: str) -> bool:
        """Whether everything that the demo claims held. `people` is a number, a CSV file, or empty."""
        ...

    def sandbox(self, people: str, kubeconfig: str, directory: Path) -> None:
        """Runs a sandbox until it is interrupted."""
        ...


def load_sandbox() -> Sandbox:
    """The commands of the installed sandbox; ControllerError says how to install it if it is missing."""
    try:
        return cast(Sandbox, importlib.import_module(COMMANDS))
    except ModuleNotFoundError as error:
        if error.name != PACKAGE:
            raise
        raise ControllerError(MISSING) from None
