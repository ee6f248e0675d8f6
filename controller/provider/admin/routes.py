"""The admin API's table of operations, below /admin/v1/{organization}/.

Read by api to find a handler and by openapi to describe the API, so that neither can forget one.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pydantic import BaseModel

from controller.provider.admin import groups, people, settings
from controller.provider.admin.answers import (
    GroupAnswer,
    GroupsAnswer,
    IssuedToken,
    JournalAnswer,
    MappingAnswer,
    OrganizationAnswer,
    PeopleAnswer,
    PersonAnswer,
    PreviewAnswer,
    TokensAnswer,
)
from controller.provider.admin.bodies import (
    GroupBody,
    JournalParameters,
    MappingParameters,
    NewTokenBody,
    PeopleParameters,
    PersonEdit,
    PurchaseBody,
    SettingsBody,
)
from controller.provider.admin.calls import Handler
from controller.provider.mapping import MappingTable


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminOperation:
    """A handler, and the models of what it takes and of what it answers with `status`.

    `headers` are those that it reads, with what they mean; `text_type` another media type that it answers.
    """

    handler: Handler
    body: type[BaseModel] | None = None
    parameters: type[BaseModel] | None = None
    headers: dict[str, str] = field(default_factory=dict)
    status: int = 200
    answers: tuple[type[BaseModel], ...] = ()
    text_type: str = ""


ROUTES: dict[tuple[str, str], AdminOperation] = {
    ("GET", "organization"): AdminOperation(
        handler=settings.show_organization, answers=(OrganizationAnswer,)
    ),
    ("PATCH", "organization"): AdminOperation(
        handler=settings.edit_organization, body=SettingsBody, answers=(OrganizationAnswer,)
    ),
    ("GET", "tokens"): AdminOperation(handler=settings.show_tokens, answers=(TokensAnswer,)),
    ("POST", "tokens"): AdminOperation(
        handler=settings.create_token, body=NewTokenBody, status=201, answers=(IssuedToken,)
    ),
    ("DELETE", "tokens/{id}"): AdminOperation(handler=settings.delete_token, status=204),
    ("GET", "group-mapping"): AdminOperation(handler=settings.show_mapping, answers=(MappingAnswer,)),
    ("PUT", "group-mapping"): AdminOperation(
        handler=settings.save_group_mapping,
        body=MappingTable,
        parameters=MappingParameters,
        headers={"If-Match": "The digest of the preview that is saved"},
        answers=(PreviewAnswer, MappingAnswer),
    ),
    ("GET", "people"): AdminOperation(
        handler=people.list_people, parameters=PeopleParameters, answers=(PeopleAnswer,)
    ),
    ("GET", "people/{id}"): AdminOperation(handler=people.show_person, answers=(PersonAnswer,)),
    ("PATCH", "people/{id}"): AdminOperation(
        handler=people.edit_person, body=PersonEdit, answers=(PersonAnswer,)
    ),
    ("POST", "people/{id}/accept"): AdminOperation(handler=people.accept_invitation, answers=(PersonAnswer,)),
    ("POST", "people/{id}/deactivate"): AdminOperation(handler=people.deactivate, answers=(PersonAnswer,)),
    ("POST", "people/{id}/confirm-email"): AdminOperation(
        handler=people.confirm_email, answers=(PersonAnswer,)
    ),
    ("GET", "groups"): AdminOperation(handler=groups.list_groups, answers=(GroupsAnswer,)),
    ("POST", "groups"): AdminOperation(
        handler=groups.create_group, body=GroupBody, status=201, answers=(GroupAnswer,)
    ),
    ("PATCH", "groups/{id}"): AdminOperation(
        handler=groups.edit_group, body=GroupBody, answers=(GroupAnswer,)
    ),
    ("DELETE", "groups/{id}"): AdminOperation(handler=groups.delete_group, status=204),
    ("POST", "billing/seats"): AdminOperation(
        handler=settings.buy_seats, body=PurchaseBody, answers=(OrganizationAnswer,)
    ),
    ("GET", "journal"): AdminOperation(
        handler=settings.show_journal,
        parameters=JournalParameters,
        answers=(JournalAnswer,),
        text_type="application/jsonl",
    ),
}
