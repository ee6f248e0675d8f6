"""The SCIM side over HTTP: each endpoint of RFC 7644, from a request to bytes.

Called by app for /scim/v2/{organization}/...; it is where protocol, people, groups and search meet. Bodies
are read and checked before a transaction begins; what is decided inside one is decided on locked rows.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from scim2_models import (
    Context as Ctx,
)
from scim2_models import (
    InvalidSyntaxException,
    InvalidValueException,
    NotFoundException,
    NotImplementedException,
    PayloadTooLargeException,
)
from scim2_server.conditions import Conditions
from scim2_server.routing import Operation, Target
from scim2_server.routing import match as match_route
from starlette.types import Receive

from controller.clock import Clock
from controller.provider.access import Caller, Denied, Gate, lane_of
from controller.provider.bulk import BulkCall, read_bulk, run_bulk
from controller.provider.database import Database
from controller.provider.documents import (
    JsonObject,
    Projection,
    answer,
    etag,
    group_members,
    moment_text,
    user_groups,
)
from controller.provider.groups import (
    Group,
    GroupPatch,
    create_group,
    find_group,
    lock_group,
    remove_group,
    replace_group,
)
from controller.provider.http import BodyTooLarge, ClientGone, Request, Response, read_body
from controller.provider.memberships import groups_of, members_of
from controller.provider.models import AnyPatch, NamedGroup, UserModel
from controller.provider.optimistic_write import GuardedUnit
from controller.provider.organizations import Organization, find_organization, lock_organization
from controller.provider.patching import only_active, read_group, read_patch, read_user
from controller.provider.people import (
    Context,
    Person,
    find_person,
    lock_person,
    remove_person,
)
from controller.provider.person_changes import change_person, create_or_reactivate, set_active
from controller.provider.profiles import Profile
from controller.provider.protocol import MAX_BODY_BYTES, Protocol, protocol_of
from controller.provider.query import CORE, Plan, Search
from controller.provider.responses import empty_answer, error_answer, of_core, resource_answer
from controller.provider.search import render_page, run_plan
from controller.provider.seats import capacity
from controller.provider.statements import Job, Unit

T = TypeVar("T")
LARGE_BODY_BYTES = 64_000
LONG_FILTER_CHARACTERS = 500
MANY_MEMBERS = 500


@dataclass(frozen=True, slots=True)
class Call:
    """One request that was let in, with what its organization speaks."""

    request: Request
    caller: Caller
    protocol: Protocol
    base_url: str
    target: Target

    @property
    def org(self) -> Organization:
        """The organization as of the moment the token was checked."""
        return self.caller.org

    @property
    def kind(self) -> str:
        """User or Group, by the endpoint."""
        return "User" if self.target.endpoint == "Users" else "Group"

    @property
    def resource_id(self) -> str:
        """The id in the path."""
        return self.target.resource_id or ""

    def may_have_many_members(self, projection: Projection | None) -> bool:
        """Whether an answer with the members of a group may be long."""
        return self.org.people_total > MANY_MEMBERS and (projection is None or projection.needs("members"))

    def conditions(self) -> Conditions:
        """If-Match and If-None-Match."""
        return Conditions(self.request.header("if-match"), self.request.header("if-none-match"))

    def projection(self) -> Projection | None:
        """What the answer is narrowed to, or None for all of it."""
        query = read_query(self.request)
        projection = Projection(CORE + self.kind, query.get("attributes"), query.get("excludedAttributes"))
        if projection.wanted and projection.unwanted:
            raise InvalidValueException(detail="attributes and excludedAttributes exclude each other")
        return projection or None

    def location(self, resource_id: str) -> str:
        """The URL of a resource of this kind."""
        return f"{self.base_url}/{self.kind}s/{resource_id}"


def read_query(request: Request) -> dict[str, str]:
    """The query parameters; raises invalidSyntax if they are not UTF-8 or too many."""
    if not request.query_string:
        return {}
    try:
        return request.query()
    except ValueError as error:
        raise InvalidSyntaxException(
            detail="The query string is not valid UTF-8, or has NUL in it"
        ) from error


_NAMES = {
    name.lower(): name
    for name in ("Users", "Groups", "Schemas", "ResourceTypes", "ServiceProviderConfig", "Bulk", "Me")
} | {"serviceconfiguration": "ServiceProviderConfig"}  # its name in Entra's public Postman collection
"""The endpoints by their names without case: clients write /users (RFC 7644 leaves the case open)."""
_ROUTES = {
    ("GET", 1): Operation.search,
    ("POST", 1): Operation.create,
    ("GET", 2): Operation.query,
    ("PUT", 2): Operation.replace,
    ("PATCH", 2): Operation.patch,
    ("DELETE", 2): Operation.delete,
}


def route(method: str, path: tuple[str, ...]) -> Target:
    """What a request asks for; the common ones without walking scim2-server's table of routes."""
    operation = _ROUTES.get((method, len(path))) if path[:1] in (("Users",), ("Groups",)) else None
    if operation is None or path[-1] == ".search":
        return match_route(method, "/" + "/".join(path))
    return Target(operation, path[0], path[1] if len(path) == 2 else None)


class ScimSide:
    """Serves the SCIM endpoints of every organization of one database."""

    def __init__(self, database: Database, gate: Gate, clock: Clock, secret: str) -> None:
        self.database, self.gate, self.clock, self.secret = database, gate, clock, secret
        self._handlers: dict[Operation, Callable[[Call], Awaitable[Response]]] = {
            Operation.create: self._create,
            Operation.query: self._query,
            Operation.replace: self._replace,
            Operation.patch: self._patch,
            Operation.delete: self._delete,
            Operation.search: self._search,
            Operation.search_with_body: self._search_with_body,
            Operation.bulk: self._bulk,
            Operation.service_provider_config: self._discovery,
            Operation.resource_types: self._discovery,
            Operation.resource_type: self._discovery,
            Operation.schemas: self._discovery,
            Operation.schema: self._discovery,
        }

    async def serve(self, request: Request, org_id: str, receive: Receive) -> Response:
        """The answer to a request on /scim/v2/{org_id}/..., errors included."""
        try:
            return await self._serve(request, org_id, receive)
        except ClientGone:
            raise
        except Exception as error:
            return error_answer(error, self.clock, request.request_id)

    async def _serve(self, request: Request, org_id: str, receive: Receive) -> Response:
        request.path = tuple(_NAMES.get(each.lower(), each) for each in request.path[:1]) + request.path[1:]
        path = "/" + "/".join(request.path)
        public = request.method == "GET" and path == "/ServiceProviderConfig"
        writes = request.method != "GET" and not path.endswith("/.search")
        if public and request.header("authorization") is None:
            return await self._public_configuration(request, org_id)
        caller = await self.gate.admit(request, org_id, "scim", writes=writes)
        off = caller.org.why_scim_is_off()
        if off:
            raise Denied(403, off)
        target = route(request.method, request.path)
        protocol = protocol_of(caller.org.profile, self.secret)
        call = Call(request, caller, protocol, f"{request.origin}/scim/v2/{org_id}", target)
        if target.me:
            raise NotImplementedException(detail="/Me is not supported: a token stands for no person")
        self._check_endpoint(call)
        if request.method in ("POST", "PUT", "PATCH"):
            request.body = await self._body(receive)
        return await self._handlers[target.operation](call)

    @staticmethod
    def _check_endpoint(call: Call) -> None:
        endpoint = call.target.endpoint
        known = ("Users", "Groups") if call.protocol.shape.groups else ("Users",)
        if endpoint is not None and endpoint not in known:
            raise NotFoundException(detail=f"There is no endpoint /{endpoint}")
        if call.target.operation is Operation.bulk and not call.protocol.shape.bulk:
            raise NotImplementedException(detail="Bulk is not supported")

    @staticmethod
    async def _body(receive: Receive) -> bytes:
        try:
            return await read_body(receive, MAX_BODY_BYTES)
        except BodyTooLarge as error:
            raise PayloadTooLargeException(detail=f"A body has at most {MAX_BODY_BYTES} bytes") from error

    # Discovery

    async def _public_configuration(self, request: Request, org_id: str) -> Response:
        org = await self.database.read(lambda unit: find_organization(unit, org_id), lane=lane_of(request))
        if org is None:
            raise Denied(401, "A bearer token is needed: Authorization: Bearer <token>")
        protocol = protocol_of(org.profile, self.secret)
        location = f"{request.origin}/scim/v2/{org_id}/ServiceProviderConfig"
        return of_core(protocol.service.service_provider_config(location, read_query(request)))

    async def _discovery(self, call: Call) -> Response:
        service, query = call.protocol.service, read_query(call.request)
        url = f"{call.base_url}/{'/'.join(call.request.path)}"
        operation = call.target.operation
        if operation is Operation.service_provider_config:
            return of_core(service.service_provider_config(url, query))
        if operation is Operation.resource_types:
            return of_core(service.resource_types(url, query))
        if operation is Operation.schemas:
            return of_core(service.schemas(url, query))
        one = service.resource_type if operation is Operation.resource_type else service.schema
        return of_core(one(url, call.resource_id, query))

    # Reading

    async def _query(self, call: Call) -> Response:
        projection = call.projection()
        is_heavy = call.kind == "Group" and call.may_have_many_members(projection)
        found = await self.database.read(
            lambda unit: self._find(unit, call, projection), heavy=is_heavy, lane=call.org.id
        )
        if found is None:
            raise NotFoundException(detail=f"{call.kind} {call.resource_id!r} not found")
        text, version = found
        if not call.conditions().check(etag(version), "GET"):
            return empty_answer(version, 304)
        return resource_answer(text, call.location(call.resource_id), version, projection=projection)

    def _find(self, unit: Unit, call: Call, projection: Projection | None) -> tuple[str, int] | None:
        if call.kind == "User":
            person = find_person(unit, call.org.id, call.resource_id)
            return (self._person_text(unit, call, person), person.version) if person else None
        group = find_group(unit, call.org.id, call.resource_id)
        if group is None:
            return None
        with_members = projection is None or projection.needs("members")
        return self._group_text(unit, call, group, with_members), group.version

    @staticmethod
    def _person_text(unit: Unit, call: Call, person: Person) -> str:
        extra = ""
        if call.org.groups_total and call.protocol.shape.groups:
            rows = [(group.id, group.name) for group in groups_of(unit, call.org.id, person.id)]
            extra = user_groups(rows, call.base_url)
        return answer(person.doc, f"{call.base_url}/Users/{person.id}", extra)

    @staticmethod
    def _group_text(unit: Unit, call: Call, group: Group, with_members: bool = True) -> str:
        extra = ""
        if with_members and group.members_total:
            extra = group_members(members_of(unit, call.org.id, group.id), call.base_url)
        return answer(group.doc, f"{call.base_url}/Groups/{group.id}", extra)

    async def _search(self, call: Call) -> Response:
        return await self._list(call, dict(read_query(call.request)))

    async def _search_with_body(self, call: Call) -> Response:
        return await self._list(call, self._payload(call))

    async def _list(self, call: Call, parameters: JsonObject) -> Response:
        kinds: tuple[str, ...] = (call.kind,)
        if call.target.endpoint is None:
            kinds = ("User", "Group") if call.protocol.shape.groups else ("User",)
        search = Search(kinds, parameters, call.base_url)
        now = self.clock.now().timestamp()
        is_long = len(str(parameters.get("filter", ""))) > LONG_FILTER_CHARACTERS
        plan = await self._off_loop(call, lambda: Plan(search, call.protocol, self.secret, now), is_long)
        is_heavy = plan.is_heavy or ("Group" in kinds and call.may_have_many_members(plan.projection))

        def job(unit: Unit) -> bytes:
            return render_page(unit, call.org, plan, run_plan(unit, call.org, plan))

        body = await self.database.read(job, heavy=is_heavy, lane=call.org.id)
        return Response(200, body, "application/scim+json")

    async def _bulk(self, call: Call) -> Response:
        content_type = call.request.header("content-type")
        plan = await self._parsed(
            call, lambda: read_bulk(call.protocol, call.org.profile, self._payload(call), content_type)
        )
        bulk = BulkCall(call.protocol, call.base_url, lambda unit: self._context(unit, call))
        run = self.database.write(lambda unit: run_bulk(unit, bulk, plan), heavy=True, lane=call.org.id)
        return of_core(await run)

    # Writing

    def _payload(self, call: Call) -> JsonObject:
        return call.protocol.parse_body(call.request.body, call.request.header("content-type"))

    def _context(self, unit: Unit, call: Call) -> Context:
        """The organization locked, as every write that may touch its counters needs it.

        A guarded write takes what was read with the token, and fails if that is no longer so.
        """
        org = call.org if isinstance(unit, GuardedUnit) else lock_organization(unit, call.org.id)
        return Context(org, call.caller.actor, moment_text(self.clock))

    async def _write(self, call: Call, job: Job[Response], *, guarded: bool = False) -> Response:
        is_heavy = len(call.request.body) > LARGE_BODY_BYTES
        return await self.database.write(job, heavy=is_heavy, guarded=guarded, lane=call.org.id)

    async def _parsed(self, call: Call, work: Callable[[], T]) -> T:
        """What `work` makes of the body; that of a large one would hold up everybody else."""
        return await self._off_loop(call, work, len(call.request.body) > LARGE_BODY_BYTES)

    async def _off_loop(self, call: Call, work: Callable[[], T], is_long: bool) -> T:
        return await self.database.compute(work, lane=call.org.id) if is_long else work()

    async def _write_person(self, call: Call, job: Job[Response]) -> Response:
        """Without locks, unless it is plain already that they will be needed: a mapping moves people, and the
        last seat is given on locked rows."""
        has_room = call.org.seats_used < capacity(call.org)
        return await self._write(call, job, guarded=has_room and not call.org.mapping.is_on)

    async def _create(self, call: Call) -> Response:
        if call.kind == "Group":
            group = await self._sent(call, read_group, Ctx.RESOURCE_CREATION_REQUEST)
            return await self._write(call, lambda unit: self._create_group(unit, call, group))
        user = await self._sent(call, read_user, Ctx.RESOURCE_CREATION_REQUEST)
        return await self._write_person(call, lambda unit: self._create_person(unit, call, user))

    async def _sent(self, call: Call, read: Callable[[Protocol, Profile, JsonObject, Ctx], T], ctx: Ctx) -> T:
        """The user or group in the body."""
        return await self._parsed(
            call, lambda: read(call.protocol, call.org.profile, self._payload(call), ctx)
        )

    def _create_person(self, unit: Unit, call: Call, model: UserModel) -> Response:
        person, is_new = create_or_reactivate(unit, self._context(unit, call), model)
        return self._person_answer(unit, call, person, 201 if is_new else 200)

    def _person_answer(self, unit: Unit, call: Call, person: Person, status: int = 200) -> Response:
        text = self._person_text(unit, call, person)
        return resource_answer(text, call.location(person.id), person.version, status, call.projection())

    def _create_group(self, unit: Unit, call: Call, model: NamedGroup) -> Response:
        group = create_group(unit, self._context(unit, call), model)
        return self._group_answer(unit, call, group, 201)

    def _group_answer(self, unit: Unit, call: Call, group: Group, status: int = 200) -> Response:
        projection = call.projection()
        text = self._group_text(unit, call, group, projection is None or projection.needs("members"))
        return resource_answer(text, call.location(group.id), group.version, status, projection)

    async def _replace(self, call: Call) -> Response:
        if call.kind == "Group":
            group = await self._sent(call, read_group, Ctx.RESOURCE_REPLACEMENT_REQUEST)
            return await self._write(call, lambda unit: self._replace_group(unit, call, group))
        user = await self._sent(call, read_user, Ctx.RESOURCE_REPLACEMENT_REQUEST)
        return await self._write_person(call, lambda unit: self._replace_person(unit, call, user))

    def _replace_person(self, unit: Unit, call: Call, model: UserModel) -> Response:
        context = self._context(unit, call)
        before = lock_person(unit, context.org.id, call.resource_id)
        call.conditions().check(etag(before.version), "PUT")
        with call.protocol.provider:
            model.replace(call.protocol.user.model_validate_json(before.doc))
        if model.active is None:
            # Wizard apps of Okta send PUT only; leaving `active` out must not bring a leaver back.
            model.active = bool(before.active)
        return self._person_answer(unit, call, change_person(unit, context, before, model))

    def _replace_group(self, unit: Unit, call: Call, model: NamedGroup) -> Response:
        context = self._context(unit, call)
        before = lock_group(unit, context.org.id, call.resource_id)
        call.conditions().check(etag(before.version), "PUT")
        return self._group_answer(unit, call, replace_group(unit, context, before, model, call.protocol))

    async def _patch(self, call: Call) -> Response:
        payload = await self._parsed(call, lambda: self._payload(call))
        active = only_active(payload) if call.kind == "User" else None
        if active is not None:
            return await self._write_person(call, lambda unit: self._set_active(unit, call, active))
        patch = await self._parsed(
            call, lambda: read_patch(call.protocol, call.org.profile, call.kind, payload)
        )
        if call.kind == "User":
            return await self._write_person(call, lambda unit: self._patch_person(unit, call, patch))
        assert patch is not None  # nothing of a group is ignored
        whole = GroupPatch(patch, call.protocol)
        return await self._write(call, lambda unit: self._patch_group(unit, call, whole))

    def _set_active(self, unit: Unit, call: Call, is_active: bool) -> Response:
        context = self._context(unit, call)
        before = lock_person(unit, context.org.id, call.resource_id)
        call.conditions().check(etag(before.version), "PATCH")
        return self._patch_answer(unit, call, set_active(unit, context, before, is_active))

    def _patch_answer(self, unit: Unit, call: Call, person: Person) -> Response:
        if call.org.profile.patch_answer == "204" and call.projection() is None:
            return empty_answer(person.version)
        return self._person_answer(unit, call, person)

    def _patch_person(self, unit: Unit, call: Call, patch: AnyPatch | None) -> Response:
        context = self._context(unit, call)
        before = lock_person(unit, context.org.id, call.resource_id)
        call.conditions().check(etag(before.version), "PATCH")
        person = before
        if patch is not None:
            with call.protocol.provider:
                model = call.protocol.user.model_validate_json(before.doc)
                changed = patch.patch(model)
            if changed:
                person = change_person(unit, context, before, model, is_partial=True)
        return self._patch_answer(unit, call, person)

    def _patch_group(self, unit: Unit, call: Call, patch: GroupPatch) -> Response:
        # Memberships touch no counter of the organization, so its row is not locked.
        context = Context(call.org, call.caller.actor, moment_text(self.clock))
        before = lock_group(unit, call.org.id, call.resource_id)
        call.conditions().check(etag(before.version), "PATCH")
        group = patch.apply(unit, context, before, call.base_url)
        if context.org.profile.group_patch_answer == "204" and call.projection() is None:
            return empty_answer(group.version)
        return self._group_answer(unit, call, group)

    async def _delete(self, call: Call) -> Response:
        return await self._write(call, lambda unit: self._delete_one(unit, call))

    def _delete_one(self, unit: Unit, call: Call) -> Response:
        context = self._context(unit, call)
        if call.kind == "User":
            person = lock_person(unit, context.org.id, call.resource_id)
            call.conditions().check(etag(person.version), "DELETE")
            remove_person(unit, context, person)
        else:
            group = lock_group(unit, context.org.id, call.resource_id)
            call.conditions().check(etag(group.version), "DELETE")
            remove_group(unit, context, group)
        return empty_answer()
