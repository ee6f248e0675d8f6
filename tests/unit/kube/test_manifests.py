"""Files of resources: what is read, with which lines, and what is refused with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from controller.errors import SpecError
from controller.kube.manifests import parse_manifests, read_manifests, resource_path

TWO = """\
# a comment
apiVersion: scim-operator.dev/v1alpha1
kind: GroupMapping
metadata: {name: one}
spec:
  mappings:
    - values: [A, B]
      providerGroup: X
---
apiVersion: v1
kind: Secret
metadata:
  name: two
  namespace: other
---
"""


def test_every_document_is_read_with_the_line_of_each_field() -> None:
    first, second = parse_manifests(TWO, "f.yaml")
    assert (first.kind, first.name, first.namespace, first.where()) == ("GroupMapping", "one", "", "f.yaml:2")
    assert first.where("spec.mappings[0].providerGroup") == "f.yaml:8"
    assert first.where("spec.mappings[0].values[1]") == "f.yaml:7"
    assert (second.name, second.namespace, second.where("metadata.namespace")) == (
        "two",
        "other",
        "f.yaml:14",
    )


def test_the_line_of_a_missing_field_is_that_of_what_should_hold_it() -> None:
    first, _ = parse_manifests(TWO, "f.yaml")
    assert first.line_of("spec.mappings[0].nope.deeper") == 7
    assert first.line_of("status.conditions[3]") == 2


def test_a_list_is_taken_apart_with_its_lines() -> None:
    items = "- kind: Secret\n  metadata:\n    name: a\n- kind: Secret\n  metadata: {name: b}\n"
    text = f"kind: List\nitems:\n{items}"
    assert [(m.name, m.line_of("metadata.name")) for m in parse_manifests(text, "f")] == [("a", 5), ("b", 7)]


@pytest.mark.parametrize(
    ("text", "field", "words"),
    [
        ("kind: [", "f:2", "not YAML"),
        ("a: 1\nb: 2\na: 3\n", "f:3", "a is there twice, first on line 1"),
        ("spec:\n  - {x: 1, x: 2}\n", "f:2", "x is there twice"),
        ("- just\n- a list\n", "f:1", "not an object"),
        ("a: !!python/object:os.system x\n", "f:1", "not YAML"),
    ],
)
def test_what_is_no_resource_is_refused_with_file_and_line(text: str, field: str, words: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse_manifests(text, "f")
    assert caught.value.field == field
    assert words in caught.value.message


def test_dates_stay_text_as_in_json() -> None:
    assert parse_manifests("when: 2026-01-01\nat: 2026-01-01T00:00:00Z\n", "f")[0].body == {
        "when": "2026-01-01",
        "at": "2026-01-01T00:00:00Z",
    }


def test_an_anchor_that_holds_itself_is_refused() -> None:
    with pytest.raises(SpecError, match="f:2: not YAML: an anchor holds itself"):
        parse_manifests("a: &x\n  b: *x\n", "f")


def test_a_folder_is_read_in_order_of_name_and_other_files_are_left(tmp_path: Path) -> None:
    (tmp_path / "b.yml").write_text("kind: B")
    (tmp_path / "a.json").write_text('{"kind": "A"}')
    (tmp_path / "notes.txt").write_text("kind: [")
    assert [manifest.kind for manifest in read_manifests([tmp_path])] == ["A", "B"]


def test_an_empty_folder_and_a_missing_file_are_mistakes(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"there is no \*\.yaml"):
        read_manifests([tmp_path])
    with pytest.raises(SpecError, match="cannot be read: No such file"):
        read_manifests([tmp_path / "nope.yaml"])
    (tmp_path / "x.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SpecError, match="not UTF-8"):
        read_manifests([tmp_path])


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (
            {"apiVersion": "scim-operator.dev/v1alpha1", "kind": "SeatLimit", "metadata": {"name": "x"}},
            "/apis/scim-operator.dev/v1alpha1/namespaces/ns/seatlimits/x",
        ),
        (
            {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x", "namespace": "own"}},
            "/api/v1/namespaces/own/secrets/x",
        ),
        ({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x"}}, "/api/v1/namespaces/x"),
    ],
)
def test_paths_of_resources(body: dict[str, object], path: str) -> None:
    assert resource_path(body, "ns") == path


def test_a_kind_that_is_not_ours_is_refused() -> None:
    with pytest.raises(SpecError, match="apps/v1 Deployment is not known here"):
        resource_path({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x"}}, "ns")
