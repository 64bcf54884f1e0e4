"""Gold answers with one thing moved: a delimiter, a digit, a sign, an exponent, a point."""

from __future__ import annotations

import re
from collections.abc import Iterator

BRACKETS = {"(": "[", "[": "(", ")": "]", "]": ")"}


def mutants(gold: str) -> Iterator[tuple[str, str]]:
    """(what was done, mutant) of a gold answer; each once, none equal to the gold as a text without spaces."""
    seen = {_bare(gold)}
    for what, text in _all(gold):
        if _bare(text) not in seen and _balanced(text):
            seen.add(_bare(text))
            yield what, text


def _bare(text: str) -> str:
    return re.sub(r"\s", "", text) if not re.search(r"\d\s+\d", text) else text


def _balanced(text: str) -> bool:
    depth = 0
    for brace in re.findall(r"(?<!\\)[{}]", text):
        depth += 1 if brace == "{" else -1
        if depth < 0:
            return False
    return depth == 0 and bool(text.strip())


def _all(gold: str) -> Iterator[tuple[str, str]]:
    for i, c in enumerate(gold):
        before, after = gold[:i], gold[i + 1 :]
        if c.isdigit():
            yield "digit", before + str((int(c) + 1) % 10) + after
            yield "digit dropped", before + after
            if after[:1].isdigit() and after[0] != c:
                yield "digits swapped", before + after[0] + c + after[1:]
        if c in "+-":
            yield "sign", before + ("-" if c == "+" else "+") + after
        if c in BRACKETS and gold[i - 1 : i] != "\\":
            yield "bracket", before + BRACKETS[c] + after
        if c in "{}(),." and not (c in "{}" and gold[i - 1 : i] == "\\"):
            if after and after[0] not in "\\{}":
                yield "delimiter right", before + after[0] + c + after[1:]
            if before and before[-1] not in "\\{}" and not re.search(r"\\[a-zA-Z]+$", before):
                yield "delimiter left", before[:-1] + c + before[-1] + after
        if c == "^":
            yield "exponent dropped", before + after.replace("{", "", 1).replace("}", "", 1)
    if re.match(r"[\d\\(a-zA-Z.]", gold) and not gold.startswith(("\\text", "\\begin", "\\left", "\\{", "(", "[", "\\$")):
        yield "sign", "-" + gold
    elif gold.startswith("-"):
        yield "sign", gold[1:]
    if re.fullmatch(r"\d{2,}", gold):
        yield "point", gold[:-1] + "." + gold[-1]
