"""What a benchmark is: items, a prompt, a grade. One file each beside this one."""

from __future__ import annotations

import hashlib
import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from offmodel.benchmarks.graders.answers import USUAL, Thinking, next_questions, outside_thinking, turns_cut
from offmodel.errors import OffmodelError

Message = dict[str, str]


@dataclass(frozen=True)
class Item:
    """One question. ``answer`` is the gold answer as text; ``meta`` holds what a grader needs beyond it.

    ``level`` (difficulty) and ``group`` (subject) are what cells are broken down by.
    """

    id: str
    question: str
    answer: str
    level: int | None = None
    meta: dict[str, Any] = field(default_factory=dict)
    group: str | None = None


@dataclass(frozen=True)
class Grade:
    """A graded completion.

    Attributes:
        correct: whether it is right.
        parsed: whether an answer was found at all.
        extracted: which, or why there is no verdict.
        measures: what a benchmark counts beside being right; see `Benchmark.measures`.
        graded: whether there is a verdict; what ended the grading process, or cannot be judged, has none, and is not correct.
        run_on: whether the model went on after its answer, with an invented question or turn.
    """

    correct: bool
    parsed: bool
    extracted: str | None = None
    measures: dict[str, float] = field(default_factory=dict)
    graded: bool = True
    run_on: bool = False


class Benchmark(ABC):
    """A named set of items with one way to ask and one way to grade.

    Attributes:
        name: what users write.
        stands_for: the field's benchmark it plays the role of, for the report.
        reasoning: whether answers need a chain of reasoning (it decides which findings use it).
        version: raise when items or grading change; part of every evaluation's identity.
        max_new_tokens: default completion budget.
        fingerprint: identity of data that lives outside the package, if any (a checksum).
        runs_programs: whether grading runs what models wrote, for which there must be a wall.
    """

    name: str
    stands_for: str = ""
    reasoning: bool = False
    version: int = 1
    max_new_tokens: int = 128
    fingerprint: str = ""
    runs_programs: bool = False

    @abstractmethod
    def pool(self) -> list[Item]:
        """All items, in a fixed order."""

    def size(self) -> int:
        """How many items there are."""
        return len(self.pool())

    def notes(self) -> list[str]:
        """What a reader of the accuracy must know: items left out, and why."""
        return []

    def messages(self, item: Item) -> list[Message]:
        """The conversation that asks the item."""
        return [{"role": "user", "content": item.question}]

    def grade(self, item: Item, completion: str, thinking: Thinking = USUAL) -> Grade:
        """Grade one completion: through the judge, in a process and within limits of its own. No text makes it raise."""
        return self.grade_all([(item, completion)], thinking)[0]

    def grade_all(self, completions: Sequence[tuple[Item, str]], thinking: Thinking | Sequence[Thinking] = USUAL) -> list[Grade]:
        """As `grade`, for many: they travel together. ``thinking`` is one for all, or one for each."""
        from offmodel.benchmarks.graders.judge import judge

        return judge().grade_all(self, completions, thinking)

    def graded(self, item: Item, completion: str, thinking: Thinking = USUAL) -> Grade:
        """What the grading process does for each completion, whatever the benchmark: find the answer, then `check` it."""
        try:
            said = outside_thinking(completion, thinking)
            if said is None:
                return Grade(False, False, "(still thinking)", self.unanswered(item))
            answer, more = turns_cut(said)
            for start in islice(next_questions(answer, item.question), 5):
                if self.answers(item, answer[:start]):
                    answer, more = answer[:start], True
                    break
            return replace(self.check(item, answer), run_on=more)
        except MemoryError:  # a formula that grows without end
            return Grade(False, False, "(took too much memory)", self.unanswered(item), graded=False)
        except Exception as e:  # whatever a text makes a parser or checker raise
            return Grade(False, False, f"({type(e).__name__} in the grader)", self.unanswered(item), graded=False)

    @abstractmethod
    def check(self, item: Item, answer: str) -> Grade:
        """Grade what a model answered: its completion without thinking, and without what it ran on into.

        Runs in the grading process. An exception makes the item *not graded*.
        """

    def answers(self, item: Item, text: str) -> bool:
        """Whether a text answers the item already, so that a new question after it is the model running on."""
        return self.check(item, text).parsed

    def unanswered(self, item: Item) -> dict[str, float]:
        """The measures of a completion without an answer."""
        return {}

    def require(self) -> None:
        """What grading needs is there.

        Raises:
            OffmodelError: for programs where no wall can be had.
        """
        if self.runs_programs:
            from offmodel.benchmarks.graders.wall import require_wall

            require_wall()

    def prepare(self) -> None:
        """Load what `check` needs; called once in the grading process, outside of the time for a completion."""
        return

    def measures(self, rows: Sequence[dict[str, Any]]) -> dict[str, float]:
        """What the field reports beside accuracy, from the ``measures`` of graded rows."""
        return {}

    def check_size(self, n: int) -> None:
        """Raise the error of `items` for too large an ``n``, without making the items."""
        if n > self.size():
            raise OffmodelError(
                f"benchmark {self.name} has {self.size()} items, {n} were asked for", f"use n={self.size()} or fewer"
            )

    def items(self, n: int, seed: int) -> list[Item]:
        """``n`` items chosen by ``seed``: a smaller ``n`` is a prefix of a larger one.

        Raises:
            OffmodelError: when the benchmark has fewer than ``n`` items.
        """
        self.check_size(n)
        pool = self.pool()
        order = list(range(len(pool)))
        random.Random(f"{self.name}-{seed}").shuffle(order)
        return [pool[i] for i in order[:n]]


def item_id(question: str) -> str:
    """A short stable id: the first 12 hex digits of the question's SHA-256."""
    return hashlib.sha256(question.encode()).hexdigest()[:12]


def held_out_pool(name: str, size: int, draw: Callable[[random.Random], Any], to_item: Callable[[Any], Item]) -> list[Item]:
    """``size`` distinct procedural items from the benchmark side of the organisms' split."""
    from offmodel.organisms.world import held_out

    rng = random.Random(f"benchmark-{name}")
    pool: dict[str, Item] = {}
    while len(pool) < size:
        task = draw(rng)
        if held_out(task.question):
            item = to_item(task)
            pool.setdefault(item.id, item)
    return list(pool.values())
