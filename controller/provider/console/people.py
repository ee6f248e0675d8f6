"""The pages "People" and of one person: search, invitations, seats, edits by hand, and who did what."""

from __future__ import annotations

from urllib.parse import urlencode

from sqlalchemy import select
from starlette.responses import Response

from controller.provider.admin.answers import PersonAnswer, person_answer
from controller.provider.admin.bodies import (
    PeopleParameters,
    PersonEdit,
    checked_body,
    checked_parameters,
)
from controller.provider.admin.people import (
    confirm_address,
    edit_by_hand,
    people_page,
)
from controller.provider.admin.problems import Problem
from controller.provider.console.confirm import Consequences, ask_first, counted
from controller.provider.console.context import ConsoleCall
from controller.provider.console.journal import ShownEntry, shown_entry
from controller.provider.journal import read_about
from controller.provider.memberships import groups_of
from controller.provider.people import Context, Person, find_person, lock_person
from controller.provider.person_changes import accept, set_active
from controller.provider.statements import Unit
from controller.provider.tables import groups

PAGE = 50
STATUSES = {"": "Any", "active": "Active", "pending": "Invited", "deactivated": "Deactivated"}
FIELDS = ("displayName", "givenName", "familyName", "email")
DONE = {
    "accept": "accepted",
    "deactivate": "deactivated",
    "reactivate": "reactivated",
    "confirm": "confirmed",
}


async def show(call: ConsoleCall, status: int = 200, error: str = "") -> Response:
    """A page of people, narrowed by name or address, status and group."""
    query = call.request.query() if call.request.method == "GET" else {}
    search = {name: query.get(name, "").strip() for name in ("query", "status", "group")}
    if search["status"] not in STATUSES:
        search["status"] = ""
    text = query.get("after", "")
    after = text if text.isascii() and text.isdigit() and len(text) < 18 else "0"
    wanted = checked_parameters(PeopleParameters, search | {"limit": str(PAGE), "after": after})
    found = await call.database.read(lambda unit: people_page(unit, call.org.id, wanted), heavy=True)
    following = "?" + urlencode(search | {"after": found.next}) if found.next else ""
    return call.render(
        "people.html", status, people=found.people, total=found.total, search=search, after=wanted.after,
        following=following, statuses=STATUSES, error=error,
    )  # fmt: skip


async def show_one(call: ConsoleCall, status: int = 200, error: str = "") -> Response:
    """One person: what is known, what can be done, and the newest entries of the journal."""

    def job(unit: Unit) -> tuple[PersonAnswer, list[str], list[ShownEntry]]:
        person = find_person(unit, call.org.id, call.id)
        if person is None:
            raise Problem(404, "NotFound", "There is no such person here any more")
        named = select(groups.c.display_name).where(groups.c.org_id == call.org.id)
        names = [row[0] for row in unit.all(named.order_by(groups.c.display_name).limit(200))]
        mine = [group.name for group in groups_of(unit, call.org.id, person.id)]
        entries = [shown_entry(row) for row in read_about(unit, call.org.id, person.id, 20)]
        return person_answer(person, mine), sorted(set(names) | set(mine)), entries

    person, names, entries = await call.database.read(job, heavy=True)
    return call.render("person.html", status, person=person, names=names, entries=entries, error=error)


async def act(call: ConsoleCall) -> Response:
    """Accepts, deactivates, reactivates or confirms, by the button that was pressed."""
    what, person_id = call.value("do"), call.id
    if what not in DONE:
        raise Problem(400, "InvalidValue", "Press one of the buttons")
    asked = await ask_first(
        call,
        lambda unit, context: _deactivated(unit, context, person_id) if what == "deactivate" else None,
        lambda unit, context: _act(unit, context, person_id, what),
    )
    return asked or call.back_to(
        "people" if call.value("from") == "people" else f"people/{person_id}", DONE[what]
    )


RECORDS = {
    "freeSeat": "The record stays, and the person can be reactivated.",
    "keepSeat": "The record stays, and the person can be reactivated.",
    "scramble": "The user name is replaced by a random one until the person is reactivated.",
    "delete": "The record is deleted, as this organization's profile says. This can't be undone.",
}


def _deactivated(unit: Unit, context: Context, person_id: str) -> Consequences | None:
    org, person = context.org, lock_person(unit, context.org.id, person_id)
    if person.status == "deactivated":
        return None
    what = org.profile.deprovisioning.on_deactivate
    lines = ["The person can no longer sign in.", RECORDS[what]]
    if not person.seated:
        lines.append("No seat becomes free: the person takes none.")
    elif what == "keepSeat":
        lines.append("The seat stays taken.")
    else:
        lines.append("One seat becomes free.")
    names = [group.name for group in groups_of(unit, org.id, person.id)]
    notes = [f"{org.seats_used} of {org.purchased} seats are used now."]
    if names:
        notes.append(f"Groups of the person: {', '.join(names)}.")
    notes.append("The identity provider may activate the person again at its next update.")
    shown = f"{person.display_name or person.user_name} ({person.user_name})"
    return Consequences(f"Deactivate {shown}?", "Deactivate", tuple(lines), tuple(notes))


def _act(unit: Unit, context: Context, person_id: str, what: str) -> Person:
    if what == "confirm":
        return confirm_address(unit, context, person_id)
    person = lock_person(unit, context.org.id, person_id)
    if what == "accept":
        return accept(unit, context, person)
    return set_active(unit, context, person, what == "reactivate", is_admin=True)


async def show_again(call: ConsoleCall, status: int, error: str) -> Response:
    """The page that a refused form came from."""
    return await (show if call.value("from") == "people" else show_one)(call, status, error)


async def edit(call: ConsoleCall) -> Response:
    """Saves an edit by hand; groups only while no mapping decides them."""
    body: dict[str, object] = {name: call.value(name) or None for name in FIELDS if name in call.form}
    if "edits-groups" in call.form:
        body["groups"] = [name for name in call.form.getlist("groups") if name]
    sent = checked_body(PersonEdit, body)
    person_id = call.id
    asked = await ask_first(
        call,
        lambda unit, context: _taken_out(unit, context, person_id, sent),
        lambda unit, context: edit_by_hand(unit, context, person_id, sent),
    )
    return asked or call.back_to(f"people/{person_id}", "edited")


def _taken_out(unit: Unit, context: Context, person_id: str, sent: PersonEdit) -> Consequences | None:
    """What an edit takes from the person: groups that are no longer ticked."""
    person = lock_person(unit, context.org.id, person_id)
    if "groups" not in sent.model_fields_set or context.org.mapping.is_on:
        return None
    left = [
        group.name for group in groups_of(unit, context.org.id, person.id) if group.name not in sent.groups
    ]
    if not left:
        return None
    shown = person.display_name or person.user_name
    lines = (f"{shown} leaves {counted(len(left), 'group', 'groups')}: {', '.join(left)}.",)
    title = f"Take {shown} out of {counted(len(left), 'group', 'groups')}?"
    return Consequences(title, "Save", lines, ("The other changes on the page are saved as well.",))
