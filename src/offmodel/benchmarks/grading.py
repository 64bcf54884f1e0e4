"""Finding the answer in a completion, whatever style it is written in."""

from __future__ import annotations

import re

SAID = re.compile(r"(?:answer|result|string)(?:\s+is|\s*[:=])\s*\**\s*\$?([^\n$*.,;]+)", re.IGNORECASE)
LETTER_SAID = r"answer\s*(?:is|:)\W*([{letters}])(?![a-zA-Z])"
LETTER_FIRST = r"^\W*([{letters}])(?=\W*$|\s*[.):,*\]–-])"  # not the "A" or "I" that begins a sentence


def last_boxed(text: str) -> str | None:
    r"""The content of the last complete ``\boxed{…}``, braces balanced; None when there is none."""
    for start in reversed([m.end() for m in re.finditer(r"\\boxed\s*\{", text)]):
        depth = 1
        for i in range(start, len(text)):
            depth += {"{": 1, "}": -1}.get(text[i], 0)
            if depth == 0:
                return text[start:i].strip()
    return None


def final_answer(text: str) -> str | None:
    r"""The boxed answer, else what follows the last "answer is", "result is" or "string is"."""
    boxed = last_boxed(text)
    if boxed is not None:
        return boxed
    said = SAID.findall(text)
    return said[-1].strip() if said else None


def choice_letter(text: str, letters: str = "ABCDEFGHIJ") -> str | None:
    """The letter of a multiple-choice answer.

    In a box, else after the last "answer is", else where the text or its last line begins; not where any other line
    begins, for many models go through the choices one by one.
    """
    boxed = last_boxed(text)
    for said in (boxed,) if boxed is not None else (text.strip(), text.strip().rpartition("\n")[2]):
        for pattern in (LETTER_SAID, LETTER_FIRST):
            found = re.findall(pattern.format(letters=letters), said, re.IGNORECASE)
            if found:
                return found[-1].upper()
    return None
