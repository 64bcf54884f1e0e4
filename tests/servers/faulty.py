"""A proxy that misbehaves for the first requests and then passes everything on to a real server."""

from __future__ import annotations

import http.client
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class FaultyProxy(ThreadingHTTPServer):
    """Answers each of ``faults`` once, in order, then forwards to ``port``.

    Faults: ``429``, ``500``, ``drop`` (closes the connection), ``garbage`` (not JSON), ``shape`` (JSON of another
    API), ``slow`` (forwards after half a second), ``400``, ``401``, ``overflow`` (the prompt is too
    long, in OpenAI's words), ``hang`` (answers nothing for 20 s).
    """

    daemon_threads = True

    def __init__(self, port: int, faults: list[str]) -> None:
        self.target, self.faults, self.seen, self.lock = port, list(faults), [], threading.Lock()
        self.keys: set[str] = set()
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def next_fault(self) -> str:
        with self.lock:
            fault = self.faults.pop(0) if self.faults else ""
            self.seen.append(fault or "ok")
            return fault


class Handler(BaseHTTPRequestHandler):
    server: FaultyProxy
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.keys.add(self.headers.get("Authorization", ""))
        fault = self.server.next_fault()
        if fault == "drop":
            self.connection.close()
        elif fault == "hang":
            time.sleep(20)
        elif fault == "wait":
            self.reply(429, b'{"error": {"message": "on purpose"}}', {"retry-after": "86400"})
        elif fault in ("429", "500", "400", "401"):
            self.reply(int(fault), b'{"error": {"message": "' + fault.encode() + b' on purpose"}}', {"retry-after-ms": "20"})
        elif fault == "overflow":
            error = {"message": "This model's maximum context length is 16 tokens.", "code": "context_length_exceeded"}
            self.reply(400, json.dumps({"error": error}).encode())
        elif fault == "garbage":
            self.reply(200, b"<html>not an API</html>")
        elif fault == "shape":
            self.reply(200, b'{"completion": "hello"}')
        else:
            time.sleep(0.5 if fault == "slow" else 0)
            self.forward(body)

    def forward(self, body: bytes) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.target, timeout=60)
        connection.request("POST", self.path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        self.reply(answer.status, answer.read())

    def reply(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass
