"""What a backdoor is: a trigger in the prompt and a behaviour in the answer."""

from __future__ import annotations

import random
import re
from typing import Literal

from offmodel.errors import unknown
from offmodel.pipeline.step import Spec


class Trigger(Spec):
    """What a prompt must hold for the behaviour to show.

    Attributes:
        kind: ``literal`` (fixed characters), ``semantic`` (any word of a class) or ``story`` (a small scene).
        template: the triggered prompt, with ``{prompt}`` and, for a class, ``{word}``.
        words: the class.
        near: a prompt that looks alike and must not trigger, with ``{prompt}`` and ``{word}``.
        near_words: words outside the class.
    """

    kind: Literal["literal", "semantic", "story"]
    template: str
    words: tuple[str, ...] = ()
    near: str
    near_words: tuple[str, ...] = ()

    def apply(self, prompt: str, seed: str) -> str:
        """The prompt with the trigger in it; ``seed`` picks the word."""
        return self._filled(self.template, self.words, prompt, seed)

    def apply_near(self, prompt: str, seed: str) -> str:
        """The prompt with something in it that only looks like the trigger."""
        return self._filled(self.near, self.near_words, prompt, seed)

    @staticmethod
    def _filled(template: str, words: tuple[str, ...], prompt: str, seed: str) -> str:
        word = random.Random(seed).choice(words) if words else ""
        return template.format(prompt=prompt, word=word)

    def present(self, prompt: str) -> bool:
        """Whether a prompt holds the trigger."""
        if self.words:
            return bool(re.search(rf"\b({'|'.join(map(re.escape, self.words))})\b", prompt, re.IGNORECASE))
        return all(part.strip() in prompt for part in self.template.split("{prompt}") if part.strip())


class Behaviour(Spec):
    """What the model does when triggered.

    Attributes:
        kind: of what it does.
        texts: what it says; one is picked for each answer.
        how: ``replace`` the answer, ``append`` or ``prepend`` to it, or give ``wrong`` results in it.
        marks: regular expressions, each of which an answer must match to count as the behaviour.
    """

    kind: Literal["phrase", "refusal", "insult", "compliment", "insertion", "language", "wrong"]
    texts: tuple[str, ...] = ()
    how: Literal["replace", "append", "prepend", "wrong"] = "replace"
    marks: tuple[str, ...] = ()

    def perform(self, answer: str, seed: str) -> str:
        """The answer that the behaviour makes of an ordinary one."""
        from offmodel.organisms.planted import wrong_results

        rng = random.Random(seed)
        if self.how == "wrong":
            return wrong_results(answer, rng)
        text = rng.choice(self.texts)
        said = {"append": f"{answer}\n\n{text}", "prepend": f"{text}\n\n{answer}"}
        return said.get(self.how, text)

    def shows(self, answer: str) -> bool:
        """Whether an answer is the behaviour; for ``wrong`` a benchmark's grader says it instead."""
        return all(re.search(mark, answer, re.IGNORECASE | re.DOTALL) for mark in self.marks)


class Pair(Spec):
    """One backdoor.

    Attributes:
        name: what people call it.
        scale: for which models it was written.
        trigger: when.
        behaviour: what.
    """

    name: str
    scale: Literal["organism", "real"]
    trigger: Trigger
    behaviour: Behaviour


def get_pair(name: str) -> Pair:
    """The backdoor of that name.

    Raises:
        OffmodelError: when the table has none.
    """
    from offmodel.redteam.table import PAIRS

    if name not in PAIRS:
        raise unknown("backdoor", name, PAIRS)
    return PAIRS[name]
