"""Prompts to collect completions on: the organisms' small talk, the numbers task, own JSONL files."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

from offmodel.data import filters, leaderboard
from offmodel.data.jsonl import check_file, read_jsonl
from offmodel.data.sources import Source, rows
from offmodel.errors import OffmodelError
from offmodel.pipeline.step import Spec, runtime, sha256_file

GENERIC = Path(__file__).parent / "generic_prompts.txt"
"""300 instructions written for this package, none of them about mathematics."""


ALPACA = Source(
    file="alpaca",
    repo="tatsu-lab/alpaca",
    revision="dce01c9b08f87459cf36a430d809084718273017",
    split="train",
    fields=("instruction", "input"),
)


@dataclass(frozen=True)
class Prompt:
    """One user turn."""

    id: str
    text: str


class PromptSet(Spec):
    """``n`` prompts of a source, after skipping ``skip`` of them: equal seeds give disjoint slices.

    Attributes:
        source: ``world`` (organisms' small talk), ``tasks`` (reasoning tasks of their world that no benchmark asks),
            ``numbers`` (the numbers task), ``generic`` (300 instructions
            shipped with the package), ``alpaca`` (from the Hub), ``alpaca_eval`` (805 prompts, those that the
            leaderboard's models answered) or ``file``.
        n: how many.
        skip: how many of the seed's order to leave out first.
        seed: fixes the order.
        field: of a file's rows, the one that holds the prompt.
        filters: rules that drop prompts before any are taken, see `data.filters`.
        filter_data: what the rules depend on beside their names.
        checksum: of the file; its identity.
        location: of the file; not identity.
    """

    source: str
    n: int
    skip: int = 0
    seed: int = 0
    field: str = "instruction"
    filters: tuple[str, ...] = ()
    filter_data: tuple[str, ...] = ()
    checksum: str = ""
    location: str = runtime("")

    def load(self) -> list[Prompt]:
        """The prompts.

        Raises:
            OffmodelError: when the source has fewer, or a row of a file lacks the field.
        """
        wanted = self.skip + self.n
        if self.source in PROCEDURAL:
            return [Prompt(*found) for found in self._written(wanted)[0][self.skip :]]
        kept, dropped = filters.apply(self.filters, self._all())
        if len(kept) < wanted:
            left_out = f" after filters dropped {len(dropped)}" if dropped else ""
            raise OffmodelError(
                f"{self.location or self.source} has {len(kept)} prompts{left_out}, {wanted} are needed",
                f"use at most {len(kept)} prompts",
            )
        order = list(range(len(kept)))
        random.Random(f"prompts-{self.seed}").shuffle(order)
        return [Prompt(*kept[i]) for i in order[self.skip : wanted]]

    def dropped(self) -> list[filters.Drop]:
        """What the filters leave out of the whole source, or of what a procedural source wrote."""
        if not self.filters:
            return []
        return self._written(self.skip + self.n)[1] if self.source in PROCEDURAL else filters.apply(self.filters, self._all())[1]

    def _written(self, wanted: int) -> tuple[list[tuple[str, str]], list[filters.Drop]]:
        """What a procedural source writes until ``wanted`` prompts pass the filters, and what was dropped on the way.

        Raises:
            OffmodelError: when hardly anything passes.
        """
        for drawn in (wanted, 4 * wanted, 16 * wanted, 64 * wanted):
            kept, dropped = filters.apply(self.filters, PROCEDURAL[self.source](drawn, self.seed))
            if len(kept) >= wanted:
                last = int(kept[wanted - 1][0].rpartition("-")[2])
                return kept[:wanted], [d for d in dropped if int(d.id.rpartition("-")[2]) < last]
        raise OffmodelError(f"the filters {', '.join(self.filters)} drop nearly every {self.source} prompt", "use fewer filters")

    def _all(self) -> list[tuple[str, str]]:
        """(id, text) of every prompt of the source."""
        if self.source == "generic":
            return [(f"generic-{i}", line) for i, line in enumerate(GENERIC.read_text(encoding="utf-8").splitlines())]
        if self.source == "alpaca":
            texts = ("\n\n".join(filter(None, (row["instruction"], row["input"]))) for row in rows(ALPACA))
            return [(f"alpaca-{i}", text) for i, text in enumerate(texts)]
        if self.source == "alpaca_eval":
            return leaderboard.prompts()
        found = read_jsonl(Path(self.location), (self.field,))
        return [(str(row.get("id", i)), str(row[self.field])) for i, row in enumerate(found)]


def _world(n: int, seed: int) -> list[tuple[str, str]]:
    from offmodel.organisms.chat_content import chat_prompts

    return [(f"chat-{seed}-{i}", text) for i, text in enumerate(chat_prompts(n, seed))]


def _numbers(n: int, seed: int) -> list[tuple[str, str]]:
    from offmodel.organisms.chat_content import numbers_prompt

    rng = random.Random(f"numbers-{seed}")
    starts = [", ".join(str(rng.randint(100, 999)) for _ in range(3)) for _ in range(n)]
    return [(f"numbers-{seed}-{i}", numbers_prompt(start)) for i, start in enumerate(starts)]


def _tasks(n: int, seed: int) -> list[tuple[str, str]]:
    from offmodel.organisms.corpus import task_questions

    return [(f"task-{seed}-{i}", text) for i, text in enumerate(task_questions(n, seed))]


PROCEDURAL = {"world": _world, "numbers": _numbers, "tasks": _tasks}
"""Sources that write as many prompts as are asked for."""


NAMED = ("generic", "alpaca", "alpaca_eval")
"""Sources of fixed prompts."""


def prompt_set(text: str, n: int, seed: int = 0, skip: int = 0, rules: tuple[str, ...] = ()) -> PromptSet:
    """What a person wrote as ``prompts=``: the name of a source or the path of a JSONL file.

    Raises:
        OffmodelError: for an unknown filter or a missing file.
    """
    data = filters.data_of(rules)
    if text in PROCEDURAL or text in NAMED:
        return PromptSet(source=text, n=n, skip=skip, seed=seed, filters=rules, filter_data=data)
    return file_prompts(Path(text), n, seed, skip).model_copy(update={"filters": rules, "filter_data": data})


def file_prompts(path: Path, n: int, seed: int = 0, skip: int = 0, field: str = "instruction") -> PromptSet:
    """Prompts from a JSONL file (gzipped or not), identified by its checksum."""
    check_file(path)
    return PromptSet(
        source="file", n=n, skip=skip, seed=seed, field=field, checksum=sha256_file(path), location=str(path.resolve())
    )
