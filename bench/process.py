"""An operator in a process of its own, as `scimctl operator` runs it: when it is ready, what it uses.

Used by latency, resident and failover. Memory and CPU are read from /proc, so these figures need Linux.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from scim_sandbox.run import free_port

TICKS = os.sysconf("SC_CLK_TCK")
STEP_SECONDS = 0.02


@dataclass
class Replica:
    """A started operator."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def resident_mib(self) -> float:
        """Resident memory."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) / 1024

    def peak_mib(self) -> float:
        """The most memory that was resident."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.findall(r"VmHWM:\s+(\d+)", status)[0]) / 1024

    def cpu_seconds(self) -> float:
        """Processor time, user and system, since it started."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def kill(self) -> None:
        """Ends it as a lost node does: without a word."""
        self.process.send_signal(signal.SIGKILL)

    async def until(self, path: str, words: str, seconds: float) -> float:
        """Seconds until the page at `path` has `words` in it."""
        begun = time.monotonic()
        async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
            while time.monotonic() - begun < seconds:
                if words in await self._page(client, path):
                    return time.monotonic() - begun
                await asyncio.sleep(STEP_SECONDS)
        raise TimeoutError(f"{path} did not say {words!r}: {self.log.read_text()[-2000:]}")

    async def _page(self, client: httpx.AsyncClient, path: str) -> str:
        try:
            return (await client.get(f"http://127.0.0.1:{self.port}{path}")).text
        except httpx.HTTPError:
            return ""


@contextmanager
def replica(kubeconfig: str, folder: Path, name: str = "operator", **settings: str) -> Iterator[Replica]:
    """An operator against `kubeconfig`; `settings` are SCIM_OPERATOR_* without the prefix."""
    port, log = free_port(), folder / f"{name}.log"
    chosen = {"allow_http_loopback": "true", "metrics_port": str(port), **settings}
    environment = {**os.environ, **{f"SCIM_OPERATOR_{key.upper()}": value for key, value in chosen.items()}}
    command = [sys.executable, "-m", "controller.cli.main", "operator", "--kubeconfig", kubeconfig]
    with log.open("wb") as sink:
        process = subprocess.Popen(command, env=environment, stdout=sink, stderr=sink)
    try:
        yield Replica(process, port, log)
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
