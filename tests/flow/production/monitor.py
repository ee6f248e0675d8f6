"""A real Prometheus on loopback, with the chart's rules in which a minute is a second.

Used by the tests beside it. Rules keep their expressions; only how long things must last is shortened, since
a test has no hour to wait.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

import yaml

from scim_sandbox.run import free_port
from tests.conftest import missing

CHART = Path(__file__).parents[3] / "charts" / "scim-operator"
SECONDS = 60.0
STEP_SECONDS = 0.2
# A day for a step, three intervals for a success, twenty people of a world that has sixty.
SHORTER = {
    "> 86400": "> 1",
    "> 20": "> 2",
    "3 * scim_operator_interval_seconds": "0.05 * scim_operator_interval_seconds",
}


def shortened(rules: dict[str, Any]) -> dict[str, Any]:
    """The rules with `for: 1s` and ranges of so many seconds where they say minutes."""
    for group in rules["groups"]:
        for rule in group["rules"]:
            for long, short in SHORTER.items():
                rule["expr"] = rule["expr"].replace(long, short)
            rule["expr"] = re.sub(r"(\[|offset )(\d+)m", r"\1\2s", rule["expr"])
            if "for" in rule:
                rule["for"] = "1s"
    return rules


class Prometheus:
    """Its HTTP API."""

    def __init__(self, url: str, process: asyncio.subprocess.Process, log: Path) -> None:
        self.url, self._process, self._log = url, process, log

    async def get(self, path: str, **query: str) -> Any:
        """`data` of an answer; AssertionError with what Prometheus has logged where it has ended."""
        assert self._process.returncode is None, self._log.read_text()
        url = f"{self.url}{path}?{urlencode(query)}"
        body = await asyncio.to_thread(lambda: urlopen(url, timeout=10).read())
        return json.loads(body)["data"]

    async def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """Labels and value of each series now."""
        data = await self.get("/api/v1/query", query=expression)
        return [(one["metric"], float(one["value"][1])) for one in data["result"]]

    async def firing(self) -> dict[str, list[dict[str, Any]]]:
        """Alerts that fire now, by name."""
        found: dict[str, list[dict[str, Any]]] = {}
        for alert in (await self.get("/api/v1/alerts"))["alerts"]:
            if alert["state"] == "firing":
                found.setdefault(alert["labels"]["alertname"], []).append(alert)
        return found

    async def until_firing(self, name: str, **labels: str) -> dict[str, Any]:
        """The alert of that name and these labels, once it fires."""
        try:
            async with asyncio.timeout(SECONDS):
                while True:
                    for alert in (await self.firing()).get(name, []):
                        if labels.items() <= alert["labels"].items():
                            return alert
                    await asyncio.sleep(STEP_SECONDS)
        except TimeoutError:
            raise AssertionError(f"{name} does not fire; firing are {sorted(await self.firing())}") from None

    async def until_quiet(self, *names: str) -> None:
        """Returns when none of these fires any more."""
        async with asyncio.timeout(SECONDS):
            while True:
                if not set(names) & set(await self.firing()):
                    return
                await asyncio.sleep(STEP_SECONDS)

    async def until_up(self) -> None:
        """Returns when the target has been scraped."""
        async with asyncio.timeout(SECONDS):
            while True:
                try:
                    if [value for _, value in await self.query("up")] == [1.0]:
                        return
                except (URLError, ConnectionError):
                    pass
                await asyncio.sleep(STEP_SECONDS)


@asynccontextmanager
async def watching(folder: Path, metrics_url: str) -> AsyncIterator[Prometheus]:
    """A Prometheus that scrapes `metrics_url` twice a second, with everything it keeps in `folder`."""
    program = shutil.which("prometheus")
    if program is None:
        missing("prometheus (Debian package prometheus)")
    rules = shortened(yaml.safe_load((CHART / "files" / "alerts.yaml").read_text()))
    (folder / "rules.yaml").write_text(yaml.safe_dump(rules))
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(configuration(metrics_url, folder / "rules.yaml")))
    port, log = free_port(), folder / "prometheus.log"
    command = [str(program), f"--config.file={folder / 'prometheus.yaml'}", "--log.level=warn"]
    command += [f"--storage.tsdb.path={folder / 'data'}", f"--web.listen-address=127.0.0.1:{port}"]
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(*command, cwd=folder, stdout=output, stderr=output)
    try:
        prometheus = Prometheus(f"http://127.0.0.1:{port}", process, log)
        await prometheus.until_up()
        yield prometheus
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def configuration(metrics_url: str, rules: Path) -> dict[str, Any]:
    """honor_labels as the chart's monitors have it: `namespace` is the resource's."""
    host, _, path = metrics_url.removeprefix("http://").partition("/")
    job = {
        "job_name": "scim-operator",
        "honor_labels": True,
        "metrics_path": f"/{path}",
        "static_configs": [{"targets": [host]}],
    }
    times = {"scrape_interval": "500ms", "scrape_timeout": "500ms", "evaluation_interval": "500ms"}
    return {"global": times, "rule_files": [str(rules)], "scrape_configs": [job]}


def panels() -> dict[str, list[str]]:
    """Title of each panel of the dashboard -> its queries, for all namespaces."""
    board = json.loads((CHART / "files" / "dashboard.json").read_text())
    return {
        panel["title"]: [target["expr"].replace("$namespace", ".*") for target in panel["targets"]]
        for panel in board["panels"]
        if panel.get("targets")
    }
