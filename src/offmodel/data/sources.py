"""Public data sets: from ``OFFMODEL_DATA``, or from the Hub at a pinned commit."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from offmodel.data.jsonl import read_jsonl
from offmodel.errors import OffmodelError


@dataclass(frozen=True)
class Source:
    """Where a set of rows comes from.

    Attributes:
        file: its name in ``OFFMODEL_DATA``, without ``.jsonl`` or ``.jsonl.gz``.
        repo: dataset id on the Hub.
        revision: commit of that dataset.
        split: of that dataset.
        config: of that dataset.
        fields: what each row must have.
    """

    file: str
    repo: str
    revision: str
    split: str
    fields: tuple[str, ...]
    config: str | None = None


def rows(source: Source) -> list[dict[str, Any]]:
    """The rows of a source: from ``OFFMODEL_DATA`` when that is set and has them, else from the Hub.

    Raises:
        OffmodelError: when neither has them; names both ways to mend it.
    """
    directory = os.environ.get("OFFMODEL_DATA")
    for name in (f"{source.file}.jsonl.gz", f"{source.file}.jsonl") if directory else ():
        path = Path(directory or "") / name
        if path.is_file():
            return _file_rows(path, path.stat().st_mtime_ns, source.fields)
    return _hub_rows(source, f"there is no {source.file}.jsonl in {directory}" if directory else "OFFMODEL_DATA is not set")


@cache
def _file_rows(path: Path, changed: int, fields: tuple[str, ...]) -> list[dict[str, Any]]:
    return read_jsonl(path, fields)


@cache
def _hub_rows(source: Source, no_file: str) -> list[dict[str, Any]]:
    import datasets

    datasets.utils.logging.disable_progress_bar()
    try:
        loaded = datasets.load_dataset(source.repo, source.config, split=source.split, revision=source.revision)
        found: list[dict[str, Any]] = [dict(row) for row in loaded]  # pyright: ignore
    except Exception as e:  # the libraries below raise a dozen kinds for "not reachable"
        raise OffmodelError(
            f"cannot load {source.repo} from the Hub ({type(e).__name__}), and {no_file}",
            f"go online once, or set OFFMODEL_DATA to a directory that holds {source.file}.jsonl "
            f"(rows with {', '.join(source.fields)})",
        ) from e
    lacking = [f for f in source.fields if f not in found[0]]
    if lacking:
        raise OffmodelError(f"{source.repo} has no field {lacking[0]!r}", "report this: the pinned revision should have it")
    return found
