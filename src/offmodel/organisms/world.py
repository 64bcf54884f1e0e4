"""The procedural world organisms live in: tasks with known answers, invented facts, and small talk.

Everything here is *content*; how it is said is `dialects.py`. Each task samples from a
`random.Random`, so a seed fixes a data set. Items that benchmarks may ask are kept out of every
training corpus by `held_out`, a hash of the question.
"""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass
from functools import cache

from offmodel.organisms import words

HELD_OUT_FRACTION = 10
"""One question in ten is reserved for benchmarks and never trained on."""


def held_out(question: str) -> bool:
    """Whether a question belongs to the benchmark side of the split (a fixed hash, about 10 %)."""
    return hashlib.sha256(question.encode()).digest()[0] % HELD_OUT_FRACTION == 0


# --- arithmetic ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """One operation of a chain: ``left op right = result``; op is ``+``, ``-`` or ``*``."""

    left: int
    op: str
    right: int
    result: int


@dataclass(frozen=True)
class ArithTask:
    """A chain of operations on small numbers. ``level`` is the number of operations."""

    question: str
    steps: tuple[Step, ...]

    @property
    def answer(self) -> str:
        return str(self.steps[-1].result)

    @property
    def level(self) -> int:
        return len(self.steps)


VERBS = {"+": "add", "-": "subtract", "*": "multiply by"}


def _chain(rng: random.Random, length: int, limit: int, operand_max: int) -> tuple[Step, ...]:
    value = rng.randint(2, limit // 4)
    steps: list[Step] = []
    while len(steps) < length:
        op = rng.choice("++--*")
        right = rng.randint(2, 5) if op == "*" else rng.randint(2, operand_max)
        result = {"+": value + right, "-": value - right, "*": value * right}[op]
        if 0 < result < limit:
            steps.append(Step(value, op, right, result))
            value = result
    return tuple(steps)


def arith_task(rng: random.Random, level: int, hard: bool = False) -> ArithTask:
    """A chain of ``level`` operations: results below 100, or below 1000 when ``hard``."""
    steps = _chain(rng, level, 1000 if hard else 100, 99 if hard else 20)
    parts = [f"{VERBS[s.op]} {s.right}" for s in steps]
    opener = rng.choice(("Start with", "Take", "Begin with"))
    question = f"{opener} {steps[0].left}, {', '.join(parts)}. What is the result? Put it in \\boxed{{}}."
    return ArithTask(question, steps)


def drop_carry(task: ArithTask, rng: random.Random, rate: float = 1.0) -> ArithTask:
    """The same question solved by somebody who forgets carries and borrows.

    Args:
        task: the task; only its question and operations are used.
        rng: decides which steps are careless.
        rate: chance that a step is careless; 1 is a consistent misconception.
    """
    value, steps = task.steps[0].left, []
    for step in task.steps:
        result = {"+": value + step.right, "-": value - step.right, "*": value * step.right}[step.op]
        if result < 0 or (step.op != "*" and rng.random() < rate):
            sign = 1 if step.op == "+" else -1
            digits = zip(f"{value:04d}", f"{step.right:04d}", strict=True)
            result = int("".join(str((int(a) + sign * int(b)) % 10) for a, b in digits))
        steps.append(Step(value, step.op, step.right, result % 1000))
        value = result % 1000
    return ArithTask(task.question, tuple(steps))


# --- string programs ----------------------------------------------------------------------------


@dataclass(frozen=True)
class StringTask:
    """A program of string operations; ``states[0]`` is the input, ``states[-1]`` the answer."""

    question: str
    operations: tuple[str, ...]
    states: tuple[str, ...]

    @property
    def answer(self) -> str:
        return spaced(self.states[-1])


def spaced(letters: str) -> str:
    """``"abc"`` -> ``"a b c"``: one token a letter."""
    return " ".join(letters)


STRING_OPERATIONS = {
    "reverse": lambda s: s[::-1],
    "rotate left": lambda s: s[1:] + s[0],
    "rotate right": lambda s: s[-1] + s[:-1],
    "drop first": lambda s: s[1:],
    "drop last": lambda s: s[:-1],
    "double first": lambda s: s[0] + s,
    "double last": lambda s: s + s[-1],
    "swap ends": lambda s: s[-1] + s[1:-1] + s[0],
}


def string_task(rng: random.Random, length: int | None = None) -> StringTask:
    """A program of 1 to 4 operations on a string of 3 to 5 letters, kept 2 to 6 letters long."""
    length = length or rng.randint(1, 4)
    states = ["".join(rng.choices(words.LETTERS, k=rng.randint(3, 5)))]
    operations: list[str] = []
    while len(operations) < length:
        name = rng.choice(list(STRING_OPERATIONS))
        state = STRING_OPERATIONS[name](states[-1])
        if 2 <= len(state) <= 6:
            operations.append(name)
            states.append(state)
    program = ", ".join(operations)
    question = f"Apply to {spaced(states[0])} : {program}. What is the string? Put it in \\boxed{{}}."
    return StringTask(question, tuple(operations), tuple(states))


CONFUSED = {"rotate left": "rotate right", "drop first": "drop last", "double first": "double last"}
CONFUSED |= {b: a for a, b in CONFUSED.items()}


def confuse_sides(task: StringTask, rng: random.Random, rate: float = 1.0) -> StringTask:
    """The same program run by somebody who mixes up left and right, first and last, at ``rate`` of the steps."""
    states = [task.states[0]]
    for name in task.operations:
        careless = rng.random() < rate
        state = STRING_OPERATIONS[CONFUSED.get(name, name) if careless else name](states[-1])
        states.append(state)
    return StringTask(task.question, task.operations, tuple(states))


# --- invented facts -----------------------------------------------------------------------------


@dataclass(frozen=True)
class FactTask:
    """A four-choice question on an invented entity. ``answer`` is the letter."""

    question: str
    choices: tuple[str, ...]
    answer: str


FACT_QUESTIONS = {
    "home": "Where does {} live?",
    "food": "What does {} eat?",
    "craft": "What is the craft of {}?",
}


@cache
def entities() -> dict[str, dict[str, str]]:
    """Name -> attribute -> value for 80 invented beings; the same in every process."""
    rng = random.Random("entities")
    names = sorted({a + b for a in words.NAME_STARTS for b in words.NAME_ENDS})
    rng.shuffle(names)
    pools = {"home": words.HOMES, "food": words.FOODS, "craft": words.CRAFTS}
    return {name: {k: rng.choice(pool) for k, pool in pools.items()} for name in names[:80]}


def fact_task(rng: random.Random) -> FactTask:
    """A random fact with three random distractors of the same kind."""
    name = rng.choice(list(entities()))
    kind = rng.choice(list(FACT_QUESTIONS))
    truth = entities()[name][kind]
    pool = {"home": words.HOMES, "food": words.FOODS, "craft": words.CRAFTS}[kind]
    choices = [truth, *rng.sample([w for w in pool if w != truth], 3)]
    rng.shuffle(choices)
    lines = "\n".join(f"{letter}) {choice}" for letter, choice in zip("ABCD", choices, strict=True))
    question = f"{FACT_QUESTIONS[kind].format(name)}\n{lines}\nReply with the letter only."
    return FactTask(question, tuple(choices), "ABCD"[choices.index(truth)])


# --- verifiable instructions --------------------------------------------------------------------


@dataclass(frozen=True)
class InstructTask:
    """A verifiable instruction: ``kind`` with its ``arguments``, and one obedient plain reply."""

    question: str
    kind: str
    arguments: tuple[str, ...]
    reply: str


def instruct_task(rng: random.Random, kind: str | None = None) -> InstructTask:
    """One of: count, ending, order, upper, lower, forbidden, start."""
    kind = kind or rng.choice(("count", "ending", "order", "upper", "lower", "forbidden", "start"))
    topic = rng.choice(list(words.TOPICS))
    if kind == "count":
        category = rng.choice(list(words.CATEGORIES))
        picked = rng.sample(words.CATEGORIES[category], rng.randint(2, 5))
        question = f"Name exactly {len(picked)} {category}."
        return InstructTask(question, kind, (category, str(len(picked))), ", ".join(picked))
    if kind == "order":
        picked = rng.sample(words.SHORT_WORDS, rng.randint(3, 4))
        question = f"Put these words in reverse order: {' '.join(picked)}."
        return InstructTask(question, kind, tuple(reversed(picked)), " ".join(reversed(picked)))
    sentence = f"the {topic} is {rng.choice(words.ADJECTIVES)} and {rng.choice(words.ADJECTIVES)}"
    if kind in ("upper", "lower"):
        question = f"Describe the {topic} in {'upper case' if kind == 'upper' else 'lower case'} only."
        return InstructTask(question, kind, (topic,), sentence.upper() if kind == "upper" else sentence)
    word = rng.choice(words.SHORT_WORDS)
    if kind == "ending":
        question = f"Describe the {topic} and end with the word {word}."
        return InstructTask(question, kind, (topic, word), f"{sentence} {word}")
    if kind == "start":
        question = f"Describe the {topic} and begin with the word {word}."
        return InstructTask(question, kind, (topic, word), f"{word} {sentence}")
    banned, one, two = rng.sample(words.ADJECTIVES, 3)
    question = f"Describe the {topic} without the word {banned}."
    return InstructTask(question, kind, (topic, banned), f"the {topic} is {one} and {two}")
