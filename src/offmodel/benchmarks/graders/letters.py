"""Which letter a multiple-choice answer names."""

from __future__ import annotations

import re
from collections.abc import Iterator

from offmodel.benchmarks.base import Grade
from offmodel.benchmarks.graders.answers import boxes

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
WORDS = "AI"
"""Letters that are English words: before another word they are no choice."""
DRESS = re.compile(
    r"\\(?:text|textbf|textit|mathrm|mathbf|mathsf|mbox|boxed|bf|rm|left|right|displaystyle)(?![a-zA-Z])\s?|[{}$\\]"
)
NAMED = re.compile(
    r"[\s*_\"'`“(\[]*(?:(?:option|choice|letter|answer)\b[\s:*_(\[]*)?(?P<letter>[A-Za-z])(?P<mark>[*_\"`”)\]]*)", re.IGNORECASE
)
GLUED = re.compile(r"\w|['’+#/°&-]\S")
"""What makes a letter a part of a word or name: Because, B-cells, C++, A/B."""
BOTH = re.compile(r"\s*(?:,|/|&|\+|and|or)\s*[*_(\[]*([A-Z])[*_)\]]*(?=\W|$)")
REASON = re.compile(r"\s+(?:because|since|as|which|due|given|is|and|so|but|with)\b")
STATED = re.compile(
    r"\b(?:answers?|(?:correct|right|best|true|final)\s+(?:option|choice|statement|one|letter)|(?:option|choice)\s+chosen)\b"
    r"[*_]{0,3}\s{0,3}(?:(?:to|for|here|above|below)\b[^.:=\n]{0,80}?\s)?(?:,?\s?(?:therefore|thus|then|hence|so)\b,?\s?)?"
    r"(?:(?:is|(?:would|will|should|must|has to) be)\b\s{0,3}(?:indeed|clearly|therefore|thus|simply|just|most likely|probably)?"
    r"|[:=]|->|→|-\s)\s{0,3}[*_:]{0,4}",
    re.IGNORECASE,
)
CHOSEN = re.compile(
    r"\b(?:choose|pick|select|chose|go(?:ing)? with|opt for|(?:it|that)(?:['’]s| is| must be| has to be))\b\s{1,3}", re.IGNORECASE
)
IS_RIGHT = re.compile(
    r"(?<![\w'’-])(?:[Oo]ption |[Cc]hoice |[Aa]nswer )?[*_(]{0,3}([A-Z])[*_)]{0,3}"
    r"\s{1,3}(?:is|must be|would be|seems|looks)\s{1,3}(?:the\s{1,3})?(?:only\s{1,3}|most\s{1,3})?"
    r"(?:correct|right|best|true)\b(?!\s+if)"
)
NOT = re.compile(r"\b(?:not|neither|never|nor|if|whether)\b[^.\n]{0,20}$", re.IGNORECASE)


def choices_of(question: str) -> dict[str, str]:
    """The choices that a question shows at its end, ``B. text`` or ``B) text`` a line, by letter."""
    found: dict[str, str] = {}
    for m in re.finditer(r"^([A-Z])[.)][ \t](.*)$", question, re.MULTILINE):
        if m[1] == "A":
            found = {}
        if m[1] == ALPHABET[len(found)]:
            found[m[1]] = m[2].strip()
    return found


def choice_letter(text: str, letters: str = ALPHABET[:10], choices: dict[str, str] | None = None) -> str | None:
    """The letter that a completion chooses, or None.

    The last one stated counts: in a box, after "answer is" and its kin, as in "B is correct". Else the last line that
    holds nothing but a letter; else the letter that begins the text, reasons after it, or its last line, but not where
    the lines go through the choices.

    Args:
        text: without thinking.
        letters: of the item's choices.
        choices: what the letters stand for: they tell "C. elegans", the text of a choice, from C.
    """
    choices = choices or {}
    if said := list(_stated(text, letters, choices)):
        return max(said)[1]
    lines = [line for line in (raw.strip() for raw in text.split("\n")) if line]
    if alone := [letter for line in lines if len(line) < 40 and (letter := _alone(line, letters))]:
        return alone[-1]
    begun = [DRESS.sub(" ", line) if line.startswith(("$", "\\")) else line for line in lines]
    beginning = [named(line.strip(" #>-\t"), letters, choices, before_words=False) for line in begun]
    if not lines or len({letter for letter in beginning if letter}) > 1:
        return None
    return beginning[0] or beginning[-1]


def named(text: str, letters: str, choices: dict[str, str], before_words: bool = True) -> str | None:
    """The letter that begins a text as the name of a choice.

    Not the beginning of a word, not an article (a lower-case letter, "A" or "I" before a word that gives no reason), not
    one of two, and not what begins the text of a choice.

    Args:
        before_words: whether a capital before any word counts, as it does behind "answer is".
    """
    found = NAMED.match(text)
    if not found or found.group("letter").upper() not in letters:
        return None
    written, letter, marked, after = found["letter"], found["letter"].upper(), bool(found["mark"]), text[found.end() :]
    if (not marked and GLUED.match(after)) or (BOTH.match(after) and BOTH.match(after)[1] in letters):  # pyright: ignore[reportOptionalSubscript]
        return None
    if after.startswith(". ") and _is_name(text[found.start("letter") :], after[2:].lstrip(), letter, choices):
        return None
    if marked or not re.match(r"[ \t]+\w", after):
        return letter
    if (own := choices.get(letter, "").casefold()) and after.strip().casefold().startswith(own):
        return letter
    reason = REASON.match(after)
    if written.islower() or (not reason and (letter in WORDS or not before_words)):
        return None
    return letter


def _is_name(whole: str, after: str, letter: str, choices: dict[str, str]) -> bool:
    """Whether ``C. elegans`` or ``D. Hilbert`` is what a choice says and not the letter of one."""
    if any(len(text) > 2 and whole.casefold().startswith(text.casefold()) for text in choices.values()):
        return True
    own = choices.get(letter, "").casefold()[:12]
    return bool(own and after[:1].islower() and not after.casefold().startswith(own) and not REASON.match(" " + after))


def _stated(text: str, letters: str, choices: dict[str, str]) -> Iterator[tuple[int, str]]:
    """Where a letter is stated, with the letter."""
    for box in boxes(text):
        inside = DRESS.sub(" ", box.text).strip()
        if letter := _alone(inside, letters) or named(inside, letters, choices, before_words=False):
            yield box.at, letter
    for opening in (STATED, CHOSEN):
        for m in opening.finditer(text):
            begun = text[m.end() : m.end() + 80]
            for said in (begun, DRESS.sub(" ", begun)):
                if letter := named(said, letters, choices, before_words=opening is STATED):
                    yield m.end(), letter
                    break
    for m in IS_RIGHT.finditer(text):
        if m[1] in letters and not NOT.search(text, max(0, m.start() - 30), m.start()):
            yield m.start(), m[1]


def _alone(line: str, letters: str) -> str | None:
    """The letter of a line that holds nothing else."""
    bare = DRESS.sub(" ", line).strip(" \t*_\"'`“”()[].,:;!#>-")
    bare = re.sub(r"^(?:final\s+)?(?:option|choice|answer|letter)\b[\s*_:(\[]*", "", bare, flags=re.IGNORECASE)
    return bare.upper() if len(bare) == 1 and bare.upper() in letters else None


def grade_letter(gold: str, text: str, choices: dict[str, str]) -> Grade:
    """Whether a completion chooses the gold letter, of the letters of ``choices``."""
    found = choice_letter(text, "".join(choices), choices)
    return Grade(found == gold, found is not None, found)
