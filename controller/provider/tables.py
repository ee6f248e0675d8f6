"""The provider's tables, and the migrations that bring a database to them.

Called when a database is opened. Every process that starts runs `migrate`; one does the work under a lock,
the others find it done. Migrations only go forward: a database that is newer than the code is refused.

Values are kept in the plainest types (text, integers) so that rows need no conversion on their way to an
answer: times are UTC text of fixed width, which sorts as time does, and JSON is text.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    inspect,
    text,
)

from controller.errors import SpecError

metadata = MetaData()

# Keys are compared and sorted by code point on both databases, whatever the server's locale.
Key = Text().with_variant(Text(collation="C"), "postgresql")
Id = String(64).with_variant(String(64, collation="C"), "postgresql")
Moment = String(27).with_variant(String(27, collation="C"), "postgresql")
Sequence = BigInteger().with_variant(Integer, "sqlite")

organizations = Table(
    "organizations",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", Text, nullable=False),
    Column("plan", Text, nullable=False),
    Column("sso", Integer, nullable=False),
    Column("scim_enabled", Integer, nullable=False),
    Column("billing_method", Text, nullable=False),
    Column("purchased", Integer, nullable=False),
    Column("seats_used", Integer, nullable=False, default=0),
    Column("seats_pending", Integer, nullable=False, default=0),
    Column("people_total", Integer, nullable=False, default=0),
    Column("people_removals", Integer, nullable=False, default=0),
    Column("groups_total", Integer, nullable=False, default=0),
    Column("profile", Text, nullable=False),
    Column("overrides", Text, nullable=False),
    Column("mapping", Text, nullable=False),
    Column("created", Moment, nullable=False),
)

people = Table(
    "people",
    metadata,
    Column("seq", Sequence, primary_key=True, autoincrement=True),
    Column("org_id", Id, nullable=False),
    Column("id", Id, nullable=False),
    Column("user_name", Text, nullable=False),
    Column("user_name_key", Key, nullable=False),
    Column("external_id", Key),
    Column("display_name", Text),
    Column("display_name_key", Key),
    Column("email", Text),
    Column("pending_email", Text),
    Column("active", Integer, nullable=False),
    Column("status", String(16), nullable=False),
    Column("seated", Integer, nullable=False),
    Column("licence", String(16), nullable=False),
    Column("group_value", Text),
    Column("created", Moment, nullable=False),
    Column("modified", Moment, nullable=False),
    Column("accepted_at", Moment),
    Column("last_active", Moment),
    Column("former_name", Text),  # the userName before a profile scrambled it
    Column("version", Integer, nullable=False),
    Column("doc", Text, nullable=False),
    UniqueConstraint("org_id", "id", name="people_id"),
    UniqueConstraint("org_id", "user_name_key", name="people_user_name"),
    sqlite_autoincrement=True,
)
Index("people_order", people.c.org_id, people.c.seq)
Index("people_external_id", people.c.org_id, people.c.external_id)
Index("people_display_name", people.c.org_id, people.c.display_name_key)
Index("people_modified", people.c.org_id, people.c.modified)
Index("people_group_value", people.c.org_id, people.c.group_value)

person_emails = Table(
    "person_emails",
    metadata,
    Column("person_seq", Sequence, primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("org_id", Id, nullable=False),
    Column("value_key", Key, nullable=False),
    sqlite_with_rowid=False,
)
Index("person_emails_value", person_emails.c.org_id, person_emails.c.value_key, person_emails.c.person_seq)

removed_people = Table(
    "removed_people",
    metadata,
    Column("seq", Sequence, primary_key=True, autoincrement=True),
    Column("org_id", Id, nullable=False, index=True),
    Column("id", Id, nullable=False),
    Column("user_name", Text, nullable=False),
    Column("removed_at", Moment, nullable=False),
    Column("doc", Text, nullable=False),
)

groups = Table(
    "groups",
    metadata,
    Column("seq", Sequence, primary_key=True, autoincrement=True),
    Column("org_id", Id, nullable=False),
    Column("id", Id, nullable=False),
    Column("display_name", Key, nullable=False),
    Column("display_name_key", Key, nullable=False),
    Column("external_id", Key),
    Column("members_total", Integer, nullable=False),
    Column("created", Moment, nullable=False),
    Column("modified", Moment, nullable=False),
    Column("version", Integer, nullable=False),
    Column("doc", Text, nullable=False),
    UniqueConstraint("org_id", "id", name="groups_id"),
    UniqueConstraint("org_id", "display_name", name="groups_display_name"),
    sqlite_autoincrement=True,
)
Index("groups_order", groups.c.org_id, groups.c.seq)
Index("groups_external_id", groups.c.org_id, groups.c.external_id)
Index("groups_display_name_key", groups.c.org_id, groups.c.display_name_key)

memberships = Table(
    "memberships",
    metadata,
    Column("org_id", Id, primary_key=True),
    Column("group_id", Id, primary_key=True),
    Column("member_id", Id, primary_key=True),
    Column("kind", String(8), nullable=False),
    Column("display", Text),  # as a client sent it; absent, the member's own name is shown
    sqlite_with_rowid=False,
)
Index("memberships_member", memberships.c.org_id, memberships.c.member_id)

tokens = Table(
    "tokens",
    metadata,
    Column("id", Id, primary_key=True),
    Column("org_id", Id, nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("hash", String(64), nullable=False, unique=True),
    Column("scopes", Text, nullable=False),
    Column("created", Moment, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("expires", Moment),
    Column("revoked", Moment),
    Column("last_used", Moment),
    Column("last_agent", Text),
)

journal = Table(
    "journal",
    metadata,
    Column("seq", Sequence, primary_key=True, autoincrement=True),
    Column("org_id", Id, nullable=False),
    Column("at", Moment, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("resource", Text, nullable=False),
    Column("resource_id", Text, nullable=False),
    Column("before", Text),
    Column("after", Text),
    Column("request_id", Text, nullable=False),
    sqlite_autoincrement=True,
)
Index("journal_order", journal.c.org_id, journal.c.seq)
Index("journal_resource", journal.c.org_id, journal.c.resource_id, journal.c.seq)

sessions = Table(
    "sessions",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("org_id", Id, nullable=False),
    Column("token_id", Id, nullable=False),
    Column("csrf", String(64), nullable=False),
    Column("expires", Moment, nullable=False),
)

# Keys that every process of one database shares, such as the one that seals cursors.
secrets = Table(
    "secrets", metadata, Column("name", String(32), primary_key=True), Column("value", Text, nullable=False)
)

schema_versions = Table(
    "schema_versions",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("applied", Moment, nullable=False),
)

Step = Callable[[Connection], None]


def _baseline(connection: Connection) -> None:
    metadata.create_all(connection)


def _append_only_journal(connection: Connection) -> None:
    """The database itself refuses to change or drop what the journal holds."""
    if connection.dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            connection.execute(
                text(
                    f"CREATE TRIGGER journal_no_{verb.lower()} BEFORE {verb} ON journal "
                    "BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END"
                )
            )
        return
    connection.execute(
        text(
            "CREATE FUNCTION journal_append_only() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'the journal is append-only'; END $$"
        )
    )
    connection.execute(
        text(
            "CREATE TRIGGER journal_append_only BEFORE UPDATE OR DELETE ON journal "
            "FOR EACH ROW EXECUTE FUNCTION journal_append_only()"
        )
    )


# Rows in all, then rows for each prefix of the index's columns: what SQLite's planner gets instead of
# sampling, so that its plans are those of a large organization from the first day.
_STATISTICS = {
    ("people", "people_order"): "100000 100000 1",
    ("people", "sqlite_autoindex_people_1"): "100000 100000 1",
    ("people", "sqlite_autoindex_people_2"): "100000 100000 1",
    ("people", "people_external_id"): "100000 100000 1",
    ("people", "people_display_name"): "100000 100000 2",
    ("people", "people_modified"): "100000 100000 1",
    ("people", "people_group_value"): "100000 100000 2000",
    ("person_emails", "person_emails"): "100000 1 1",
    ("person_emails", "person_emails_value"): "100000 100000 1 1",
    ("groups", "groups_order"): "1000 1000 1",
    ("groups", "groups_display_name_key"): "1000 1000 1",
    ("groups", "groups_external_id"): "1000 1000 1",
    ("groups", "sqlite_autoindex_groups_1"): "1000 1000 1",
    ("groups", "sqlite_autoindex_groups_2"): "1000 1000 1",
    ("memberships", "memberships"): "200000 200000 200 1",
    ("memberships", "memberships_member"): "200000 200000 2 1",
}


def _planner_statistics(connection: Connection) -> None:
    """SQLite only; PostgreSQL gathers its own."""
    if connection.dialect.name != "sqlite":
        return
    connection.execute(text("ANALYZE"))
    connection.execute(text("DELETE FROM sqlite_stat1"))
    for (table, index), numbers in _STATISTICS.items():
        connection.execute(
            text("INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (:tbl, :idx, :stat)"),
            {"tbl": table, "idx": index, "stat": numbers},
        )


# Position in the tuple + 1 is the version. Never edit an entry that has been released: append.
MIGRATIONS: tuple[Step, ...] = (_baseline, _append_only_journal, _planner_statistics)
ADVISORY_LOCK = 7_643_764_4


def migrate(connection: Connection) -> int:
    """The version the database is at afterwards; runs inside the caller's transaction.

    Raises SpecError if the database was written by newer code.
    """
    if connection.dialect.name == "postgresql":
        # Two processes that start at once: the second waits here and then finds the work done.
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
    done = _version(connection)
    if done > len(MIGRATIONS):
        raise SpecError(
            f"the database is at version {done}, this program knows {len(MIGRATIONS)}; run the newer program",
            field="database",
        )
    for number, step in enumerate(MIGRATIONS[done:], start=done + 1):
        step(connection)
        applied = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        connection.execute(schema_versions.insert().values(version=number, applied=applied))
    return len(MIGRATIONS)


def _version(connection: Connection) -> int:
    if not inspect(connection).has_table("schema_versions"):
        return 0
    found = connection.execute(text("SELECT COALESCE(MAX(version), 0) FROM schema_versions"))
    return int(found.scalar_one())
