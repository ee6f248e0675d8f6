"""What nothing uses: `python -m tests.dead_code`, a part of `make lint`.

Two readings by vulture. Of the product alone, so that code which only tests call is found as well; and of the
product with its tests, for what is left over in the tests themselves. What a framework calls by name is in
ALLOWED with who calls it; a name that is no longer reported has to leave the list.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from vulture import Vulture  # type: ignore[import-untyped]

ROOT = Path(__file__).resolve().parents[1]
PRODUCT = ("controller", "sandbox/scim_sandbox", "bench")
CALLED_BY_DECORATOR = [
    "@*.command",
    "@*.callback",
    "@*_validator",
    "@*fixture",
    "@happens",
    "@pytest.hookimpl",
    "@rule",
    "@invariant",
    "@*.checks",
]
CALLED_BY_PATTERN = ["test_*", "pytest_*", "pytestmark", "model_config", "visit_*", "*[a-z][A-Z]*"]
"""By pytest, pydantic and scim2-server's visitors; names in camel case are fields of other systems' JSON."""
DECLARED = (
    "controller/api/",
    "controller/provider/admin/",
    "controller/okta/shapes.py",
    "controller/reconcile/reasons.py",
    "controller/scim/shapes.py",
)
"""Fields that YAML and HTTP carry, and reasons that come as text: tests/docs/test_reasons.py holds those."""
WRITTEN = ("controller/reconcile/", "controller/operator/informer.py")
"""Attributes that are set for somebody else: status models for the API server, settings of kopf."""
ALLOWED = {
    "_log_destroy_pending": "asyncio reads it of a task",
    "_parse_json": "scim2-tester's client calls it",
    "_process_events": "asyncio's loop calls it",
    "_run_once": "asyncio's loop calls it",
    "_urandom": "random reads it",
    "_write_to_self": "asyncio's loop calls it",
    "app_by_label": "tests look into the simulator by it",
    "capture_signals": "uvicorn calls it",
    "connect_unix_socket": "httpcore calls it",
    "connection_pool_maxsize": "the official Kubernetes client reads it",
    "construct_mapping": "PyYAML calls it",
    "data_received": "asyncio calls it",
    "disconnected": "uvicorn reads it",
    "event_list": "a parameter of asyncio's loop",
    "filters": "Jinja reads it",
    "get_code": "Python's import system calls it",
    "group_by_name": "tests look into the simulator by it",
    "ignore_aliases": "PyYAML calls it",
    "indentless": "a parameter of PyYAML",
    "keep_alive": "uvicorn reads it",
    "last_handled_reconcile_at": "a status model writes it",
    "leader_election": "an old setting that is still accepted",
    "log_errors": "re2 reads it",
    "max_header_length": "joserfc reads it",
    "max_mem": "re2 reads it",
    "maybe": "a field of a shape that a test hands over",
    "on_url": "httptools calls it",
    "path_parameters": "schemathesis reads it",
    "perhaps": "a field of a model whose schema a test reads",
    "prepare_threshold": "psycopg reads it",
    "redirect_slashes": "Starlette reads it",
    "response_parameters": "a parameter of scim2-server's storage",
    "scim_ctx": "a parameter of scim2-models",
    "should_exit": "uvicorn reads it",
    "supports_cursors": "scim2-server's storage tests read it",
    "teardown": "Hypothesis calls it",
    "unraisablehook": "Python calls it",
}


def unused(paths: Iterable[str]) -> Iterator[Any]:
    """What vulture finds in `paths`, without what is called by pattern and by decorator."""
    reader = Vulture(ignore_names=CALLED_BY_PATTERN, ignore_decorators=CALLED_BY_DECORATOR)
    reader.scavenge([str(ROOT / path) for path in paths])
    for item in reader.get_unused_code(min_confidence=60):
        where = place_of(item)
        is_field = item.typ == "variable" and where.startswith(DECLARED)
        is_set = item.typ == "attribute" and where.startswith(WRITTEN)
        if not (is_field or is_set):
            yield item


def find() -> tuple[list[str], set[str]]:
    """Lines about what nothing uses, and the allowed names that were not needed."""
    found = list(unused(PRODUCT))
    found += [item for item in unused((*PRODUCT, "tests")) if place_of(item).startswith("tests/")]
    lines = [
        f"{place_of(item)}:{item.first_lineno}: nothing uses the {item.typ} {item.name}"
        for item in found
        if item.name not in ALLOWED
    ]
    return lines, ALLOWED.keys() - {item.name for item in found}


def place_of(item: Any) -> str:
    """The file, from the folder of the project on."""
    return Path(item.filename).relative_to(ROOT).as_posix()


def main() -> int:
    """0 if everything is used."""
    lines, needless = find()
    lines += [f"tests/dead_code.py: take {name} out of ALLOWED, it is used" for name in sorted(needless)]
    print("\n".join(lines), file=sys.stderr, end="\n" if lines else "")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
