"""Start and stop the server from a test. It is a process of its own, never a fork, and ends with its starter."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

ROOT = Path(__file__).parents[2]


class Server:
    """A running loopback server; `with Server.start(version="1.18.0") as server: …`."""

    def __init__(self, process: subprocess.Popen[str], rest_port: int, grpc_port: int, ca: str | None) -> None:
        self.process, self.rest_port, self.grpc_port, self.ca = process, rest_port, grpc_port, ca
        scheme = "https" if ca else "http"
        self.url = f"{scheme}://127.0.0.1:{rest_port}"
        self._http = httpx.Client(base_url=self.url, verify=False, trust_env=False, timeout=30)

    @classmethod
    def start(cls, **options: Any) -> Server:
        """Start one; options are those of the command line: `version="1.18.0"`, `tls=(cert, key)`, `no_refill=True`."""
        command = [sys.executable, "-m", "tests.loopback"]
        for name, value in options.items():
            if value is None or value is False:
                continue
            command.append("--" + name.replace("_", "-"))
            command += [] if value is True else list(map(str, value)) if isinstance(value, tuple) else [str(value)]
        with tempfile.TemporaryFile("w+") as errors:
            process = subprocess.Popen(
                command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
            )
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                process.communicate()
                errors.seek(0)
                raise RuntimeError(f"the loopback server did not start:\n{errors.read()}")
        ports = json.loads(line)
        return cls(process, ports["rest"], ports["grpc"], str(options["tls"][0]) if options.get("tls") else None)

    def faults(self, rules: list[dict[str, Any]]) -> None:
        """Add fault rules (`faults`)."""
        self._http.post("/__faults", json=rules).raise_for_status()

    def fired(self) -> list[int]:
        """How often each rule has fired."""
        return self._http.get("/__faults").json()

    def requests(self) -> dict[str, Any]:
        """The request log: `counts` and `points` by "wire/operation", `requests` one by one, `overlaps` of writes."""
        return self._http.get("/__requests").json()

    def clear(self) -> None:
        """Forget all rules and the log."""
        self._http.delete("/__faults").raise_for_status()

    def stop(self) -> None:
        """Close its standard input and wait for its end."""
        self._http.close()
        if self.process.stdin is not None:
            self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def __enter__(self) -> Server:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
