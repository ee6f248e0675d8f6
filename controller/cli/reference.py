"""The reference pages in docs/, made of the code that they describe; `make generate` writes them.

Called by generate. What exists is documented and nothing else: settings, metrics, reasons, commands, fields.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import typer
from prometheus_client import Metric

from controller.api import KINDS
from controller.api.crds import build_schema
from controller.cli.cardinality import most
from controller.metrics import Metrics
from controller.planning.output.plan_json import SCHEMA
from controller.provider.profiles import resolve
from controller.reconcile.reasons import Reason
from controller.settings import PREFIX, Settings

MADE = "<!-- Made by `make generate`. Do not edit. -->\n"


def reference_files() -> dict[str, str]:
    """Every reference page by its path."""
    return {
        "docs/settings.md": _page("Settings", _SETTINGS, _settings()),
        "docs/metrics.md": _page("Metrics", _METRICS, _metrics()),
        "docs/reasons.md": _page("Reasons", _REASONS, _reasons()),
        "docs/scimctl.md": _page("scimctl", _SCIMCTL, _commands()),
        "docs/resources.md": _page("Resources", _RESOURCES, _resources()),
        "docs/profiles.md": _page("Profiles of the provider", _PROFILES, _profiles()),
        "docs/plan.schema.json": _schema(),
    }


def _schema() -> str:
    """The schema; JSON has no comments, so its first line holds a keyword that says who made it."""
    whole = {"$comment": "Made by `make generate`. Do not edit.", **SCHEMA}
    return json.dumps(whole, indent=2).replace("{\n  ", "{", 1) + "\n"


_SETTINGS = (
    "Environment variables of the operator, read once at start. What users decide is in resources; these "
    "are what the installation decides. The chart sets them from `values.yaml`. An unknown variable with "
    "this prefix is an error at start."
)
_METRICS = (
    "What `/metrics` serves, in the Prometheus text format. No label ever holds a login or an e-mail "
    "address, so the number of people never matters: every label is of a closed set, but for the namespace "
    "and name of a resource, and a resource's series go with the resource. An integration with its mapping "
    "and its limit has about a hundred. The chart ships alerts on them, each with a "
    "[runbook](runbooks/), and a dashboard."
)
_REASONS = (
    "The closed set of reasons that conditions and events carry. The message beside a reason names the "
    "field and the fix."
)
_SCIMCTL = (
    "Every command has `--help`. Exit codes: 0 what was asked holds; 1 it does not, or the command failed "
    "and one line on standard error says why; 2 the command line is wrong; 3 `plan --exit-code` found "
    "changes; 130 interrupted."
)
_PROFILES = (
    "How an organization of the bundled provider behaves: a profile by name, and single settings of it by "
    "`PATCH /organization` with `profile` and `overrides`, as in "
    '`{"overrides": {"overCapacity": {"status": 429, "retryAfter": "seconds"}}}`. `overCapacity` and '
    "`deprovisioning` are objects of settings. [provider](provider.md) tells the rest; presets that imitate "
    "other services are [the sandbox's](sandbox.md)."
)
_RESOURCES = (
    "Every field of `spec`, as `kubectl explain` shows it. Bold fields are required; "
    "what `status` says is described by `kubectl explain KIND.status`."
)


def _page(title: str, introduction: str, body: Iterable[str]) -> str:
    return f"{MADE}\n# {title}\n\n{introduction}\n\n" + "\n".join(body).rstrip() + "\n"


def _table(headings: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    names = list(headings)
    yield "| " + " | ".join(names) + " |"
    yield "|" + "---|" * len(names)
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) + " |"


def _settings() -> Iterator[str]:
    rows = (
        (f"`{PREFIX}{name.upper()}`", f"`{_literal(field.default)}`", field.description or "")
        for name, field in Settings.model_fields.items()
    )
    yield from _table(("Variable", "Default", "Meaning"), rows)


def _literal(value: Any) -> str:
    return json.dumps(value) if value != "" else '""'


def _metrics() -> Iterator[str]:
    metrics = Metrics()
    labels = {_family(one): one._labelnames for one in vars(metrics).values() if hasattr(one, "_labelnames")}
    rows = (
        (
            f"`{_shown_name(family)}`",
            family.type,
            _labels(labels.get(family.name, ())),
            most(family.name, family.type, labels.get(family.name, ())),
            family.documentation,
        )
        for family in metrics.registry.collect()
    )
    yield from _table(("Metric", "Type", "Labels", "Series at most", "Meaning"), rows)


def _family(one: Any) -> str:
    return str(one._name)


def _shown_name(family: Metric) -> str:
    return f"{family.name}_total" if family.type == "counter" else family.name


def _labels(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _profiles() -> Iterator[str]:
    """Every setting with its value in each profile."""
    standard, calendly = resolve("rfc7643"), resolve("calendly")
    parts: tuple[tuple[str, Any, Any], ...] = (
        ("Settings", standard, calendly),
        ("`overCapacity`", standard.over_capacity, calendly.over_capacity),
        ("`deprovisioning`", standard.deprovisioning, calendly.deprovisioning),
    )
    for title, one, other in parts:
        yield f"\n## {title}\n"
        yield from _table(("Setting", "rfc7643", "calendly", "Meaning"), _profile_rows(one, other))


def _profile_rows(one: Any, other: Any) -> Iterator[tuple[str, str, str, str]]:
    ours, theirs = (each.model_dump(mode="json", by_alias=True) for each in (one, other))
    for field in type(one).model_fields.values():
        if field.description:
            name = field.alias or ""
            yield (
                f"`{name}`",
                f"`{json.dumps(ours[name])}`",
                f"`{json.dumps(theirs[name])}`",
                field.description,
            )


def _reasons() -> Iterator[str]:
    yield from _table(("Reason", "Meaning"), ((f"`{reason.value}`", reason.meaning) for reason in Reason))


def _commands() -> Iterator[str]:
    from controller.cli.main import app

    yield from _group(typer.main.get_group(app), "scimctl")


def _group(group: Any, name: str) -> Iterator[str]:
    for command in group.commands.values():
        if command.hidden:
            continue
        if hasattr(command, "commands"):
            yield from _group(command, f"{name} {command.name}")
        else:
            yield from _command(command, f"{name} {command.name}")


def _command(command: Any, name: str) -> Iterator[str]:
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option" and p.name != "help"]
    usage = " ".join(
        [name, *("[OPTIONS]" for _ in options[:1]), *(str(p.metavar or p.name) for p in arguments)]
    )
    yield f"## {name}"
    yield ""
    yield f"`{usage}`"
    yield ""
    yield " ".join((command.help or "").split())
    yield ""
    rows = [(f"`{p.metavar or p.name}`", p.help or "") for p in arguments]
    rows += [(", ".join(f"`{each}`" for each in p.opts), _option_help(p)) for p in options]
    if rows:
        yield from _table(("Option", "Meaning"), rows)
        yield ""


def _option_help(option: Any) -> str:
    told = option.help or ""
    default = option.default
    if default not in (None, "", False) and not callable(default):
        told += f" Default: `{getattr(default, 'value', default)}`."
    return told + (f" Variable: `{option.envvar}`." if option.envvar else "")


def _resources() -> Iterator[str]:
    for kind in KINDS.values():
        schema = build_schema(kind)
        yield f"## {kind.kind}"
        yield ""
        yield f"Short name `{kind.short_name}`. " + _flat(schema["description"])
        yield ""
        yield from _table(("Field", "Type", "Meaning"), _fields(schema["properties"]["spec"], ""))
        yield ""


def _fields(schema: Mapping[str, Any], path: str) -> Iterator[tuple[str, str, str]]:
    required = set(schema.get("required", ()))
    for name, one in schema.get("properties", {}).items():
        inner, is_list = (one["items"], True) if one.get("type") == "array" else (one, False)
        shown = f"`{path}{name}{'[]' if is_list else ''}`"
        yield (f"**{shown}**" if name in required else shown), _type(one), _meaning(one)
        yield from _fields(inner, f"{path}{name}{'[]' if is_list else ''}.")


def _type(schema: Mapping[str, Any]) -> str:
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}"
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    return str(schema.get("type", "any"))


def _meaning(schema: Mapping[str, Any]) -> str:
    told = _flat(schema.get("description", ""))
    default = schema.get("default")
    if default is not None and not isinstance(default, dict | list):
        told += f" Default: `{json.dumps(default) if not isinstance(default, str) else default}`."
    return told


def _flat(text: str) -> str:
    return " ".join(text.split())
