"""What one shape of profile speaks: SCIM models, discovery documents and the I/O-free protocol core.

Called by scim, people, groups and query. The objects come from scim2-models, the core (discovery, errors,
Bulk planning, cursors) from scim2-server. There are few shapes, so each is built once and kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, cast

from pydantic_core import from_json
from scim2_models import (
    AuthenticationScheme,
    Bulk,
    ChangePassword,
    ETag,
    External,
    Filter,
    InvalidSyntaxException,
    InvalidValueException,
    Pagination,
    Patch,
    PatchOp,
    Reference,
    ResourceType,
    ScimFilter,
    ScimPolicy,
    ScimProvider,
    SearchRequest,
    ServiceProviderConfig,
    Sort,
)
from scim2_server.service import ScimService

from controller.provider.documents import JsonObject
from controller.provider.http import holds_nul
from controller.provider.models import (
    AnyDomainUser,
    AnyFilter,
    AnyPatch,
    AnySearch,
    EnterpriseUser,
    GroupExtension,
    NamedGroup,
    UserModel,
    narrow_user,
)
from controller.provider.profiles import NARROW_USERS, Profile

MAX_BULK_OPERATIONS = 1000
MAX_BODY_BYTES = 1 << 20
CURSOR_TIMEOUT_SECONDS = 3600
DEFAULT_PAGE_SIZE = 100


@dataclass(frozen=True)
class Shape:
    """The part of a profile that decides what is spoken."""

    attributes: str
    groups: bool
    bulk: bool
    unknown: str
    entra: bool
    max_page_size: int


class Protocol:
    """The models and the service of one shape."""

    def __init__(self, shape: Shape, cursor_secret: str) -> None:
        self.shape = shape
        extensions: tuple[Any, ...]
        base: Any
        if shape.attributes in NARROW_USERS:
            base, extensions = narrow_user(NARROW_USERS[shape.attributes]), (GroupExtension,)
            user: Any = base[GroupExtension]
        else:
            base, extensions = AnyDomainUser, (EnterpriseUser, GroupExtension)
            user = base[EnterpriseUser | GroupExtension]
        types = [_resource_type(user, "User", "/Users")]
        models: list[Any] = [base, *extensions]
        if shape.groups:
            types.append(_resource_type(NamedGroup, "Group", "/Groups"))
            models.append(NamedGroup)
        self.provider = ScimProvider(models, types, _configuration(shape), _policy(shape))
        self.service = ScimService(self.provider, secret=cursor_secret)
        self.user = cast("type[UserModel]", self.provider.model_for("User"))
        self.group = NamedGroup
        self.user_patch: type[AnyPatch] = _of(PatchOp, self.user)
        self.group_patch: type[AnyPatch] = _of(PatchOp, NamedGroup)
        self.user_filter: type[AnyFilter] = _of(ScimFilter, self.user)
        self.group_filter: type[AnyFilter] = _of(ScimFilter, NamedGroup)
        self.user_search: type[AnySearch] = _of(SearchRequest, self.user)
        self.group_search: type[AnySearch] = _of(SearchRequest, NamedGroup)
        self.any_search: type[AnySearch] = _of(SearchRequest, self.user | NamedGroup)

    def parse_body(self, body: bytes, content_type: str | None) -> JsonObject:
        """The JSON object in `body`. Raises the SCIM error invalidSyntax, or 415 for another media type."""
        self.service.ensure_json(content_type)
        try:
            payload = from_json(body)
        except ValueError as error:
            raise InvalidSyntaxException(detail=f"The body is not JSON: {error}") from error
        if not isinstance(payload, dict):
            raise InvalidSyntaxException(detail="The body must be a JSON object")
        if holds_nul(body, payload):
            raise InvalidValueException(detail="A text must not contain the character NUL")
        return payload


def _of(generic: Any, model: Any) -> Any:
    return generic[model]


def _resource_type(model: Any, name: str, endpoint: str) -> ResourceType:
    built = ResourceType.from_resource(model)
    built.id = built.name = name
    built.endpoint = endpoint  # type: ignore[assignment]
    return built


def _policy(shape: Shape) -> ScimPolicy:
    return ScimPolicy(
        unknown=ScimPolicy.Unknown.forbid if shape.unknown == "refuse" else ScimPolicy.Unknown.ignore,
        remove_value_as_filter=(
            ScimPolicy.RemoveValue.apply if shape.entra else ScimPolicy.RemoveValue.forbid
        ),
        unmatched_path_filter=(
            ScimPolicy.UnmatchedPathFilter.create if shape.entra else ScimPolicy.UnmatchedPathFilter.forbid
        ),
    )


def _configuration(shape: Shape) -> ServiceProviderConfig:
    return ServiceProviderConfig(
        patch=Patch(supported=True),
        bulk=Bulk(
            supported=shape.bulk,
            max_operations=MAX_BULK_OPERATIONS if shape.bulk else 0,
            max_payload_size=MAX_BODY_BYTES if shape.bulk else 0,
        ),
        filter=Filter(supported=True, max_results=shape.max_page_size),
        change_password=ChangePassword(supported=False),
        sort=Sort(supported=True),
        etag=ETag(supported=True),
        pagination=Pagination(
            cursor=True,
            index=True,
            default_pagination_method=Pagination.DefaultPaginationMethod.index,
            default_page_size=min(DEFAULT_PAGE_SIZE, shape.max_page_size),
            max_page_size=shape.max_page_size,
            cursor_timeout=CURSOR_TIMEOUT_SECONDS,
        ),
        authentication_schemes=[
            AuthenticationScheme(
                type=AuthenticationScheme.Type.oauthbearertoken,
                name="Bearer token",
                description="A token issued by an administrator of the organization",
                spec_uri=Reference[External]("https://www.rfc-editor.org/info/rfc6750"),
                primary=True,
            )
        ],
    )


@cache
def _built(shape: Shape, cursor_secret: str) -> Protocol:
    return Protocol(shape, cursor_secret)


def protocol_of(profile: Profile, cursor_secret: str) -> Protocol:
    """The protocol that `profile` speaks; the same object for the same shape."""
    shape = Shape(
        attributes=profile.attributes,
        groups=profile.groups,
        bulk=profile.bulk,
        unknown=profile.unknown_attributes,
        entra=profile.entra,
        max_page_size=profile.max_page_size,
    )
    return _built(shape, cursor_secret)
