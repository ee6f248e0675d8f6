"""`make generate` writes what is stale; `--check` only tells."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from controller.cli.generate import ROOT, build_files, dump_yaml, main

CRDS = {f"crds/{name}.yaml" for name in ("oktaorgs", "scimintegrations", "groupmappings", "seatlimits")}


def test_check_fails_until_the_files_are_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check", "--root", str(tmp_path)]) == 1
    assert "crds/oktaorgs.yaml is not what the code makes: run make generate" in capsys.readouterr().err
    assert main(["--root", str(tmp_path)]) == 0
    assert {line.removeprefix("wrote ") for line in capsys.readouterr().out.splitlines()} >= CRDS
    assert main(["--check", "--root", str(tmp_path)]) == 0


def test_only_what_is_stale_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--root", str(tmp_path)])
    capsys.readouterr()
    (tmp_path / "crds/oktaorgs.yaml").write_text("edited by hand")
    assert main(["--root", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "wrote crds/oktaorgs.yaml\n"


def test_the_chart_holds_the_same_definitions() -> None:
    files = build_files()
    assert all(files[f"charts/scim-operator/files/{path}"] == files[path] for path in CRDS)


def test_committed_files_are_current() -> None:
    assert main(["--check", "--root", str(ROOT)]) == 0


def test_a_folder_in_place_of_a_file_is_stale(tmp_path: Path) -> None:
    (tmp_path / "crds/oktaorgs.yaml").mkdir(parents=True)
    assert main(["--check", "--root", str(tmp_path)]) == 1


def test_files_say_that_they_are_made() -> None:
    assert all("make generate" in text.splitlines()[0] for text in build_files().values())


def test_yaml_has_no_anchors_and_keeps_its_order() -> None:
    shared = {"b": 1, "a": [1]}
    text = dump_yaml({"first": shared, "second": shared})
    assert text == "first:\n  b: 1\n  a:\n    - 1\nsecond:\n  b: 1\n  a:\n    - 1\n"
    assert yaml.safe_load(text) == {"first": shared, "second": shared}
