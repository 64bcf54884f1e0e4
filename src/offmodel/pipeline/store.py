"""The store: artifacts on disk, complete or absent, checked when opened.

store/store.json                    format of the store
store/<kind>/<slug>-<hash8>/        one artifact: record.json and its payload
store/.partial/<kind>--<name>/      work in progress; renamed into place when complete
store/.corrupt/…                    artifacts that failed their checksums, moved aside
store/.locks/…                      one lock file an artifact
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from offmodel.errors import OffmodelError
from offmodel.pipeline.step import Step, sha256_file

FORMAT = 1


@dataclass(frozen=True)
class Artifact:
    """A complete artifact: its directory and its record."""

    directory: Path
    record: dict[str, Any]

    @property
    def name(self) -> str:
        return f"{self.directory.parent.name}/{self.directory.name}"

    def rows(self, file: str = "rows.jsonl") -> list[dict[str, Any]]:
        """The rows of a JSON-lines payload."""
        with (self.directory / file).open(encoding="utf-8") as f:
            return [json.loads(line) for line in f]

    def json(self, file: str) -> Any:
        return json.loads((self.directory / file).read_text(encoding="utf-8"))


class Store:
    """Artifacts under one directory; safe for several processes at once.

    Args:
        root: the directory; made when absent.
        on_corrupt: called with a one-line message when a damaged artifact is moved aside.

    Raises:
        OffmodelError: when another format of store lives there.
    """

    def __init__(self, root: Path, on_corrupt: Callable[[str], None] = lambda _: None) -> None:
        self.root = root
        self.on_corrupt = on_corrupt
        self._verified: dict[str, Artifact] = {}
        with disk_errors(root):
            root.mkdir(parents=True, exist_ok=True)
            marker = root / "store.json"
            if not marker.exists():
                write_atomic(marker, json.dumps({"format": FORMAT}))
        try:
            found = json.loads(marker.read_text()).get("format")
        except (ValueError, AttributeError):
            found = "unreadable"
        if found != FORMAT:
            raise OffmodelError(
                f"the store at {root} has format {found}, this version of offmodel reads format {FORMAT}",
                "use --store with another directory, or the version that wrote it",
            )

    def directory(self, step: Step) -> Path:
        """Where the step's artifact is, or would be; an older label of the same step is found by its hash."""
        exact = self.root / step.name()
        relabelled = [] if exact.exists() else sorted((self.root / step.kind).glob(f"*-{step.fingerprint()[:8]}"))
        return relabelled[0] if relabelled else exact

    def partial(self, step: Step) -> Path:
        """Where a step writes until it is finished; like its lock, the same under every label."""
        return self.root / ".partial" / f"{step.kind}--{step.fingerprint()[:16]}"

    def lock(self, step: Step) -> FileLock:
        """The lock that a process holds while it makes this step's artifact."""
        path = self.root / ".locks" / f"{step.kind}--{step.fingerprint()[:16]}.lock"
        path.parent.mkdir(exist_ok=True)
        return FileLock(path)

    def get(self, step: Step) -> Artifact | None:
        """The step's artifact if it is complete and intact; a damaged one is moved aside."""
        key = step.fingerprint()
        if key not in self._verified:
            directory = self.directory(step)
            if not directory.exists():
                return None
            problem, record = self._check(directory, step)
            if problem:
                self._move_aside(directory, problem)
                return None
            self._verified[key] = Artifact(directory, record)
        return self._verified[key]

    def load(self, step: Step) -> Any:
        """What the step's artifact holds, through the step's own `load`."""
        artifact = self.get(step)
        if artifact is None:
            raise OffmodelError(f"{step.name()} is not in the store", "run the study again to build it")
        return step.load(artifact)

    def commit(self, step: Step, directory: Path, seconds: float, provenance: dict[str, Any]) -> Artifact:
        """Write the record, then rename the finished partial directory into place."""
        files = {
            str(p.relative_to(directory)): {"size": p.stat().st_size, "sha256": sha256_file(p)}
            for p in sorted(directory.rglob("*"))
            if p.is_file()
        }
        record = {
            "format": FORMAT,
            "name": step.name(),
            "label": step.label(),
            "fingerprint": step.fingerprint(),
            "identity": step.identity(),
            "inputs": [s.name() for s in step.inputs()],
            "files": files,
            "seconds": round(seconds, 3),
            "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "provenance": provenance,
        }
        (directory / "record.json").write_text(json.dumps(record, indent=1), encoding="utf-8")
        target = self.directory(step)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(directory, target)
        artifact = Artifact(target, record)
        self._verified[step.fingerprint()] = artifact
        return artifact

    def _check(self, directory: Path, step: Step) -> tuple[str, dict[str, Any]]:
        try:
            record = json.loads((directory / "record.json").read_text(encoding="utf-8"))
            files = record["files"]
            if record["fingerprint"] != step.fingerprint():
                return "its record names another step", {}
        except (OSError, ValueError, KeyError, TypeError):
            return "its record.json is missing or unreadable", {}
        for name, expected in files.items():
            path = directory / name
            if not path.is_file():
                return f"{name} is missing", {}
            if path.stat().st_size != expected["size"] or sha256_file(path) != expected["sha256"]:
                return f"{name} does not match its checksum", {}
        return "", record

    def _move_aside(self, directory: Path, problem: str) -> None:
        target = self.root / ".corrupt" / f"{directory.parent.name}--{directory.name}-{time.time_ns()}"
        target.parent.mkdir(exist_ok=True)
        os.replace(directory, target)
        self.on_corrupt(f"{directory.parent.name}/{directory.name} is damaged ({problem}); moved to {target}, rebuilding")

    def artifacts(self) -> Iterator[Artifact]:
        """Every complete artifact, by name; unreadable records are skipped."""
        for path in sorted(self.root.glob("*/*/record.json")):
            if not path.parts[-3].startswith("."):
                try:
                    yield Artifact(path.parent, json.loads(path.read_text(encoding="utf-8")))
                except (OSError, ValueError):
                    continue

    def find(self, text: str) -> Artifact:
        """The one artifact whose name is or contains ``text``.

        Raises:
            OffmodelError: when none or several match.
        """
        matches = [a for a in self.artifacts() if text.rstrip("/") in a.name]
        exact = [a for a in matches if a.name == text.rstrip("/")]
        if len(exact or matches) == 1:
            return (exact or matches)[0]
        if not matches:
            raise OffmodelError(f"no artifact in {self.root} matches {text!r}", "see `offmodel ls` for their names")
        raise OffmodelError(f"{len(matches)} artifacts match {text!r}", f"say which: {', '.join(a.name for a in matches[:4])}")

    def remove(self, artifact: Artifact) -> None:
        """Delete an artifact: out of sight first, so that a kill leaves no half of it."""
        trash = self.root / ".partial" / f"trash-{time.time_ns()}"
        trash.parent.mkdir(exist_ok=True)
        os.replace(artifact.directory, trash)
        shutil.rmtree(trash)
        self._verified.pop(artifact.record["fingerprint"], None)


def check_new(directory: Path) -> None:
    """A directory to write into must be empty or not there yet.

    Raises:
        OffmodelError: when it holds anything.
    """
    if directory.exists() and any(directory.iterdir()):
        raise OffmodelError(f"{directory} is not empty", "name a new directory")


def write_atomic(path: Path, text: str) -> None:
    """Write a file so that readers see the old text or the new, never a part."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)


@contextmanager
def disk_errors(where: Path) -> Iterator[None]:
    """Turn a full disk or a read-only directory into an error that says what to do."""
    try:
        yield
    except OSError as e:
        if e.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise OffmodelError(
                f"no room left to write under {where} ({e.strerror})",
                "free some space or use --store on another disk; finished work is kept and the run resumes",
            ) from e
        if e.errno in (errno.EACCES, errno.EROFS):
            raise OffmodelError(f"cannot write under {where} ({e.strerror})", "use --store with a directory you own") from e
        if e.errno in (errno.ENOTDIR, errno.EEXIST):
            raise OffmodelError(f"{where} cannot be a directory, a file is in the way", "name another --store or --out") from e
        raise
