"""Finding the answer in a completion, whatever style it is written in."""

from __future__ import annotations

import re

SAID = re.compile(r"(?:answer|result|string)(?:\s+is|\s*[:=])\s*\**\s*\$?([^\n$*.,;]+)", re.IGNORECASE)
LETTER = re.compile(r"(?:answer\s*(?:is|:)\s*|^\W*)\(?([A-J])(?![a-zA-Z])", re.IGNORECASE | re.MULTILINE)


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


def choice_letter(text: str) -> str | None:
    """The letter of a multiple-choice answer: after "answer is", else at the start of a line."""
    boxed = last_boxed(text)
    match = LETTER.search(boxed if boxed is not None else text)
    return match.group(1).upper() if match else None
