"""The provider's storage behind scim2-server's storage interface, so that its contract suite can judge it."""

from __future__ import annotations

import json
from typing import Any

from scim2_models import NotFoundException, PreconditionFailedException, Resource, ResourceType, SearchRequest
from scim2_server.storage import ScimStorage, SearchPage

from controller.clock import Clock
from controller.provider.database import Database
from controller.provider.documents import answer as answer_text
from controller.provider.documents import etag, group_members, moment_text, user_groups
from controller.provider.groups import create_group, find_group, lock_group, remove_group, replace_group
from controller.provider.journal import Actor
from controller.provider.memberships import groups_of, members_of
from controller.provider.organizations import lock_organization
from controller.provider.people import Context, create_person, find_person, lock_person, remove_person
from controller.provider.person_changes import change_person
from controller.provider.protocol import Protocol
from controller.provider.query import Plan, Search
from controller.provider.search import run_plan
from controller.provider.statements import Unit


class StorageAdapter(ScimStorage):
    """One organization as a ScimStorage. Cursors are the provider's own, handed on as positions."""

    supports_cursors = True

    def __init__(self, database: Database, org_id: str, protocol: Protocol, clock: Clock) -> None:
        self.database, self.org_id, self.protocol, self.clock = database, org_id, protocol, clock

    def _context(self, unit: Unit) -> Context:
        return Context(lock_organization(unit, self.org_id), Actor("contract"), moment_text(self.clock))

    def _model(self, kind: str, text: str) -> Any:
        content = json.loads(text)
        content["meta"].pop("location", None)
        model: Any = self.protocol.user if kind == "User" else self.protocol.group
        with self.protocol.provider:
            return model.model_validate(content)

    def _load(self, unit: Unit, kind: str, resource_id: str) -> Any:
        found: Any = (find_person if kind == "User" else find_group)(unit, self.org_id, resource_id)
        if found is None:
            raise NotFoundException(detail=f"{kind} {resource_id} not found")
        if kind == "User":
            rows = [(group.id, group.name) for group in groups_of(unit, self.org_id, resource_id)]
            return self._model(kind, answer_text(found.doc, "", user_groups(rows, "")))
        members = group_members(members_of(unit, self.org_id, resource_id), "")
        return self._model(kind, answer_text(found.doc, "", members))

    def get(self, resource_type: ResourceType, resource_id: str, *, response_parameters: Any = None) -> Any:
        return self.database.run(lambda unit: self._load(unit, str(resource_type.name), resource_id))

    def search(
        self, resource_types: list[ResourceType], search_request: SearchRequest[Any], *, position: Any = None
    ) -> SearchPage:
        parameters: dict[str, Any] = {"count": 200 if search_request.count is None else search_request.count}
        for name, value in (
            ("filter", search_request.filter),
            ("sortBy", search_request.sort_by),
            ("sortOrder", search_request.sort_order),
        ):
            if value is not None:
                parameters[name] = str(value)
        if search_request.cursor is None:
            parameters["startIndex"] = search_request.start_index or 1
        else:
            parameters["cursor"] = position or ""
        kinds = tuple(str(each.name) for each in resource_types)
        plan = Plan(Search(kinds, parameters, ""), self.protocol, "secret", self.clock.now().timestamp())

        def job(unit: Unit) -> SearchPage:
            page = run_plan(unit, lock_organization(unit, self.org_id), plan)
            resources = [self._load(unit, row.kind, row.id) for row in page.rows]
            return SearchPage(page.total, resources, page.next, page.previous)

        return self.database.run(job)

    def create(self, resource_type: ResourceType, resource: Resource[Any]) -> Any:
        kind, model = str(resource_type.name), resource.model_copy(deep=True)

        def job(unit: Unit) -> Any:
            create: Any = create_person if kind == "User" else create_group
            return self._load(unit, kind, create(unit, self._context(unit), model).id)

        return self.database.run(job)

    def update(
        self, resource_type: ResourceType, resource: Resource[Any], *, expected_version: str | None = None
    ) -> Any:
        kind, model, resource_id = str(resource_type.name), resource.model_copy(deep=True), str(resource.id)

        def job(unit: Unit) -> Any:
            context = self._context(unit)
            lock: Any = lock_person if kind == "User" else lock_group
            before = lock(unit, self.org_id, resource_id)
            self._check(before.version, expected_version)
            if kind == "User":
                change_person(unit, context, before, model)
            else:
                replace_group(unit, context, before, model, self.protocol)
            return self._load(unit, kind, resource_id)

        return self.database.run(job)

    def delete(
        self, resource_type: ResourceType, resource_id: str, *, expected_version: str | None = None
    ) -> None:
        kind = str(resource_type.name)

        def job(unit: Unit) -> None:
            lock: Any = lock_person if kind == "User" else lock_group
            remove: Any = remove_person if kind == "User" else remove_group
            before = lock(unit, self.org_id, resource_id)
            self._check(before.version, expected_version)
            remove(unit, self._context(unit), before)

        self.database.run(job)

    @staticmethod
    def _check(version: int, expected: str | None) -> None:
        if expected is not None and expected != etag(version):
            raise PreconditionFailedException
