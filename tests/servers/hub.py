"""A server that speaks the part of the Hub's API that downloads need, over directories of this machine."""

from __future__ import annotations

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
"""The one commit that every repository has, called ``main``."""


class Hub(ThreadingHTTPServer):
    """Serves ``models/OWNER/NAME`` and ``datasets/OWNER/NAME`` under a directory; names in ``gated`` are refused."""

    daemon_threads = True

    def __init__(self, root: Path, gated: tuple[str, ...] = ()) -> None:
        self.root, self.gated = root, gated
        self.asked: list[str] = []
        self.revisions = {"main", COMMIT}
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Hub
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.answer(b"")

    def do_HEAD(self) -> None:
        self.answer(b"")

    def do_POST(self) -> None:
        self.answer(self.rfile.read(int(self.headers["Content-Length"])))

    def answer(self, body: bytes) -> None:
        parts = [unquote(p) for p in urlsplit(self.path).path.strip("/").split("/")]
        self.server.asked.append(f"{self.command} {self.path}")
        api = parts[0] == "api"
        parts = parts[1:] if api else parts
        kind = parts.pop(0) if parts[0] in ("models", "datasets") else "models"
        name, rest = "/".join(parts[:2]), parts[2:]
        repository = self.server.root / kind / name
        if name in self.server.gated:
            return self.reply(403, b"", {"X-Error-Code": "GatedRepo", "X-Error-Message": "Access is restricted."})
        if not repository.is_dir():
            return self.reply(404, b"", {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found."})
        what = rest[0] if rest else "revision"
        if what != "resolve" and len(rest) > 1 and rest[1] not in self.server.revisions:
            return self.reply(404, b"", {"X-Error-Code": "RevisionNotFound", "X-Error-Message": "Invalid rev id."})
        if what == "resolve":
            return self.file(repository, "/".join(rest[2:]))
        paths = sorted(p for p in repository.rglob("*"))
        if what == "revision":
            files = [{"rfilename": str(p.relative_to(repository))} for p in paths if p.is_file()]
            about = {"id": name, "sha": COMMIT, "private": False, "gated": False, "tags": [], "siblings": files}
            return self.reply(200, json.dumps(about).encode())
        if what == "paths-info":
            text = body.decode()
            wanted = json.loads(text)["paths"] if text.startswith("{") else parse_qs(text).get("paths", [])
            paths = [p for p in paths if str(p.relative_to(repository)) in wanted]
        elif len(rest) > 2:
            paths = [p for p in paths if str(p.relative_to(repository)).startswith("/".join(rest[2:]) + "/")]
        return self.reply(200, json.dumps([entry(p, repository) for p in paths]).encode())

    def file(self, repository: Path, path: str) -> None:
        file = repository / path
        if not file.is_file():
            return self.reply(404, b"", {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT})
        content = file.read_bytes()
        headers = {"ETag": f'"{hashlib.sha1(content).hexdigest()}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
        return self.reply(200, content, headers)

    def reply(self, code: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(code)
        for key, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


def entry(path: Path, repository: Path) -> dict[str, object]:
    """A file or directory as the tree lists it."""
    about: dict[str, object] = {"path": str(path.relative_to(repository)), "oid": hashlib.sha1(str(path).encode()).hexdigest()}
    return about | ({"type": "file", "size": path.stat().st_size} if path.is_file() else {"type": "directory", "size": 0})
