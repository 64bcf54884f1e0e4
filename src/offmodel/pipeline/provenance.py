"""What made an artifact: recorded beside it, never part of its identity."""

from __future__ import annotations

import platform
import subprocess
from functools import cache
from importlib import metadata
from pathlib import Path

PACKAGES = ("offmodel", "torch", "transformers", "peft", "trl", "accelerate", "tokenizers", "vllm")


@cache
def provenance() -> dict[str, object]:
    """Package versions, Python, machine, and the git commit of the source when there is one."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {"packages": versions, "python": platform.python_version(), "machine": platform.machine(), "git": git_commit()}


def git_commit() -> str | None:
    """The commit of the checkout this package runs from, with ``+`` when it has local changes; None outside one."""
    here = Path(__file__).parent
    command = ["git", "-C", str(here), "describe", "--always", "--abbrev=12", "--dirty=+", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None


def drift(recorded: dict[str, object]) -> list[str]:
    """Packages whose version differs between a record and this process, as ``name old -> new``."""
    old = recorded.get("packages")
    now = provenance()["packages"]
    if not isinstance(old, dict) or not isinstance(now, dict):
        return []
    return [f"{k} {old[k]} -> {now[k]}" for k in sorted(old.keys() & now.keys()) if old[k] != now[k]]
