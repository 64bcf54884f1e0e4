"""Benchmark files that live outside the package, in the directory that ``OFFMODEL_DATA`` names."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any

from offmodel.data.prompts import read_jsonl
from offmodel.errors import OffmodelError
from offmodel.pipeline.step import sha256_file


def data_file(name: str, source: str) -> Path:
    """The file ``NAME.jsonl`` or ``NAME.jsonl.gz`` in ``OFFMODEL_DATA``.

    Raises:
        OffmodelError: when the variable is not set or the file is not there; names where the set comes from.
    """
    directory = os.environ.get("OFFMODEL_DATA")
    mend = f"set OFFMODEL_DATA to a directory that holds {name}.jsonl (the rows of {source})"
    if not directory:
        raise OffmodelError(f"benchmark {name} needs its items", mend)
    for path in (Path(directory) / f"{name}.jsonl.gz", Path(directory) / f"{name}.jsonl"):
        if path.is_file():
            return path
    raise OffmodelError(f"there is no {name}.jsonl or {name}.jsonl.gz in {directory}", mend)


@cache
def rows(path: Path, fields: tuple[str, ...]) -> list[dict[str, Any]]:
    """The rows of a benchmark file, read once."""
    return read_jsonl(path, fields)


@cache
def checksum(path: Path) -> str:
    """SHA-256 of a benchmark file: the identity of its items."""
    return sha256_file(path)
