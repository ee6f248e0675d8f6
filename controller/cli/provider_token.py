"""`scimctl provider token`: an admin token for whoever has the database, so that nobody stays locked out.

Called by main. The token is printed once, to standard output alone so that it can be piped, or written to a
file that nobody else reads; everything else goes to standard error.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path

from controller.cli.terminal import emit
from controller.clock import SystemClock
from controller.errors import SpecError


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenOptions:
    """The options of the command. `lifetime` is a duration such as 2160h, or "never"."""

    database: str
    organization: str
    name: str
    scopes: str
    lifetime: str
    output: Path | None


def issue(options: TokenOptions) -> None:
    """Issues the token and prints it. Raises SpecError naming the option at fault."""
    from controller.provider.app import create_token
    from controller.provider.tokens import NewToken, check_new, parse_lifetime

    _check_places(options)
    lifetime = None if options.lifetime == "never" else parse_lifetime(options.lifetime)
    if lifetime is None and options.lifetime != "never":
        raise SpecError("must be a duration such as 2160h, or never", field="--expires-in")
    scopes = tuple(dict.fromkeys(options.scopes.replace(",", " ").split()))
    new = NewToken(options.name, scopes, lifetime)
    check_new(new)
    token = asyncio.run(create_token(options.database, options.organization, new, SystemClock()))
    until = f"expires in {options.lifetime}" if lifetime else "does not expire"
    told = f"A token of {options.organization!r} with the scopes {', '.join(scopes)}; it {until}."
    emit(f"{told} It isn't shown again.", to_errors=True)
    if options.output is None:
        emit(token)
    else:
        write_private(options.output, token + "\n")


def _check_places(options: TokenOptions) -> None:
    """Before anything is issued: a token that can be written nowhere would be lost."""
    output = options.output
    if output is not None and not output.resolve().parent.is_dir():
        raise SpecError(f"the folder {output.resolve().parent} does not exist", field="--output")
    kind, _, path = options.database.partition(":///")
    if kind.startswith("sqlite") and not Path(path).is_file():
        raise SpecError(f"there is no database at {path}; name the provider's own", field="--database")


def write_private(path: Path, text: str) -> None:
    """`text` into a file that only its owner reads, whole or not at all."""
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    new.replace(path)
