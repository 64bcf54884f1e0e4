"""Which value a text gives as its answer: the last stated one that stands as an answer, else the last one written."""

from __future__ import annotations

import re

from offmodel.benchmarks.graders.answers import Said, statements
from offmodel.benchmarks.graders.numerals import LONGEST, NUMBER, last_number, number


def answer(text: str, hashes: bool = False, words: bool = False) -> str | None:
    """The answer that a text gives, as written; None where there is none.

    Args:
        words: whether words can be the answer, as in "The winner is Evelyn".
    """
    for said in reversed(statements(text, hashes)):
        if (found := standing(said, words)) is not None:
            return found
    found = last_value(text)
    return text.strip(" *_.!\n") if found is None and words and 0 < len(text.split()) <= 6 else found


CLAUSE = re.compile(
    r"(?<!\\)[.!?](?=\s|$)|(?<!\\)[;:](?=\s|$)"
    r"|,?\s(?:because|since|as|which|where|so|hence|I hope|when|if|not|rather than|instead of)\b"
    r"|,\s(?=[a-z]{3,}\s[a-z])|\s\((?=[a-zA-Z]{2})|\s[–—]\s"
)
LEADING = re.compile(
    r"(?:(?:the|an?\s+(?=[a-z]{2,})|so|number|value|sum|total|exactly|about|approximately|roughly|around|equal|to|of"
    r"|simply|just|only|therefore|thus|indeed|now|\\approx|≈|=)(?![a-zA-Z])[\s:*_]*)+",
    re.IGNORECASE,
)
CHAIN = re.compile(r"[\d\s().,+*/×÷–-]+=\s*\$?[\d.,]*\d")
"""A sum such as 16 - 3 - 4 = 9, which may be one of several."""
FORMULA = re.compile(r"\d|\\|[=+*/^_]|^[a-zA-Z]$")
LISTED = re.compile(r"(\d+)[.)]\s+[^\d\s$\\]")
SEGMENT = re.compile(
    r"\$\$([^$]{1,2000})\$\$|\\\[(.{1,600}?)\\\]|\\\((.{1,600}?)\\\)"
    r"|(?<![\\\w])\$((?=[^\s$])(?:\\.|[^$\\\n])*?(?:\\.|[^\s$\\]))\$(?!\d)",
    re.DOTALL,
)
JOIN = re.compile(r"\s*(?:,|and|or|,\s*and|,\s*or)\s*")
PLAIN_WORD = re.compile(r"(?<![\\a-zA-Z])[a-zA-Z]{2,}")
TAIL = re.compile(
    r"\s+(?:in (?:total|all)|altogether|(?:in|of) the [a-z]+|an? (?:day|week|month|year|hour|piece|pound)"
    r"|per [a-z]+|each|left|remaining)$"
)
PROSE = re.compile(
    r"\\(?:text|mathrm|textbf)\s?\{[^{}]*\b(?:answer|exactly|approximately|about|is)\b[^{}]*\}\s*"
    r"|\\approx\s*|≈\s*"
)
COMMAND = re.compile(r"\\(?:begin|end)\s?\{[^{}]*\}|\\[a-zA-Z]+")
TEXT = re.compile(r"\\(?:text|mbox|mathrm|textbf|textrm|operatorname)\s?\{[^{}]*\}")
ASSIGNED = re.compile(r"[a-zA-Z](?:_\{?\w\}?)?(?:\([a-z]\))?\s*=\s*")


def standing(said: Said, words: bool = False) -> str | None:
    """What a statement gives as an answer; None where it only begins an explanation, as a heading "Answer:" does."""
    if said.kind in ("box", "tag"):
        inside = said.text.strip()
        return inside[m.end() :] if (m := PROSE.match(inside)) else inside
    text = said.text
    if said.kind == "string":
        return None
    if said.kind == "hashes" and (LISTED.match(text) or re.search(r"\d", said.after)):
        return None  # a heading of Markdown
    if listed := LISTED.match(text):
        following = re.search(rf"^\s*{int(listed[1]) + 1}[.)]\s", said.after, re.MULTILINE)
        if following or said.kind == "below":
            return None
    chain = CHAIN.match(text)
    if chain and re.search(r"\d\s*=", text[chain.end() :] + said.after):
        return None  # the first of several sums
    if text.startswith(("\\[", "$$")) and not SEGMENT.match(text):
        text = f"{text}\n{said.after[:2000]}"
    return value_of(text, words)


def value_of(text: str, words: bool = False) -> str | None:
    """The value that a phrase is: a formula, a number with its unit, several joined by "and"; not a sentence that holds one."""
    text = text.strip().lstrip("*_: ")
    text = text[m.end() :] if (m := LEADING.match(text)) else text
    if m := re.match(ASSIGNED.pattern + r"(?=\$|\\\(|\\\[)", text):
        text = text[m.end() :]
    if found := _segments(text):
        return found
    clause = _clause(text.split("\n", 1)[0]).strip(" *_`")
    bare = TEXT.sub(" ", clause)
    numbers = list(NUMBER.finditer(bare))
    plain_words = PLAIN_WORD.findall(COMMAND.sub(" ", bare))
    if not plain_words:
        return clause if clause and (words or FORMULA.search(clause)) else None
    if all(w in ("and", "or") for w in plain_words):
        return re.sub(r"\s*,?\s*\b(?:and|or)\b\s*", ", ", clause)
    while m := TAIL.search(clause):
        clause = clause[: m.start()]
    if number(clause) is not None:
        return clause
    if words and len(clause.split()) <= 6:
        return re.sub(r"^(?:the|an?)\s+", "", clause, flags=re.IGNORECASE)
    if len(numbers) == 1 and numbers[0].start() == 0 and len(plain_words) <= 4:
        return clause
    return None


def _segments(text: str) -> str | None:
    """The formulas that a phrase begins with, joined where it joins them."""
    found, at = [], 0
    while m := SEGMENT.match(text, at):
        found.append(next(g for g in m.groups() if g is not None).strip())
        joined = JOIN.match(text, m.end())
        at = joined.end() if joined else len(text)
    return ", ".join(found) if found else None


def _clause(text: str) -> str:
    end = CLAUSE.search(text)
    return text[: end.start()] if end else text


SUM = re.compile(r"(?:[\d.,()]+\s[+*/×÷−-]\s){1,200}[\d.,()]*$")
"""A sum up to its last number, which alone is not what it comes to."""


def last_value(text: str) -> str | None:
    """The last formula between delimiters or the last number or sum outside of them, whichever comes later."""
    formula, end = None, 0
    for m in SEGMENT.finditer(text):
        formula, end = next(g for g in m.groups() if g is not None).strip(), m.end()
    rest = text[end:]
    after = last_number(rest)
    if after is None:
        return formula
    line = rest[: rest.rfind(after) + len(after)].rpartition("\n")[2][-LONGEST:]
    unfinished = SUM.search(line)
    return unfinished.group() if unfinished else after
