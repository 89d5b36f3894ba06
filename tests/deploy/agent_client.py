"""Talks to a real agent process as whoever flashes does."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.deploy.bundles import Bundle, sha256
from tests.watch.needs import ROOT

Answer = dict[str, Any]
AGENT = ("-m", "edgechain.deploy.device")


class AgentClient:
    """One connection."""

    def __init__(self, process: subprocess.Popen[bytes]):
        assert process.stdin is not None
        assert process.stdout is not None
        self.process = process
        self._in, self._out = process.stdin, process.stdout
        self.progress: list[str] = []

    def ask(self, op: str, body: bytes = b"", **fields: object) -> Answer:
        """Send a request; its answer. Raises ``EOFError`` when the agent has ended."""
        self.send({"op": op, **fields}, body)
        return self.hear()

    def must(self, op: str, body: bytes = b"", **fields: object) -> Answer:
        """The same, for what has to work."""
        answer = self.ask(op, body, **fields)
        assert answer["ok"], answer
        return answer

    def send(self, frame: Mapping[str, object], body: bytes = b"") -> None:
        data = json.dumps(frame).encode()
        self.write(len(data).to_bytes(4, "big") + data + body)

    def write(self, data: bytes) -> None:
        self._in.write(data)
        self._in.flush()

    def hear(self) -> Answer:
        while True:
            size = int.from_bytes(self._exactly(4), "big")
            frame: Answer = json.loads(self._exactly(size))
            if "progress" not in frame:
                return frame
            self.progress.append(frame["progress"])

    def _exactly(self, size: int) -> bytes:
        data = self._out.read(size)
        if len(data) < size:
            raise EOFError
        return data

    def put(self, data: bytes) -> Answer:
        return self.ask("put", data, sha256=sha256(data), size=len(data))

    def install(self, bundle: Bundle, signature: bytes = b"signature") -> Answer:
        """Send what is missing and install; the first answer that says no, or the last."""
        return self.install_listing(bundle.listing.decode(), bundle.files.values(), signature)

    def install_listing(
        self, listing: str, contents: Iterator[bytes] | Sequence[bytes] | Any, signature: bytes
    ) -> Answer:
        by_name = {sha256(data): data for data in contents}
        wanted = [{"sha256": name, "size": len(data)} for name, data in by_name.items()]
        answer = self.ask("missing", blobs=wanted)
        for name in answer.get("missing", ()):
            if not answer["ok"]:
                return answer
            answer = self.put(by_name[name])
        if not answer["ok"]:
            return answer
        encoded = base64.b64encode(signature).decode()
        return self.ask("install", listing=listing, signature=encoded)

    def flash(self, bundle: Bundle) -> Answer:
        """Install, switch, call it good; the first answer that says no, or the last."""
        answer = self.install(bundle)
        if answer["ok"]:
            answer = self.ask("switch", name=bundle.name)
        if answer["ok"]:
            answer = self.ask("good", name=bundle.name)
        return answer

    def close(self) -> int:
        self._in.close()
        return self.process.wait(30)


@contextmanager
def agent(
    root: Path, command: Sequence[str] = AGENT, env: Mapping[str, str] | None = None
) -> Iterator[AgentClient]:
    """An agent over ``root``; ended at the end."""
    with subprocess.Popen(
        [sys.executable, *command, "--root", str(root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **(env or {})},
    ) as process:
        client = AgentClient(process)
        try:
            yield client
            client.close()
        finally:
            process.kill()
