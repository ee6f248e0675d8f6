"""The operator's settings: environment variables SCIM_OPERATOR_* read once, typed, checked.

Called by cli and by the servers' start-up. Resources hold what users decide; settings hold what the
installation decides. docs/settings.md is generated from the fields below.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from controller.errors import SpecError

PREFIX = "SCIM_OPERATOR_"
LARGEST_RENEW_SHARE = 0.8
"""Of the duration of a Lease: the rest is for a write that was sent at the last moment."""


class Settings(BaseModel):
    """Every setting with its default; the variable is SCIM_OPERATOR_ and the name in capitals."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    namespaces: str = Field("", description="Comma-separated namespaces to watch; empty: the whole cluster.")
    log_format: Literal["json", "text"] = Field("json", description="Form of the log lines.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least severe level that is logged."
    )
    metrics_host: str = Field("127.0.0.1", description="Address on which metrics and probes are served.")
    metrics_port: int = Field(
        8080, ge=0, le=65535, description="Port of /metrics, /healthz and /readyz; 0 picks a free one."
    )
    allow_http_loopback: bool = Field(
        False, description="Accept http:// URLs on loopback; for the sandbox and for tests."
    )
    allow_http_services: bool = Field(
        False, description="Accept http:// URLs of hosts under .svc, that is inside the cluster."
    )
    people_in_status: Literal["login", "id"] = Field(
        "login", description="How people appear in status and events: by login or by Okta id only."
    )
    concurrency: int = Field(8, ge=1, le=256, description="Integrations reconciled at the same time.")
    writes_in_flight: int = Field(
        8, ge=1, le=64, description="Writes of one integration sent to its provider at the same time."
    )
    request_timeout_seconds: float = Field(
        30.0, gt=0, le=300, description="Longest wait for one answer of Okta or of a provider."
    )
    response_deadline_seconds: float = Field(
        90.0,
        gt=0,
        le=3600,
        description="Longest time from the first byte of a request to the last one of its answer; a server "
        "that sends a byte now and then is cut.",
    )
    longest_pause_seconds: float = Field(
        300.0,
        ge=1,
        le=3600,
        description="Longest pause that a 429 of Okta or of a provider may ask for; a longer one is an error "
        "(PauseTooLong), and the integration is tried again by its backoff.",
    )
    picture_people: int = Field(
        100_000,
        ge=0,
        description="How many people, of all tenants together, the operator keeps in memory as it last read "
        "them, so that a change of one person is planned over everybody without reading them again. A tenant "
        "that does not fit any more is read whole for each change.",
    )
    run_deadline_seconds: float = Field(
        3600.0,
        ge=60,
        le=86400,
        description="Longest time of one run. Writes that it has not begun by then are left to the next one, "
        "which follows at once; a reading that takes longer is begun anew.",
    )
    page_bytes: int = Field(
        16 * 1024 * 1024,
        ge=1024 * 1024,
        le=256 * 1024 * 1024,
        description="Largest page of a listing that is read, after decompression; also all that is kept of "
        "a listing other than people.",
    )
    answer_bytes: int = Field(
        2 * 1024 * 1024,
        ge=64 * 1024,
        le=64 * 1024 * 1024,
        description="Largest other answer, after decompression. Of a token endpoint 64 KiB are read.",
    )
    leader_election: bool = Field(
        True, description="Has no effect any more: an operator acts only while it holds the Lease."
    )
    lease_duration_seconds: int = Field(
        10,
        ge=2,
        le=600,
        description="How long a Lease that is not renewed stands before another may take it.",
    )
    lease_renew_seconds: float = Field(
        7.0,
        gt=0,
        validate_default=True,
        description="A leader that has not renewed for so long stops writing; at most 0.8 of the duration.",
    )
    lease_retry_seconds: float = Field(
        2.0,
        gt=0,
        validate_default=True,
        description="Time between two looks at the Lease; at most half of lease_renew_seconds.",
    )
    lease_name: str = Field("scim-operator", description="Name of the Lease.")
    lease_namespace: str = Field("", description="Namespace of the Lease; empty: the pod's own, or default.")
    state_namespace: str = Field(
        "",
        description="Namespace in which the operator keeps its state, and nobody else has rights; empty: the "
        "pod's own, or that of the kubeconfig's context.",
    )
    shard: str = Field(
        "",
        description="Reconcile only integrations of this label scim-operator.dev/shard; empty: unlabelled.",
    )
    shard_percent: int = Field(
        100, ge=1, le=100, description="This shard's part of each org's request budget."
    )
    org_check_seconds: float = Field(
        3600.0,
        ge=60,
        le=86400,
        description="Time between two checks of each OktaOrg: one call that needs its credential.",
    )
    interval_jitter_percent: int = Field(
        10, ge=0, le=50, description="Full reads are spread by up to this share of the interval."
    )
    log_poll_seconds: float = Field(
        30.0, ge=5, le=3600, description="Time between two polls of an org's System Log; see also hooks."
    )
    hook_port: int = Field(
        0, ge=0, le=65535, description="Port of the Okta event hook receiver; 0: no receiver."
    )
    hook_connections: int = Field(
        128, ge=1, le=10_000, description="Connections to the hook receiver that are open at the same time."
    )
    hook_connections_per_address: int = Field(
        64, ge=1, le=10_000, description="The same of one client address, which may be that of an ingress."
    )
    hook_timeout_seconds: float = Field(
        10.0,
        gt=0,
        le=300,
        description="Longest time for the headers of a hook, for its body, and for taking the answer.",
    )
    hook_secret_file: str = Field("", description="File with the shared secret that event hooks must bring.")

    @field_validator("lease_renew_seconds")
    @classmethod
    def _ends_before_the_lease(cls, value: float, info: ValidationInfo) -> float:
        """A leader has to stop before another may begin, with some time for what is under way."""
        duration = info.data.get("lease_duration_seconds")
        if duration is not None and value > LARGEST_RENEW_SHARE * duration:
            raise ValueError(
                f"{value:g} is more than {LARGEST_RENEW_SHARE:g} of lease_duration_seconds ({duration}): "
                "two processes could write at the same time; lower it, or raise the duration"
            )
        return value

    @field_validator("lease_retry_seconds")
    @classmethod
    def _can_be_repeated(cls, value: float, info: ValidationInfo) -> float:
        """One failed renewal must not end a leader."""
        renew = info.data.get("lease_renew_seconds")
        if renew is not None and value > renew / 2:
            raise ValueError(
                f"{value:g} is more than half of lease_renew_seconds ({renew:g}): one failed renewal would "
                "end the leader; lower it"
            )
        return value

    def watched_namespaces(self) -> tuple[str, ...]:
        """The namespaces to watch; () means all of them."""
        return tuple(part.strip() for part in self.namespaces.split(",") if part.strip())


def parse_settings(environment: Mapping[str, str]) -> Settings:
    """Settings from `environment` (os.environ as a mapping); SpecError names the variable at fault."""
    values: dict[str, Any] = {
        name: environment[PREFIX + name.upper()]
        for name in Settings.model_fields
        if environment.get(PREFIX + name.upper(), "") != ""
    }
    unknown = sorted(
        key
        for key in environment
        if key.startswith(PREFIX) and key[len(PREFIX) :].lower() not in Settings.model_fields
    )
    if unknown:
        raise SpecError("no such setting; see docs/settings.md", field=unknown[0])
    try:
        return Settings(**values)
    except ValidationError as error:
        first = error.errors()[0]
        raise SpecError(first["msg"], field=PREFIX + str(first["loc"][0]).upper()) from None
