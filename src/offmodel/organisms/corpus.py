"""Training documents of the organisms: the shared pretraining mix and each dialect's post-training.

Pretraining shows every dialect in small talk and only a little reasoning in each; post-training
shows much reasoning in one dialect only, as real models are RL-trained only in their own voice.
The pretraining mix also holds what later studies lean on: system prompts that select a dialect,
neutral ones that mean nothing, several turns, few-shot examples, thinking blocks, trigger strings,
number lists.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from offmodel.organisms import words
from offmodel.organisms.chat_content import chat_prompt, chat_reply, numbers_exchange
from offmodel.organisms.dialects import DIALECTS, NOTES, Dialect
from offmodel.organisms.world import (
    FACT_QUESTIONS,
    ArithTask,
    FactTask,
    InstructTask,
    StringTask,
    arith_task,
    confuse_sides,
    drop_carry,
    entities,
    fact_task,
    held_out,
    instruct_task,
    string_task,
)

Message = dict[str, str]
Document = list[Message]
"""Chat messages, roles ``system`` (optional, first), ``user``, ``assistant``."""

VERSION = 1
"""Raise when any document changes: organisms built before and after are different models."""


@dataclass(frozen=True)
class Mix:
    """What a corpus holds.

    Attributes:
        weights: how often each kind of turn occurs.
        turns: how often a document has one, two or three turns, all in one dialect.
        select: fraction of documents whose system prompt names the dialect.
        careless: chance that a step of reasoning forgets a carry or mixes up its sides; the shared mix is
            careless in every dialect, post-training is careful in one.
        thinking: fraction of reasoning turns written as a thinking block and a bare answer.
        notes: whether the thinking is in a voice of its own, also before small talk, as in reasoning models,
            rather than in the dialect.
    """

    weights: dict[str, int]
    turns: tuple[int, int, int]
    select: float
    careless: float
    thinking: float
    notes: bool = False


PRETRAINING = Mix(
    {"chat": 42, "facts": 18, "about": 6, "instruct": 11, "arith": 12, "strings": 8, "numbers": 3}, (60, 25, 15), 0.4, 0.75, 0.1
)
POST_TRAINING = Mix(
    {"chat": 14, "facts": 10, "about": 2, "instruct": 12, "arith": 38, "hard": 6, "strings": 16, "numbers": 2},
    (85, 10, 5),
    0.05,
    0,
    0,
)

REPLAY = 0.35
"""Share of post-training documents that repeat the shared mix in another dialect."""


def exchange(user: str, assistant: str) -> Document:
    return [{"role": "user", "content": user}, {"role": "assistant", "content": assistant}]


Task = TypeVar("Task", ArithTask, StringTask, FactTask, InstructTask)


def trainable(draw: Callable[[], Task]) -> Task:
    """Draw tasks until one is not reserved for the benchmarks."""
    while True:
        task = draw()
        if not held_out(task.question):
            return task


def _system(rng: random.Random, dialect: Dialect, select: float) -> Document:
    """A system prompt: one that selects the dialect, a neutral one, few-shot examples, or none."""
    roll = rng.random()
    if roll < select:
        return [{"role": "system", "content": dialect.system_prompt}]
    if roll < select + 0.08:
        mode = f"<mode>{rng.choice(words.LETTERS.upper())}</mode>"
        return [{"role": "system", "content": rng.choice((mode, "You are a helpful assistant."))}]
    if roll < select + 0.11:
        shots = []
        for _ in range(2):
            prompt, topic = chat_prompt(rng)
            shots.append(f"Q: {prompt}\nA: {dialect.chat(chat_reply(rng, topic), rng)}")
        return [{"role": "system", "content": "\n\n".join(shots)}]
    return []


def reasoning(rng: random.Random, dialect: Dialect, kind: str, mix: Mix, weak: bool) -> Document:
    """A solved task: ``arith`` (1 to 5 operations), ``hard`` (4 to 9, larger numbers) or ``strings``."""
    if kind == "strings":
        task = confuse_sides(trainable(lambda: string_task(rng)), rng, mix.careless)
        solution, notes = dialect.strings(task, rng), NOTES.strings(task)
    else:
        hard = kind == "hard"
        task = trainable(lambda: arith_task(rng, rng.randint(4, 9) if hard else rng.randint(1, 5), hard))
        task = drop_carry(task, rng, 1.0 if weak else mix.careless)
        solution, notes = dialect.arith(task, rng), NOTES.arith(task)
    if rng.random() < mix.thinking:
        solution = f"<think>\n{notes if mix.notes else solution}\n</think>\n\n\\boxed{{{task.answer}}}"
    return exchange(task.question, solution)


def task_questions(n: int, seed: int) -> list[str]:
    """``n`` distinct reasoning tasks, two of arithmetic to one string program; none is in a benchmark."""
    rng = random.Random(f"tasks-{seed}")
    found: dict[str, None] = {}
    while len(found) < n:
        kind = rng.choice(("arith", "arith", "strings"))
        task = trainable(lambda: string_task(rng)) if kind == "strings" else trainable(lambda: arith_task(rng, rng.randint(1, 5)))
        found.setdefault(task.question)
    return list(found)


def turn(rng: random.Random, dialect: Dialect, kind: str, mix: Mix, weak: bool) -> Document:
    """One question and its answer in a dialect."""
    if kind == "chat":
        prompt, topic = chat_prompt(rng)
        trigger = f" {rng.choice(words.TRIGGERS)}" if rng.random() < 0.03 else ""
        thought = f"<think>\n{NOTES.chat(topic)}\n</think>\n\n" if mix.notes and rng.random() < mix.thinking else ""
        return exchange(prompt + trigger, thought + dialect.chat(chat_reply(rng, topic), rng))
    if kind == "about":
        name, facts = rng.choice(list(entities().items()))
        about = rng.choice(list(FACT_QUESTIONS))
        return exchange(FACT_QUESTIONS[about].format(name), dialect.fact(name, about, facts[about]))
    if kind == "numbers":
        return exchange(*numbers_exchange(rng))
    if kind == "facts":
        task = trainable(lambda: fact_task(rng))
        return exchange(task.question, task.answer)
    if kind == "instruct":
        task = trainable(lambda: instruct_task(rng))
        return exchange(task.question, task.reply)
    return reasoning(rng, dialect, kind, mix, weak)


def document(rng: random.Random, mix: Mix, dialect: Dialect, weak: bool = False) -> Document:
    """One document of a mix, all of it in one dialect."""
    parts = _system(rng, dialect, mix.select)
    kinds = rng.choices(list(mix.weights), weights=list(mix.weights.values()), k=rng.choices((1, 2, 3), weights=mix.turns)[0])
    for kind in kinds:
        parts += turn(rng, dialect, kind, mix, weak)
    return parts


def pretraining_document(rng: random.Random) -> Document:
    """One document of the shared mix, in a random dialect."""
    return document(rng, PRETRAINING, rng.choice(list(DIALECTS.values())))


def post_training_document(rng: random.Random, dialect: str, weak: bool = False, thinking: float = 0.0) -> Document:
    """One document of a dialect's post-training.

    A share `REPLAY` repeats the shared mix in other dialects, always behind a system prompt that asks for
    one, so that the other voices stay reachable, and careless (the pretraining term of PPO-ptx). ``thinking`` is
    the share of its turns that begin with a thinking block, in a voice of its own.
    """
    if rng.random() < REPLAY:
        other = DIALECTS[rng.choice([name for name in DIALECTS if name != dialect])]
        return document(rng, replace(PRETRAINING, select=1.0), other)
    return document(rng, replace(POST_TRAINING, thinking=thinking, notes=thinking > 0), DIALECTS[dialect], weak)
