"""A real OpenAI-compatible server: transformers' own, with an organism in it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def served(location: str, log: Path) -> Iterator[int]:
    """The port on which `transformers serve` answers with the model at ``location``, from when it is ready."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    command = [sys.executable, "-m", "transformers.cli.transformers", "serve", location, "--port", str(port)]
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""}
    with log.open("wb") as out:
        arguments = ["--device", "cpu", "--dtype", "float32"]
        server = subprocess.Popen([*command, *arguments], stdout=out, stderr=subprocess.STDOUT, env=environment)
    try:
        for _ in range(240):
            assert server.poll() is None, f"transformers serve ended: see {log}"
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1)
                break
            except OSError:
                time.sleep(0.5)
        yield port
    finally:
        server.kill()
        server.wait()
