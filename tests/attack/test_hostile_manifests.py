"""Manifests of a stranger's pull request: `scimctl validate` refuses each in words, soon, in little memory.

The cases run in one process of their own with a limit on its memory and an alarm for each; the seeded changes
of the examples run here.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from controller.cli.main import main
from tests.attack.twisted import twist

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SEEDS = int(os.environ.get("ATTACK_SEEDS", "200"))
MEMORY = 2 * 1024**3
HEAD = b"apiVersion: scim-operator.dev/v1alpha1\nkind: ScimIntegration\n"
LIMIT = b"apiVersion: scim-operator.dev/v1alpha1\nkind: SeatLimit\nmetadata: {name: a}\n"
SPEC = HEAD + b"metadata: {name: a}\nspec: "


def doubled(line: bytes) -> bytes:
    """`line` for each of eight letters, each made of the letter before it."""
    pairs = pairwise(bytes([letter]) for letter in b"abcdefghi")
    return b"".join(line.replace(b"NEW", new).replace(b"OLD", old) for old, new in pairs)


REST = b", okta: {orgRef: {name: a}, app: {label: x}}, provisioning: {by: Operator}}"


CASES: dict[str, bytes] = {
    "meta list": HEAD + b"metadata: [1]\nspec: {}\n",
    "meta text": HEAD + b"metadata: x\nspec: {}",
    "meta null": HEAD + b"metadata:\nspec: {}",
    "name obj": HEAD + b"metadata: {name: {a: 1}}\nspec: {}",
    "name list": HEAD + b"metadata: {name: [1], namespace: [2]}\nspec: {}",
    "ann list": b"apiVersion: v1\nkind: Secret\nmetadata: {name: a, annotations: [1]}",
    "secret meta": b"apiVersion: v1\nkind: Secret\nmetadata: x",
    "kind list": b"apiVersion: scim-operator.dev/v1alpha1\nkind: [a]\nmetadata: {name: a}",
    "kind obj": b"apiVersion: {a: b}\nkind: {a: b}",
    "spec list": SPEC + b"[1]",
    "spec text": SPEC + b"x",
    "spec num": SPEC + b"1",
    "surrogate": SPEC + b'{okta: {app: {label: "\\ud800"}}}',
    "surrogate key": SPEC + b'{"\\ud800": 1}',
    "surrogate name": HEAD + b'metadata: {name: "\\ud800"}\nspec: {}',
    "deep flow": SPEC + b"[" * 5000 + b"]" * 5000,
    "deep map": SPEC + b"{a: " * 5000 + b"1" + b"}" * 5000,
    "deep 100k": b"[" * 100_000,
    "deep json": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "deep block": b"\n".join(b" " * depth + b"a:" for depth in range(3000)),
    "deep seq": SPEC + b"\n" + b"- " * 5000,
    "anchor self": b"&a [*a]",
    "anchor map": HEAD + b"metadata: &m {name: a, x: *m}\nspec: {}",
    "spec self": SPEC + b"&s {okta: *s}",
    "bomb": b"a: &a [x,x,x,x,x,x,x,x,x]\n"
    + doubled(b"NEW: &NEW [*OLD,*OLD,*OLD,*OLD,*OLD,*OLD,*OLD,*OLD,*OLD]\n"),
    "bomb spec": HEAD
    + b"metadata: {name: a}\nspec:\n  a: &a {x: 1, y: 2}\n"
    + doubled(b"  NEW: &NEW {q: *OLD, r: *OLD, s: *OLD, t: *OLD, u: *OLD}\n"),
    "bomb list": b"kind: List\nitems:\n- &a {kind: Secret, apiVersion: v1, metadata: {name: x}}\n"
    + b"- *a\n" * 2000,
    "merge": HEAD + b"metadata: {name: a}\nspec:\n  <<: [1]",
    "merge self": b"&a {<<: *a}",
    "merge text": b"<<: x",
    "merge bomb": b"a: &a {x: 1}\nb: &b {<<: [*a,*a]}\n",
    "tag python": b"!!python/object/apply:os.system ['id']",
    "tag binary": SPEC + b"!!binary aGk=",
    "tag set": SPEC + b"!!set {a, b}",
    "tag omap": SPEC + b"!!omap [a: 1]",
    "tag int": SPEC + b'!!int "x"',
    "tag float": SPEC + b'!!float "x"',
    "tag bool": SPEC + b'!!bool "x"',
    "tag ts": SPEC + b'!!timestamp "x"',
    "tag map": SPEC + b"!!map x",
    "tag seq": SPEC + b"!!seq x",
    "tag str": SPEC + b"!!str {a: 1}",
    "nul": b"a: \x00",
    "nul esc": SPEC + b'{okta: {app: {label: "\\0"}}}',
    "binary": bytes(range(256)),
    "utf16": "a: 1".encode("utf-16"),
    "bad utf8": b"a: \xff",
    "huge int": SPEC + b"{okta: {a: " + b"9" * 5000 + b"}}",
    "huge int seats": LIMIT + b"spec: {seats: " + b"9" * 5000 + b"}",
    "big int": LIMIT + b"spec: {integrationRefs: [{name: a}], seats: " + b"9" * 400 + b"}",
    "hex int": SPEC + b"{a: 0x" + b"f" * 6000 + b"}",
    "sexagesimal": SPEC + b"{a: 1:" + b"59:" * 2000 + b"1}",
    "inf": LIMIT + b"spec: {seats: .inf}",
    "nan": LIMIT + b"spec: {seats: .nan, reserve: -.inf}",
    "dup": b"a: 1\na: 2",
    "dup nested": SPEC + b"{a: 1, a: 2}",
    "int key": SPEC + b"{1: 2}",
    "null key": SPEC + b"{~: 2}",
    "list key": SPEC + b"{[1]: 2}",
    "map key": b"{{a: 1}: 2}",
    "? key": b"? [a]\n: b",
    "bool key": SPEC + b"{true: x}",
    "float key": b"{1.5: x}",
    "nan key": b"{.nan: 1}",
    "items bad": b"kind: List\nitems: [1, null, x, []]",
    "items nested": b"kind: List\nitems: [{kind: List, items: [{kind: List, items: []}]}]",
    "items self": b"&l {kind: List, items: [*l]}",
    "only comment": b"# x",
    "empty": b"",
    "docs": b"---\n" * 10_000,
    "scalar doc": b"x",
    "list doc": b"[1]",
    "directive": b"%YAML 9.9\n---\na: 1",
    "tagdir": b"%TAG ! x\n---\n!a b",
    "unknown alias": b"*a",
    "bad escape": b'"\\q"',
    "tab": b"a:\n\t- b",
    "long line": SPEC + b'"' + b"a" * 2_000_000 + b'"',
    "long key": SPEC + b"{" + b"k" * 100_000 + b": 1}",
    "window": SPEC
    + b'{windows: [{schedule: "0 0 31 2 *", duration: "9999999999999h", timeZone: "../../x"}]}',
    "window2": SPEC + b"{windows: [{schedule: 5, duration: [], timeZone: {}}]}",
    "tz nul": SPEC + b'{windows: [{schedule: "* * * * *", duration: 1h, timeZone: "a\\0b"}]}',
    "tz long": SPEC + b'{windows: [{schedule: "* * * * *", duration: 1h, timeZone: "' + b"a/" * 30 + b'"}]}',
    "url port": SPEC + b'{provider: {baseUrl: "https://a:99999", auth: {secretRef: {name: x}}}' + REST,
    "url v6": SPEC + b'{provider: {baseUrl: "https://[::1", auth: {secretRef: {name: x}}}' + REST,
    "mapping weird": b"apiVersion: scim-operator.dev/v1alpha1\nkind: GroupMapping\nmetadata: {name: a}\n"
    b"spec: {integrationRef: [x], mappings: [1, {values: {a: b}}, {values: [[1]]}]}",
    "limit weird": LIMIT + b"spec: {integrationRefs: [1, {name: [x]}], seats: true}",
    "dates": SPEC + b"{a: 2026-02-31, b: 2026-02-31T00:00:00Z}",
    "yaml bool": SPEC + b"{suspend: yes}",
    "nonchar": SPEC + b"{a: '\xef\xbf\xbe'}",
    "bidi": HEAD + b"metadata: {name: '\xe2\x80\xaeabc\x1b[31m'}\nspec: {}",
    "ansi": HEAD + b'metadata: {name: "\\e[31mred\\e]0;x\\a"}\nspec: {}',
    "expr": SPEC + b'{attributes: {items: [{target: x, source: "' + b"(" * 900 + b'", scim: x}]}}',
    "many problems": SPEC + b"{" + b",".join(b"k%d: 1" % number for number in range(3000)) + b"}",
    "too large": b"#" * 9_000_000,
    "many values": SPEC + b"{a: [" + b"x," * 200_000 + b"x]}",
}

RUN = """
import contextlib, io, resource, signal, sys
from pathlib import Path
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[2]), int(sys.argv[2])))
from controller.cli.main import main
for file in sorted(Path(sys.argv[1]).iterdir()):
    for form in ("text", "json", "markdown"):
        sys.argv = ["scimctl", "validate", "-o", form, "-f", str(file)]
        signal.alarm(30)
        out = io.StringIO()
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
                main()
            code = 0
        except SystemExit as end:
            code = end.code
        except BaseException as error:
            code = f"{type(error).__name__}: {error}"[:200]
        signal.alarm(0)
        told = out.getvalue()
        try:
            told.encode()
        except UnicodeError as error:
            code = str(error)
        if code not in (0, 1, 2) or "Traceback" in told or len(told) > 200_000 or not told.strip():
            print(file.stem, form, code, len(told), told[-300:].encode("ascii", "replace"))
print("all done")
"""


def test_every_hostile_manifest_is_refused_in_words(tmp_path: Path) -> None:
    for name, content in CASES.items():
        (tmp_path / f"{name.replace('?', 'question')}.yaml").write_bytes(content)
    (tmp_path / "a folder.yaml").mkdir()
    command = [sys.executable, "-c", RUN, str(tmp_path), str(MEMORY)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert (run.stdout, run.returncode) == ("all done\n", 0), run.stderr[-2000:]


def judged(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, file: Path
) -> tuple[Any, str]:
    monkeypatch.setattr(sys, "argv", ["scimctl", "validate", "-f", str(file)])
    with pytest.raises(SystemExit) as end:
        main()
        sys.exit(0)
    told = capsys.readouterr()
    return end.value.code, told.out + told.err


def documents() -> list[Any]:
    texts = [file.read_text(encoding="utf-8") for file in sorted(EXAMPLES.rglob("*.yaml"))]
    return [document for text in texts for document in yaml.safe_load_all(text) if document]


def test_an_example_with_one_wrong_value_is_no_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    known, file = documents(), tmp_path / "f.yaml"
    for seed in range(SEEDS):
        dice = random.Random(seed)
        twisted = [twist(dice.choice(known), dice) for _ in range(3)]
        file.write_text("\n---\n".join(json.dumps(document) for document in twisted), encoding="utf-8")
        code, told = judged(capsys, monkeypatch, file)
        assert code in (0, 1, 2) and "Traceback" not in told, seed


def test_an_example_with_damaged_text_is_no_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [file.read_bytes() for file in sorted(EXAMPLES.rglob("*.yaml"))]
    bits = (
        b"\x00",
        b"\xff",
        b"&a ",
        b"*a",
        b"!!binary ",
        b"{",
        b"[",
        b"- ",
        b": ",
        b"\t",
        b"<<: ",
        b"|",
        b'"',
        b"\x1b[31m",
    )
    file = tmp_path / "f.yaml"
    for seed in range(SEEDS):
        dice = random.Random(seed)
        text = bytearray(dice.choice(texts))
        for _ in range(dice.randint(1, 4)):
            at = dice.randrange(len(text))
            text[at : at + dice.randint(0, 5)] = dice.choice(bits)
        file.write_bytes(text)
        code, told = judged(capsys, monkeypatch, file)
        assert code in (0, 1, 2) and "Traceback" not in told, seed


def test_what_is_no_file_is_refused_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "loop.yaml").symlink_to(tmp_path / "loop.yaml")
    (tmp_path / "zero.yaml").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "folder.yaml").mkdir()
    for place in (
        tmp_path,
        tmp_path / "loop.yaml",
        tmp_path / "zero.yaml",
        tmp_path / "a\0b",
        tmp_path / "none",
    ):
        code, told = judged(capsys, monkeypatch, place)
        assert code in (1, 2) and "Traceback" not in told and told.strip()
