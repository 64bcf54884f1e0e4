"""Reading JSON-lines files people bring, with errors that name the line."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

from offmodel.errors import OffmodelError


def check_file(path: Path) -> None:
    if not path.is_file():
        raise OffmodelError(f"there is no file {path}", "check the path")


def read_jsonl(path: Path, fields: tuple[str, ...]) -> list[dict[str, Any]]:
    """Rows of a JSON-lines file, each of which must have ``fields``.

    Raises:
        OffmodelError: names file and line of the first row that is not JSON or lacks a field.
    """
    rows = []
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as e:
                raise OffmodelError(f"{path}, line {number} is not JSON ({e})", "mend or remove that line") from e
            lacking = [name for name in fields if not isinstance(row, dict) or name not in row]
            if lacking:
                has = ", ".join(row) if isinstance(row, dict) else type(row).__name__
                raise OffmodelError(
                    f"{path}, line {number} has no field {lacking[0]!r} (it has: {has})",
                    f"each row needs {', '.join(fields)}",
                )
            rows.append(row)
    return rows
