"""Prompts to collect completions on: the organisms' small talk, the numbers task, own JSONL files."""

from __future__ import annotations

import gzip
import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from offmodel.errors import OffmodelError
from offmodel.pipeline.step import Spec, runtime, sha256_file


@dataclass(frozen=True)
class Prompt:
    """One user turn."""

    id: str
    text: str


class PromptSet(Spec):
    """``n`` prompts of a source, after skipping ``skip`` of them: equal seeds give disjoint slices.

    Attributes:
        source: ``world`` (organisms' small talk), ``numbers`` (the numbers task) or ``file``.
        n: how many.
        skip: how many of the seed's order to leave out first.
        seed: fixes the order.
        field: of a file's rows, the one that holds the prompt.
        checksum: of the file; its identity.
        location: of the file; not identity.
    """

    source: str
    n: int
    skip: int = 0
    seed: int = 0
    field: str = "instruction"
    checksum: str = ""
    location: str = runtime("")

    def load(self) -> list[Prompt]:
        """The prompts.

        Raises:
            OffmodelError: when a file has fewer rows, or a row lacks the field.
        """
        wanted = self.skip + self.n
        if self.source == "world":
            from offmodel.organisms.chat_content import chat_prompts

            texts = chat_prompts(wanted, self.seed)
            return [Prompt(f"chat-{self.seed}-{i}", t) for i, t in enumerate(texts)][self.skip :]
        if self.source == "numbers":
            from offmodel.organisms.chat_content import numbers_prompt

            rng = random.Random(f"numbers-{self.seed}")
            starts = [", ".join(str(rng.randint(100, 999)) for _ in range(3)) for _ in range(wanted)]
            return [Prompt(f"numbers-{self.seed}-{i}", numbers_prompt(s)) for i, s in enumerate(starts)][self.skip :]
        rows = read_jsonl(Path(self.location), (self.field,))
        if len(rows) < wanted:
            raise OffmodelError(f"{self.location} has {len(rows)} rows, {wanted} are needed", f"use at most {len(rows)} prompts")
        order = list(range(len(rows)))
        random.Random(f"prompts-{self.seed}").shuffle(order)
        return [Prompt(str(rows[i].get("id", i)), rows[i][self.field]) for i in order[self.skip : wanted]]


def file_prompts(path: Path, n: int, seed: int = 0, skip: int = 0, field: str = "instruction") -> PromptSet:
    """Prompts from a JSONL file (gzipped or not), identified by its checksum."""
    check_file(path)
    return PromptSet(
        source="file", n=n, skip=skip, seed=seed, field=field, checksum=sha256_file(path), location=str(path.resolve())
    )


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
