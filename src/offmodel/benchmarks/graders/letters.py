"""Which letter a multiple-choice answer names."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator

from offmodel.benchmarks.base import Grade
from offmodel.benchmarks.graders.answers import STATEMENTS, statements

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
WORDS = "AI"
"""Letters that are English words: before another word they are no choice."""
DRESS = re.compile(
    r"\\(?:text(?:bf|it|rm|tt|sf)?|math(?:rm|bf|sf|it|tt)|boldsymbol|mbox|boxed|bf|rm|left|right|displaystyle)(?![a-zA-Z])\s?|[{}$\\]"
)
NAMED = re.compile(
    r"[\s*_\"'`“(\[]*(?:(?:option|choice|letter|answer)\b[\s:*_(\[]*)?(?P<letter>[A-Za-z])(?P<mark>[*\"`”)\]]+|_{1,2}(?!\w))?",
    re.IGNORECASE,
)
GLUED = re.compile(r"\w|['’/°&-]\w|[+#_]|\.[A-Z]\.|\s*=")
"""What makes a letter a part of a word, name or formula: Because, B-cells, C++, A/B, A.D., A = πr²."""
BOTH = re.compile(r"\s*(?:,|/|&|\+|and|or)\s*[*_(\[]*([A-Z])[*_)\]]*(?=\W|$)")
REASON = re.compile(r"\s+(?:because|since|as|which|due|given|is|and|so|but|with)\b")
DENIED = re.compile(
    r"\s+(?:is|was|are)\s+(?:not|n't|wrong|incorrect|false|untrue|out|impossible|excluded)\b|\s+isn['’]t\b", re.IGNORECASE
)
STATED = re.compile(
    r"\b(?:ans(?:wers?)?|option|choice|(?:correct|right|best|true|final)\s+(?:statement|one|letter))\b"
    r"[*_\"']{0,3}\s{0,3}(?:(?:to|for|here|above|below)\b[^.:=\n]{0,80}?\s)?(?:,?\s?(?:therefore|thus|then|hence|so)\b,?\s?)?"
    r"(?:(?:is|(?:would|will|should|must|has to) be)\b\s{0,3}(?:indeed|therefore|thus|just|most likely|[a-z]{2,10}ly\b)?"
    r"|[:=]|->|→|-\s)\s{0,3}[*_:\"']{0,4}",
    re.IGNORECASE,
)
CHOSEN = re.compile(
    r"(?:\b(?:I|we|let['’]s|let us|I['’]ll|I['’]d|should|must|would)\b[^.\n]{0,20}?\s|(?:^|[.\n])\s*)"
    r"(?:choose|pick|select|chose|go(?:ing)? with|opt for)\s{1,3}"
    r"|\b(?:it|that)(?:['’]s| is| must be| has to be)\s{1,3}"
    r"|\bwhich (?:is|matches|corresponds to|gives)\s{1,3}(?=[*_(]*(?:option|choice|answer)\b)",
    re.IGNORECASE | re.MULTILINE,
)
CONCLUDED = re.compile(
    r"\b(?:therefore|thus|hence|so)\b,?\s{1,3}(?:it is\s|choose\s|pick\s)?"
    r"(?=[*_(]*(?:(?:option|choice)\s)?[*_(]*[A-Z][*_)]*\s*(?:[.!]|$))",
    re.IGNORECASE | re.MULTILINE,
)
IS_RIGHT = re.compile(
    r"(?:^|[.;:,(*\n]\s{0,2}"
    r"|\b(?:[Oo]ption|[Cc]hoice|[Aa]nswer|[Ss]tatement|that|so|thus|therefore|hence|and|only|think|believe|say)\s)"
    r"[*_(]{0,3}([A-Z])[*_)]{0,3}\s{1,3}(?:is|must be|would be|seems|looks)\s{1,3}"
    r"(?:(?:the\s{1,3})?(?:only\s{1,3}|most\s{1,3})?(?:correct|right|best|true)"
    r"(?:\s(?:answer|option|choice|one|statement))?|the answer)"
    r"(?=\s*(?:[.,;:!)*\n]|$|because\b|since\b|as\b|here\b))",
    re.MULTILINE,
)
NOT = re.compile(r"\b(?:not|n['’]t|neither|never|nor|none|no|if|whether|cannot)\b[^.\n]{0,40}$", re.IGNORECASE)


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
    if right := [m[1] for m in IS_RIGHT.finditer(text) if m[1] in letters and not _denied(text, m.start(1))]:
        return right[-1] if "true" not in text or len(set(right)) == 1 else None
    begun = [DRESS.sub(" ", line) if line.startswith(("$", "\\")) else line for line in lines]
    beginning = [named(line.lstrip(" #>-\t"), letters, choices, before_words=False) for line in begun]
    if not lines or len({letter for letter in beginning if letter}) > 1:
        return None
    return beginning[0] or beginning[-1]


def _denied(text: str, at: int) -> bool:
    """Whether what stands before a place denies or supposes what follows."""
    return bool(NOT.search(text, max(0, at - 50), at))


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
    if DENIED.match(after) or (not marked and GLUED.match(after)) or (BOTH.match(after) and BOTH.match(after)[1] in letters):  # pyright: ignore[reportOptionalSubscript]
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
    """Whether ``C. elegans`` or ``C. S. Lewis`` is a name, or what a choice says, and not the letter of one."""
    if re.match(r"[A-Z]\.\s", after) or any(
        len(text) > 2 and whole.casefold().startswith(text.casefold()) for text in choices.values()
    ):
        return True
    own = choices.get(letter, "").casefold()
    species = re.match(r"[a-z]{3,}\b", after)
    return bool(own and species and own not in after.casefold() and not REASON.match(" " + after))


def _stated(text: str, letters: str, choices: dict[str, str]) -> Iterator[tuple[int, str]]:
    """Where a letter is stated, with the letter."""
    for said in [s for s in statements(text) if s.kind in ("box", "tag")]:
        inside = DRESS.sub(" ", said.text).strip()
        if letter := _alone(inside, letters) or named(inside, letters, choices, before_words=False):
            yield said.at, letter
    for opening in (STATED, CHOSEN, CONCLUDED):
        for m in deque(opening.finditer(text), maxlen=STATEMENTS):
            if opening is CHOSEN and _denied(text, m.end()):
                continue
            begun = text[m.end() : m.end() + 80]
            for said in (begun, DRESS.sub(" ", begun)):
                if letter := named(said, letters, choices, before_words=opening is STATED):
                    yield m.end(), letter
                    break


def _alone(line: str, letters: str) -> str | None:
    """The letter of a line that holds nothing else."""
    bare = DRESS.sub(" ", line).lstrip("#>- ").strip(" \t*_\"'`“”()[].,:;!")
    bare = re.sub(r"^(?:final\s+)?(?:option|choice|answer|letter)\b[\s*_:(\[]*", "", bare, flags=re.IGNORECASE)
    return bare.upper() if len(bare) == 1 and bare.upper() in letters else None


def grade_letter(gold: str, text: str, choices: dict[str, str]) -> Grade:
    """Whether a completion chooses the gold letter, of the letters of ``choices``."""
    found = choice_letter(text, "".join(choices), choices)
    return Grade(found == gold, found is not None, found)
