"""Options that several commands share, and the exit codes.

Used by the files beside it. 0 what was asked holds; 1 it does not, or it failed (one line on standard error
says why); 2 the command line is wrong; 3 `plan --exit-code` found changes;
130 interrupted.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

EXIT_FAILED = 1
EXIT_CHANGES = 3
EXIT_INTERRUPTED = 130


class Output(StrEnum):
    """Forms of output."""

    TEXT = "text"
    MARKDOWN = "markdown"
    JSON = "json"


class Shape(StrEnum):
    """Forms in which resources are shown."""

    TEXT = "text"
    WIDE = "wide"
    JSON = "json"


Kubeconfig = Annotated[
    str, typer.Option("--kubeconfig", metavar="FILE", help="Kubeconfig; else $KUBECONFIG or ~/.kube/config.")
]
Context = Annotated[str, typer.Option("--context", metavar="NAME", help="Context of the kubeconfig.")]
Namespace = Annotated[
    str, typer.Option("--namespace", "-n", metavar="NAME", help="Namespace; else the context's own.")
]
AllNamespaces = Annotated[bool, typer.Option("--all-namespaces", "-A", help="Every namespace.")]
Files = Annotated[
    list[str] | None,
    typer.Option("--filename", "-f", metavar="FILE", help="File or folder of resources; may be repeated."),
]

Database = Annotated[
    str,
    typer.Option(
        "--database",
        metavar="URL",
        envvar="SCIM_PROVIDER_DATABASE",
        help="sqlite:///FILE or postgresql://USER@HOST/NAME.",
    ),
]
ProviderProfile = Annotated[str, typer.Option("--profile", help="How it behaves: rfc7643 or calendly.")]
ProviderSeats = Annotated[int, typer.Option("--seats", min=0, help="Seats that it has.")]
ProviderEnv = Annotated[
    Path | None, typer.Option("--env", metavar="FILE", help="Write its URLs and tokens as shell exports.")
]
PublicUrl = Annotated[
    str,
    typer.Option(
        "--public-url",
        metavar="URL",
        envvar="SCIM_PROVIDER_PUBLIC_URL",
        help="How clients reach it, behind a proxy.",
    ),
]
SearchSeconds = Annotated[
    float,
    typer.Option(
        "--search-seconds",
        min=0.1,
        max=600,
        envvar="SCIM_PROVIDER_SEARCH_SECONDS",
        help="Longest time of one search.",
    ),
]
MetricsPort = Annotated[
    int,
    typer.Option(
        "--metrics-port",
        min=0,
        max=65535,
        envvar="SCIM_PROVIDER_METRICS_PORT",
        help="Port of /metrics, which names organizations; 0: no metrics.",
    ),
]
TrustedProxies = Annotated[
    str,
    typer.Option(
        "--trusted-proxies",
        metavar="NETWORKS",
        envvar="SCIM_PROVIDER_TRUSTED_PROXIES",
        help="Proxies whose X-Forwarded-For and X-Forwarded-Proto are believed, as in 10.0.0.0/8,fd00::/8. "
        "Default: none.",
    ),
]
Connections = Annotated[
    int,
    typer.Option(
        "--max-connections",
        min=10,
        max=100_000,
        envvar="SCIM_PROVIDER_MAX_CONNECTIONS",
        help="Open connections in all.",
    ),
]
ConnectionsPerAddress = Annotated[
    int,
    typer.Option(
        "--max-connections-per-address",
        min=1,
        max=100_000,
        envvar="SCIM_PROVIDER_MAX_CONNECTIONS_PER_ADDRESS",
        help="Open connections of one client address; trusted proxies are exempt.",
    ),
]
