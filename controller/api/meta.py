"""What every kind shares: the group's names, the base model, bounded texts, lists, rules and references.

Called by the modules of the kinds. Every bound is here or in the field it belongs to, so that the API server
refuses at `kubectl apply` what the operator could not use.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from controller.api.object_names import DataKey, ObjectName
from controller.parsing import split_url
from controller.schema_keywords import LIST_TYPE, MAP_KEYS, RULES

GROUP: Final = "scim-operator.dev"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"
CATEGORY: Final = "scim"

APPROVE: Final = f"{GROUP}/approve"
"""Annotation: the digest of a plan, `<digest>` or `<digest>#<token>`."""
APPROVED_BY: Final = f"{GROUP}/approved-by"
"""Annotation: who approved; an admission policy makes it the name of the user who asks."""
IN_OWN_NAME: Final = f"{APPROVED_BY}=$(kubectl auth whoami -o jsonpath={{.status.userInfo.username}})"
"""What the admission policy requires next to an approval, as a shell writes it."""
REQUESTED_AT: Final = f"{GROUP}/requested-at"
"""Annotation: any new text asks for a reconcile now; echoed in status.lastHandledReconcileAt."""
SYNC_USER: Final = f"{GROUP}/sync-user"
"""Annotation: `<login>#<token>` reconciles one person."""
DONE: Final = f"{GROUP}/done"
"""Annotation: `<step>=<digest>`, comma-separated, acknowledges manual steps that nothing can verify."""
ALLOWED_HOSTS: Final = f"{GROUP}/allowed-hosts"
"""Annotation of a Secret: comma-separated host[:port] to which its values may be sent."""
REPLACED_TOKEN: Final = f"{GROUP}/replaced-token"
"""Annotation of a Secret: id of the token that the present one replaced and that is still to be revoked."""
FINALIZER: Final = f"{GROUP}/deprovision"
SHARD: Final = f"{GROUP}/shard"
"""Label of a ScimIntegration: which operator Deployment takes it."""

DNS_NAME: Final = 253
DNS_LABEL: Final = 63
LOGIN: Final = 320
"""A login is an e-mail address at most: 64 + 1 + 255 (RFC 5321 s4.5.3.1)."""
URL: Final = 1024
OKTA_ID: Final = 64
GROUP_NAME: Final = 255
"""profile.name of an Okta group (Okta Groups API)."""


def rule(expression: str, message: str, field_path: str = "") -> dict[str, str]:
    """One CEL rule of a schema node."""
    made = {"rule": expression, "message": message}
    return {**made, "fieldPath": field_path} if field_path else made


def rules(*made: dict[str, str]) -> dict[str, Any]:
    """Extra schema keys that carry rules, for `Field` and for the configuration of a model."""
    return {RULES: list(made)}


def text(longest: int, shortest: int | None = None, *made: dict[str, str], pattern: str | None = None) -> Any:
    """Field constraints of a text; lengths in characters."""
    extra = rules(*made) if made else None
    return Field(max_length=longest, min_length=shortest, pattern=pattern, json_schema_extra=extra)


def atomic(longest: int, shortest: int | None = None) -> Any:
    """Field constraints of a list that one owner writes whole."""
    return Field(max_length=longest, min_length=shortest, json_schema_extra={LIST_TYPE: "atomic"})


def unique(longest: int, shortest: int | None = None) -> Any:
    """Field constraints of a list of scalars without repetition."""
    return Field(max_length=longest, min_length=shortest, json_schema_extra={LIST_TYPE: "set"})


def keyed(longest: int, *keys: str, shortest: int | None = None) -> Any:
    """Field constraints of a list whose items are told apart by `keys`."""
    extra: dict[str, Any] = {LIST_TYPE: "map", MAP_KEYS: list(keys)}
    return Field(max_length=longest, min_length=shortest, json_schema_extra=extra)


Int32 = Annotated[int, Field(strict=True, json_schema_extra={"format": "int32"})]
Int = Annotated[int, Field(strict=True)]
Bool = Annotated[bool, Field(strict=True)]
PORT: Final = rule(
    "!self.matches('^https?://[^/]*:(0[0-9]*|[7-9][0-9]{4}|6[6-9][0-9]{3}|65[6-9][0-9]{2}|655[4-9][0-9]"
    "|6553[6-9])(/|$)')",
    "a port from 1 to 65535",
)


def parsed_url(url: str) -> str:
    """`url`, which `urlsplit` can take apart. An API server that keeps what an older schema accepted does not
    apply the rules below."""
    try:
        split_url(url)
    except ValueError as error:
        raise PydanticCustomError("url", "is no URL: {why}", {"why": str(error)}) from None
    return url


WEB_URL: Final = rule(
    r"self.matches('^(https://[A-Za-z0-9.-]+|http://(localhost|127\\.0\\.0\\.1|\\[::1\\]))"
    r"(:[0-9]{1,5})?(/[^?#]*)?$')",
    "https, or http on loopback; no query",
)
WebUrl = Annotated[str, text(URL, None, WEB_URL, PORT), AfterValidator(parsed_url)]
SERVICE_URL: Final = rule(
    r"self.matches('^(https://[A-Za-z0-9.-]+|http://(localhost|127\\.0\\.0\\.1|\\[::1\\]"
    r"|[a-z0-9.-]+\\.svc(\\.cluster\\.local)?))(:[0-9]{1,5})?(/[^?#]*)?$')",
    "https, or http on loopback or to a Service; no query",
)
ServiceUrl = Annotated[str, text(URL, None, SERVICE_URL, PORT), AfterValidator(parsed_url)]
"""Plain http to a Service is still refused by the operator unless a setting allows it."""


OktaId = Annotated[str, text(OKTA_ID, 1, pattern="^[A-Za-z0-9_-]+$")]


class Api(BaseModel):
    """Base of everything that is written in YAML: frozen, camelCase outside, snake_case inside.

    Unknown fields are ignored, because an older operator may read a newer resource; `parsing.parse` forbids
    them where a person wrote the text.
    """

    model_config = ConfigDict(
        frozen=True,
        alias_generator=to_camel,
        populate_by_name=True,
        extra="ignore",
        use_attribute_docstrings=True,
    )


class SecretRef(Api):
    """A Secret in the same namespace."""

    name: ObjectName
    """Name of the Secret, in the namespace of this resource. It names its audience in the annotation
    scim-operator.dev/allowed-hosts: comma-separated host[:port]; to any other host nothing is sent."""


class SecretKeyRef(SecretRef):
    """One key of a Secret in the same namespace."""

    key: DataKey = "token"
    """Key in the Secret's data."""


class CaBundleRef(Api):
    """A PEM bundle in the same namespace."""

    kind: Literal["ConfigMap", "Secret"] = "ConfigMap"
    """Kind of the object that holds the bundle."""
    name: ObjectName
    """Name of that object, in the namespace of this resource."""
    key: DataKey = "ca.crt"
    """Key whose value is the PEM bundle."""


class OktaGroupRef(Api):
    """An Okta group by name or by id."""

    model_config = ConfigDict(
        json_schema_extra=rules(rule("has(self.name) != has(self.id)", "give exactly one of name and id"))
    )

    name: Annotated[str, text(GROUP_NAME, 1)] | None = None
    """Exact name of the group. Two groups of one name are an error that names their ids."""
    id: OktaId | None = None
    """Okta's id of the group; it survives a renaming."""


class IntegrationRef(Api):
    """A ScimIntegration in the same namespace."""

    name: ObjectName
    """Name of the ScimIntegration, in the namespace of this resource."""
