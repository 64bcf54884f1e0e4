"""Your own benchmark: a JSONL file and a grader by name, ``file:PATH?grader=math``.

Rows have ``question`` and ``answer`` (a text, a number, or a list of texts that are all right); optional are ``choices`` (a
list, or an object of lists ``text`` and ``label``), ``level``, ``group``, ``id``, ``system``.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import unicodedata
from collections import deque
from functools import cached_property
from pathlib import Path
from typing import Any

from offmodel.benchmarks.base import Grade, Item, Message, item_id
from offmodel.benchmarks.graders.answers import final_readings
from offmodel.benchmarks.graders.code import grade_code
from offmodel.benchmarks.graders.letters import ALPHABET, choices_of, grade_letter
from offmodel.benchmarks.graders.maths import Mathematical, grade_maths
from offmodel.benchmarks.graders.programmed import Programmed, start_program
from offmodel.data.jsonl import check_file, read_jsonl
from offmodel.errors import OffmodelError, unknown
from offmodel.pipeline.step import sha256_file

GRADERS = ("math", "exact", "choice", "code")


def grade_exact(gold: str, text: str) -> Grade:
    """Whether a reading of the last stated answer is the gold text, whatever its case; without a statement, the whole text."""
    whole = text.strip()
    found = final_readings(text) or [whole, whole.strip(' *"“”').rstrip(".!").strip(' *"“”')]
    wanted = _folded(gold)
    right = next((f for f in found if _folded(f) in (wanted, wanted.rstrip("."))), None)
    return Grade(right is not None, bool(found[0]), (right or found[0])[:300] or None)


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).strip().casefold()


def grade_regex(pattern: str, gold: str, text: str) -> Grade:
    """Whether the last match of a pattern, its first group if it has one, is the gold text."""
    compiled = re.compile(pattern)
    last = deque(compiled.finditer(text), maxlen=1)
    said = last[0].group(1 if compiled.groups else 0) if last else None
    return Grade(said is not None and said.strip() == gold.strip(), said is not None, said if said is None else said[:300])


class FileBenchmark(Programmed, Mathematical):
    """The items of a JSONL file.

    Args:
        text: ``file:PATH?grader=NAME``, NAME one of ``math``, ``exact``, ``choice``, ``code`` (the answer is
            Python statements that raise where the program is wrong), ``regex:PATTERN`` (write ``%26`` for ``&``);
            further options are ``max_new_tokens`` and ``reasoning`` (0 or 1). The default grader is
            ``choice`` where rows have choices, else ``exact``.

    Raises:
        OffmodelError: when the file, the grader or an option is not there.
    """

    version = 3

    def __init__(self, text: str) -> None:
        path, _, options = text.removeprefix("file:").partition("?")
        check_file(Path(path))
        self.path = Path(path)
        self.name = self.path.name.removesuffix(".gz").removesuffix(".jsonl")
        settings = {key: value for key, _, value in (option.partition("=") for option in options.split("&") if option)}
        self.grader = settings.pop("grader", "choice" if any("choices" in r for r in self._rows) else "exact")
        self.max_new_tokens = self._number(settings.pop("max_new_tokens", "512"))
        self.reasoning = settings.pop("reasoning", "1") != "0"
        if settings:
            raise unknown("option of a benchmark file", next(iter(settings)), ("grader", "max_new_tokens", "reasoning"))
        self.pattern = self.grader.removeprefix("regex:").replace("%26", "&") if self.grader.startswith("regex:") else None
        if self.pattern is None and self.grader not in GRADERS:
            raise unknown("grader", self.grader, (*GRADERS, "regex:PATTERN"))
        if self.pattern is not None:
            check_pattern(self.pattern)
        self.runs_programs = self.grader == "code"
        self.fingerprint = hashlib.sha256(f"{sha256_file(self.path)} {self.grader}".encode()).hexdigest()

    @staticmethod
    def _number(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) < 9) or int(text) == 0:
            raise OffmodelError(f"max_new_tokens={text} is not a positive number", "write for example max_new_tokens=512")
        return int(text)

    def __getstate__(self) -> dict[str, Any]:
        """What the grading process needs: not the rows, nor what is made of them."""
        return {k: v for k, v in self.__dict__.items() if k not in ("_rows", "_items")}

    @cached_property
    def _rows(self) -> list[dict[str, Any]]:
        return read_jsonl(self.path, ("question", "answer"))

    @cached_property
    def _items(self) -> list[Item]:
        found: dict[str, Item] = {}
        for number, row in enumerate(self._rows, 1):
            item = self._item(row, number)
            if item.id in found:
                raise OffmodelError(f"{self.path}, row {number} has the id {item.id!r} of an earlier row", "make ids unique")
            found[item.id] = item
        if not found:
            raise OffmodelError(f"{self.path} has no rows", "each row needs question and answer")
        return list(found.values())

    def pool(self) -> list[Item]:
        return self._items

    def _item(self, row: dict[str, Any], number: int) -> Item:
        where = f"{self.path}, row {number}"
        if not isinstance(row["question"], str) or not row["question"].strip():
            raise OffmodelError(f"{where}: the question is {json.dumps(row['question'])[:80]}", "write it as a text")
        question, answers = row["question"], self._answers(row["answer"], where)
        meta: dict[str, Any] = {}
        if row.get("choices") is not None:
            texts, labels = self._choices(row["choices"], where)
            answers = [self._letter(row["answer"], texts, labels, where)]
            question = "\n".join(
                [question, *(f"{a}. {text}" for a, text in zip(ALPHABET, texts, strict=False)), "Answer with the letter only."]
            )
        elif self.grader == "choice" and not (len(answers[0]) == 1 and answers[0] in LETTERED):
            raise OffmodelError(
                f"{where}: the answer {answers[0]!r} is no letter from A to J", "add `choices`, or write the letter"
            )
        if row.get("system") is not None:
            if not isinstance(row["system"], str):
                raise OffmodelError(f"{where}: `system` is no text", "write the system prompt as a text")
            meta |= {"system": row["system"]} if row["system"] else {}
        meta |= {"answers": answers} if len(answers) > 1 else {}
        level, group = row.get("level"), row.get("group")
        if level is not None and type(level) is not int:
            raise OffmodelError(f"{where}: level {level!r} is no whole number", "name what is no number `group`")
        identity = str(row["id"]) if row.get("id") is not None else item_id(question)
        return Item(identity, question, answers[0], level, meta, None if group is None else str(group))

    @staticmethod
    def _answers(answer: Any, where: str) -> list[str]:
        """The accepted answers of a row; a number is the text that JSON writes for it."""
        given = answer if isinstance(answer, list) else [answer]
        plain = [str(a) if isinstance(a, str) or (type(a) in (int, float) and math.isfinite(a)) else "" for a in given]
        if not plain or not all(a.strip() for a in plain):
            raise OffmodelError(
                f"{where}: the answer {json.dumps(answer)[:80]} is none", "write a text, a number, or a list of those"
            )
        return plain

    @staticmethod
    def _choices(choices: Any, where: str) -> tuple[list[str], list[str]]:
        """The texts of a row's choices, and what the file itself calls them."""
        texts, labels = (choices.get("text"), choices.get("label")) if isinstance(choices, dict) else (choices, None)
        mend = 'write `choices` as a list of texts, or as {"text": [...], "label": [...]}'
        wrong = OffmodelError(f"{where}: its choices are {json.dumps(choices)[:80]}", mend)
        if not isinstance(texts, list) or not all(type(t) in (str, int, float) and t == t and str(t).strip() for t in texts):
            raise wrong
        if labels is not None and (not isinstance(labels, list) or len(set(map(str, labels))) != len(texts)):
            raise wrong
        if not 2 <= len(texts) <= len(ALPHABET):
            raise OffmodelError(f"{where} has {len(texts)} choices", f"give 2 to {len(ALPHABET)}: each is named by a letter")
        return [str(t) for t in texts], [str(label) for label in labels or ()]

    @staticmethod
    def _letter(answer: Any, texts: list[str], labels: list[str], where: str) -> str:
        letters = ALPHABET[: len(texts)]
        if labels and str(answer) in labels:
            return letters[labels.index(str(answer))]
        if type(answer) is int and not labels and 0 <= answer < len(texts):
            return letters[answer]
        if isinstance(answer, str) and len(answer.strip()) == 1 and answer.strip() in letters and not labels:
            return answer.strip()
        raise OffmodelError(
            f"{where}: the answer {json.dumps(answer)[:80]} is none of its {len(texts)} choices",
            f"write one of the labels {', '.join(labels)}"
            if labels
            else "write the index (from 0) or the letter of the right choice",
        )

    def messages(self, item: Item) -> list[Message]:
        asked = super().messages(item)
        return [{"role": "system", "content": item.meta["system"]}, *asked] if "system" in item.meta else asked

    def check(self, item: Item, answer: str) -> Grade:
        grades = (self._check(item, gold, answer) for gold in item.meta.get("answers", [item.answer]))
        first = next(grades)
        return first if first.correct else next((g for g in grades if g.correct), first)

    def _check(self, item: Item, gold: str, answer: str) -> Grade:
        if self.grader == "code":
            return grade_code(gold, answer, start_program)
        if self.grader == "math":
            return grade_maths(gold, answer, hashes=True)
        if self.grader == "choice":
            return (
                grade_letter(gold, answer, choices_of(item.question))
                if "\nA. " in item.question
                else grade_letter(gold, answer, LETTERED)
            )
        return grade_exact(gold, answer) if self.pattern is None else grade_regex(self.pattern, gold, answer)

    def answers(self, item: Item, text: str) -> bool:
        if self.grader == "code":
            return Programmed.answers(self, item, text)
        if self.grader == "exact":
            return bool(final_readings(text)) or len(text.split()) <= 12
        return self._check(item, item.answer, text).parsed

    def prepare(self) -> None:
        if self.grader == "math":
            Mathematical.prepare(self)


LETTERED = dict.fromkeys(ALPHABET[:10], "")
"""Letters of questions that list their choices themselves."""


def check_pattern(pattern: str) -> None:
    """
    Raises:
        OffmodelError: for what is no regular expression.
    """
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError, MemoryError) as e:
        raise OffmodelError(f"regex:{pattern} is not a regular expression ({e})", "mend the pattern") from e
