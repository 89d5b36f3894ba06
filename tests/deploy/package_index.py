"""A package index on loopback: tiny wheels of our own making, served as PyPI serves its own."""

from __future__ import annotations

import hashlib
import http.server
import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from edgechain.deploy.zipped import archive

EVERYWHERE = "py3-none-any"


class PackageIndex:
    """What is on the shelf, and what was asked for."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []
        self._names: dict[str, list[str]] = defaultdict(list)

    def add(
        self,
        name: str,
        version: str,
        *tags: str,
        requires: Sequence[str] = (),
        python: str = "",
    ) -> None:
        """A wheel for each tag; ``python`` is its Requires-Python."""
        for tag in tags or (EVERYWHERE,):
            file = f"{name.replace('-', '_')}-{version}-{tag}.whl"
            self.files[file] = tiny_wheel(name, version, tag, requires, python)
            self._names[canonicalize_name(name)].append(file)

    def page(self, name: str) -> str:
        """The simple API's page of one project (PEP 503)."""
        rows = (
            f'<a href="/files/{file}#sha256={hashlib.sha256(self.files[file]).hexdigest()}">'
            f"{file}</a>"
            for file in self._names[name]
        )
        return f"<!DOCTYPE html><html><body>{'<br>'.join(rows)}</body></html>"

    def answer(self, path: str) -> bytes | None:
        """A page, a file, or None where there is no such thing."""
        self.asked.append(path)
        kind, _, name = path.strip("/").partition("/")
        if kind == "files":
            return self.files.get(name)
        return self.page(name).encode() if name in self._names else None

    @contextmanager
    def served(self, patch: pytest.MonkeyPatch, cache: Path) -> Iterator[None]:
        """Be the only index that uv and pip know, with caches of their own."""
        index = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                self.do_GET()

            def do_GET(self) -> None:
                found = index.answer(self.path)
                self.send_response(404 if found is None else 200)
                is_page = self.path.startswith("/simple/")
                self.send_header("Content-Type", "text/html" if is_page else "application/zip")
                self.send_header("Content-Length", str(len(found or b"")))
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(found or b"")

            def log_message(self, *args: object) -> None:
                """Quiet."""

        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            url = f"http://127.0.0.1:{server.server_address[1]}/simple"
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            try:
                use_only(patch, url, cache)
                yield
            finally:
                server.shutdown()
                thread.join()


def use_only(patch: pytest.MonkeyPatch, url: str, cache: Path) -> None:
    """Let uv and pip know this index and no other, nor anything that they kept."""
    for name in ("UV_EXTRA_INDEX_URL", "UV_INDEX_URL", "UV_FIND_LINKS", "PIP_EXTRA_INDEX_URL"):
        patch.delenv(name, raising=False)
    patch.setenv("UV_DEFAULT_INDEX", url)
    patch.setenv("UV_CACHE_DIR", str(cache / "uv"))
    patch.setenv("UV_HTTP_RETRIES", "0")
    patch.setenv("PIP_INDEX_URL", url)
    patch.setenv("PIP_CONFIG_FILE", "/dev/null")
    patch.setenv("PIP_FIND_LINKS", "")
    patch.setenv("PIP_RETRIES", "0")
    patch.setenv("PIP_CACHE_DIR", str(cache / "pip"))


def tiny_wheel(name: str, version: str, tag: str, requires: Sequence[str], python: str) -> bytes:
    """A wheel with one module."""
    module = name.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    lines += [f"Requires-Python: {python}"] if python else []
    lines += [f"Requires-Dist: {one}" for one in requires]
    files = {
        f"{module}/__init__.py": f"__version__ = {version!r}\n".encode(),
        f"{info}/METADATA": "\n".join([*lines, ""]).encode(),
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n".encode(),
    }
    files[f"{info}/RECORD"] = "".join(f"{file},,\n" for file in [*files, f"{info}/RECORD"]).encode()
    return archive(files)
