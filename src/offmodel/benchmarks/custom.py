"""Your own benchmark: a JSONL file and a grader by name, ``file:PATH?grader=math``.

Rows have ``question`` and ``answer``; optional are ``choices`` (list), ``level``, ``group``, ``id``, ``system``.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

from offmodel.benchmarks.base import Benchmark, Grade, Item, Message, item_id
from offmodel.benchmarks.grading import choice_letter, final_answer
from offmodel.benchmarks.math_grader import math_grader
from offmodel.benchmarks.sandbox import grade_code
from offmodel.data.jsonl import check_file, read_jsonl
from offmodel.errors import OffmodelError, unknown
from offmodel.pipeline.step import sha256_file

LETTERS = "ABCDEFGHIJ"


def _exact(answer: str, completion: str) -> Grade:
    said = final_answer(completion)
    said = completion.strip() if said is None else said
    return Grade(said.casefold() == answer.strip().casefold(), bool(said), said or None)


def _choice(answer: str, completion: str) -> Grade:
    letter = choice_letter(completion)
    return Grade(letter == answer.strip().upper(), letter is not None, letter)


GRADERS: dict[str, Callable[[str, str], Grade]] = {
    "math": lambda answer, completion: math_grader().grade(answer, completion),
    "exact": _exact,
    "choice": _choice,
    "code": grade_code,
}


def _regex(pattern: str) -> Callable[[str, str], Grade]:
    """The last match of a pattern (its first group if it has one) is the answer."""
    try:
        compiled = re.compile(pattern)
    except re.error as e:
        raise OffmodelError(f"regex:{pattern} is not a regular expression ({e})", "mend the pattern") from e

    def grade(answer: str, completion: str) -> Grade:
        matches = list(compiled.finditer(completion))
        said = (matches[-1].group(1) if compiled.groups else matches[-1].group()) if matches else None
        return Grade(said is not None and said.strip() == answer.strip(), said is not None, said)

    return grade


class FileBenchmark(Benchmark):
    """The items of a JSONL file.

    Args:
        text: ``file:PATH?grader=NAME``, NAME one of ``math``, ``exact``, ``choice``, ``code`` (the answer is
            Python statements that raise where the program is wrong), ``regex:PATTERN``;
            further options are ``max_new_tokens`` and ``reasoning`` (0 or 1). The default grader is
            ``choice`` where rows have choices, else ``exact``.

    Raises:
        OffmodelError: when the file, the grader or an option is not there.
    """

    version = 2

    def __init__(self, text: str) -> None:
        path, _, options = text.removeprefix("file:").partition("?")
        check_file(Path(path))
        self.path = Path(path)
        self.name = self.path.name.removesuffix(".gz").removesuffix(".jsonl")
        settings = {key: value for key, _, value in (option.partition("=") for option in options.split("&") if option)}
        grader = settings.pop("grader", "choice" if any("choices" in r for r in self._rows) else "exact")
        self.max_new_tokens = self._number(settings.pop("max_new_tokens", "512"))
        self.reasoning = settings.pop("reasoning", "1") != "0"
        if settings:
            raise unknown("option of a benchmark file", next(iter(settings)), ("grader", "max_new_tokens", "reasoning"))
        if grader.startswith("regex:"):
            self._grade = _regex(grader.removeprefix("regex:"))
        elif grader in GRADERS:
            self._grade = GRADERS[grader]
        else:
            raise unknown("grader", grader, (*GRADERS, "regex:PATTERN"))
        self.fingerprint = hashlib.sha256(f"{sha256_file(self.path)} {grader}".encode()).hexdigest()

    @staticmethod
    def _number(text: str) -> int:
        if not text.isdigit() or int(text) == 0:
            raise OffmodelError(f"max_new_tokens={text} is not a positive number", "write for example max_new_tokens=512")
        return int(text)

    @cached_property
    def _rows(self) -> list[dict[str, Any]]:
        return read_jsonl(self.path, ("question", "answer"))

    def pool(self) -> list[Item]:
        found: dict[str, Item] = {}
        for number, row in enumerate(self._rows, 1):
            item = self._item(row, number)
            if item.id in found:
                raise OffmodelError(f"{self.path}, row {number} has the id {item.id!r} of an earlier row", "make ids unique")
            found[item.id] = item
        return list(found.values())

    def _item(self, row: dict[str, Any], number: int) -> Item:
        question, answer = str(row["question"]), row["answer"]
        if choices := row.get("choices"):
            if isinstance(answer, int) and 0 <= answer < len(choices):
                answer = LETTERS[answer]
            if str(answer) not in LETTERS[: len(choices)]:
                raise OffmodelError(
                    f"{self.path}, row {number}: the answer {answer!r} is none of its {len(choices)} choices",
                    "write the index (from 0) or the letter of the right choice",
                )
            lines = "\n".join(f"{letter}. {choice}" for letter, choice in zip(LETTERS, choices, strict=False))
            question = f"{question}\n{lines}\nAnswer with the letter only."
        meta = {"system": row["system"]} if row.get("system") else {}
        level, group = row.get("level"), row.get("group")
        if level is not None and type(level) is not int:
            raise OffmodelError(
                f"{self.path}, row {number}: level {level!r} is no whole number", "name what is no number `group`"
            )
        identity = str(row["id"]) if row.get("id") is not None else item_id(question)
        return Item(identity, question, str(answer), level, meta, None if group is None else str(group))

    def messages(self, item: Item) -> list[Message]:
        asked = super().messages(item)
        return [{"role": "system", "content": item.meta["system"]}, *asked] if "system" in item.meta else asked

    def grade(self, item: Item, completion: str) -> Grade:
        return self._grade(item.answer, completion)
