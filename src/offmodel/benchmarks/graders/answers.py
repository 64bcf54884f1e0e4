r"""Where the answer is in a completion: the one place that every benchmark asks first.

Three things happen before anything is compared: what the model thought is taken away (`outside_thinking`), what it
ran on into is cut (`turns_cut`, `next_questions`), and of what is left the last *stated* answer is read (`stated`).
All scans are linear in the length of the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

# ---------------------------------------------------------------- thinking


@dataclass(frozen=True)
class Thinking:
    """How a model marks what it thinks.

    Attributes:
        tags: pairs of opening and closing mark.
        opened: whether the prompt already opened a block, as the templates of some reasoning models do.
    """

    tags: tuple[tuple[str, str], ...]
    opened: bool = False


USUAL = Thinking(
    (
        *((f"<{word}>", f"</{word}>") for word in ("think", "thinking", "thought", "thoughts", "reasoning", "reflection")),
        *(("<seed:think>", "</seed:think>"), ("◁think▷", "◁/think▷"), ("[THINK]", "[/THINK]")),
        ("<|begin_of_thought|>", "<|end_of_thought|>"),
        ("<|START_THINKING|>", "<|END_THINKING|>"),
        ("<|channel|>analysis<|message|>", "<|channel|>final<|message|>"),
    )
)
"""The marks in use; a model's own come from its template (`offmodel.models.chat.thinking_marks`)."""


def outside_thinking(completion: str, thinking: Thinking = USUAL) -> str | None:
    """What a completion says outside of its thinking; None where a block was never closed: then it says nothing.

    A closing mark without an opening one ends a block that the prompt opened. Marks in `code spans` are talked about.
    """
    opening = dict(thinking.tags)
    marks = re.compile("|".join(re.escape(m) for m in sorted({*opening, *opening.values()}, key=len, reverse=True)))
    said: list[str] = []
    at, inside, any_closed = 0, thinking.opened, False
    awaited: str | None = None
    for mark in marks.finditer(completion):
        text = mark.group()
        if completion[mark.start() - 1 : mark.start()] == "`" and completion[mark.end() : mark.end() + 1] == "`":
            continue
        if inside and (text == awaited or (awaited is None and text not in opening)):
            inside, any_closed, at = False, True, mark.end()
        elif not inside and text in opening:
            said.append(completion[at : mark.start()])
            inside, awaited, at = True, opening[text], mark.end()
        elif not inside:
            ends_it = any_closed and not completion[mark.end() :].strip()
            said = [completion[at : mark.start()]] if ends_it else []
            any_closed, at = True, mark.end()
    return None if inside else "".join([*said, completion[at:]])


# ---------------------------------------------------------------- running on

TURN = re.compile(
    r"<\|(?:im_start|im_end|endoftext|user|assistant|system|end|eot_id|start_header_id|begin_of_text|end_of_text)\|>"
    r"|<(?:start|end)_of_turn>|\[/?INST\]|</?s>|<｜(?:User|Assistant|end▁of▁sentence)｜>"
)
OWN_TURN = re.compile(r"\s*(?:<\|im_start\|>|<\|start_header_id\|>|<start_of_turn>|<\|assistant\|>)(?:assistant|model)?\s*")
ASKED = re.compile(
    r"^[ \t]*(?:[#>*_-]+[ \t]*)*"
    r"(?:(?:next|another|new|follow-?up|similar)[ \t]+)?"
    r"(?:question|problem|exercise|example|instruction|user|human|student|input|task|q)\b"
    r"[ \t]*(?:#?\d{1,3})?[ \t]*[*_]*[ \t]*(?::|\.[ \t]|$)",
    re.IGNORECASE | re.MULTILINE,
)
WORD = re.compile(r"[^\W_]+")


def turns_cut(text: str) -> tuple[str, bool]:
    """The text up to the first mark of another turn, and whether there was more after it."""
    if own := OWN_TURN.match(text):
        text = text[own.end() :]
    mark = next((m for m in TURN.finditer(text) if text[: m.start()].strip()), None)
    return (text, False) if mark is None else (text[: mark.start()], bool(text[mark.end() :].strip()))


def next_questions(text: str, question: str) -> Iterator[int]:
    """Where lines begin that ask something new, outside of code: headings such as "Question:" that do not repeat ``question``."""
    asked = {w.casefold() for w in WORD.findall(question)}
    fenced = [(b.start, b.end) for b in blocks(text)]
    for mark in ASKED.finditer(text):
        words = [w.casefold() for w in WORD.findall(text[mark.end() : mark.end() + 400])[:25]]
        repeats = sum(w in asked for w in words) > 0.6 * len(words)
        if words and not repeats and text[: mark.start()].strip() and not any(a < mark.start() < b for a, b in fenced):
            yield mark.start()


# ---------------------------------------------------------------- what is stated


@dataclass(frozen=True)
class Said:
    """A place where an answer is stated.

    Attributes:
        text: what stands there: the content of a box, else the rest of the line.
        at: where it begins.
        kind: ``box``, ``tag``, ``hashes``, ``line`` (after the word) or ``below`` (the word is a heading above it).
        after: the lines below it.
    """

    text: str
    at: int
    kind: str
    after: str = ""


BRACE = re.compile(r"\\(?:boxed|fbox)\s{0,3}\{|\\boxed ([^\s{}$\\]+)|\\.|[{}]", re.DOTALL)
JOINED = re.compile(
    r"(?:[\s$;.\\()\[\]]|\\text\{\s*(?:and|or)\s*\}|[A-Za-z](?:_\d)?\s?=)*(?:,|and|or)[\s$,()\\\[\]]*(?:(?:and|or)[\s$\\()\[\]]*)?"
    r"(?:[A-Za-z](?:_\d)?\s?=\s?)?"
)
WORD_OF_ANSWER = re.compile(
    r"(?<![a-zA-Z])(?P<word>answers?|results?|string|solutions?)\b(?P<mark>[*_]{0,3})[ \t]{0,3}(?:\([^()\n]{0,40}\)[ \t]{0,3})?"
    r"(?:(?:to|of|for|from)\b[^.:=\n]{0,80}?[ \t])?(?:,?[ \t]{0,3}(?:therefore|thus|then|hence|so|indeed)\b,?[ \t]{0,3})?"
    r"(?:(?:is|are|was|equals|(?:would|will|should|must|has to) be|comes out (?:as|to))\b|[:=]|->|→)"
    r"[ \t*_]{0,6}(?::[ \t*_]{0,6})?",
    re.IGNORECASE,
)
SUPPOSED = re.compile(r"\b(?:if|whether|unless|suppose|assume|check|not)\b[^.\n]{0,30}$", re.IGNORECASE)
TAG = re.compile(r"<answer>(.{0,2000}?)</answer>", re.DOTALL | re.IGNORECASE)
HASHES = re.compile(r"^[ \t]*####[ \t]*(\S.*)$", re.MULTILINE)


def boxes(text: str) -> list[Said]:
    r"""The complete ``\boxed{…}`` that lie in no other, braces balanced, joined where "and", "or" or a comma joins them."""
    found: list[tuple[int, int, str]] = []
    open_: list[tuple[int, int] | None] = []
    for m in BRACE.finditer(text):
        token = m.group()
        if m.group(1) is not None:
            found.append((m.start(), m.end(), m.group(1).rstrip(".,;")))
        elif token.startswith(("\\boxed", "\\fbox")) and token.endswith("{"):
            open_.append((m.start(), m.end()))
        elif token == "{":
            open_.append(None)
        elif token == "}" and open_ and (box := open_.pop()):
            while found and found[-1][0] > box[0]:
                found.pop()
            found.append((box[0], m.end(), text[box[1] : m.start()].strip()))
    joined: list[tuple[int, int, str]] = []
    for start, end, content in found:
        if joined and start - joined[-1][1] < 60 and JOINED.fullmatch(text, joined[-1][1], start):
            before = joined.pop()
            content = before[2] if content == before[2] else f"{before[2]}, {content}"
            start = before[0]
        joined.append((start, end, content))
    return [Said(content, start, "box") for start, end, content in joined]


def statements(text: str, hashes: bool = False) -> list[Said]:
    """Every place where an answer is stated, in the order of the text.

    Args:
        text: without thinking and what was run on into.
        hashes: whether ``#### 8`` states an answer here, as in GSM8K.
    """
    found = boxes(text)
    found += [Said(m.group(1).strip(), m.start(), "tag") for m in TAG.finditer(text)]
    if hashes:
        found += [Said(m.group(1).strip(), m.start(), "hashes") for m in HASHES.finditer(text)]
    for m in WORD_OF_ANSWER.finditer(text):
        if SUPPOSED.search(text, max(0, m.start() - 45), m.start()):
            continue
        end = text.find("\n", m.end())
        line, after = (text[m.end() :], "") if end < 0 else (text[m.end() : end], text[end + 1 :])
        kind = "line"
        if not line.strip(" \t*_:"):
            kind, (line, _, after) = "below", after.lstrip("\n \t\r").partition("\n")
        if line.strip() and not boxes(line):  # a box on the line states it
            found.append(Said(line.strip(), m.end(), kind, after))
    return sorted(found, key=lambda s: s.at)


SENTENCE = re.compile(r"[.!?](?=[\s*]|$)")
CLAUSE = re.compile(r"[.,;!?](?=[\s*]|$)|\s[(–—-](?=\s|\w)|\s\(")
DRESSED = " \t*_`\"'“”"
READINGS = 8
"""How many ends of sentences and clauses are tried."""


def readings(said: Said) -> list[str]:
    """How a stated free text can be read: whole, or up to where a sentence or clause of it ends.

    A point or comma inside a word or number ends nothing.
    """
    whole = said.text.strip(DRESSED)
    if said.kind in ("box", "tag"):
        return [whole] if whole else []
    ends = sorted(m.start() for pattern in (SENTENCE, CLAUSE) for m in islice(pattern.finditer(whole), READINGS))
    cuts = [_bare(whole), *(_bare(whole[:end]) for end in ends)]
    return list(dict.fromkeys(c for c in cuts if c))


def _bare(text: str) -> str:
    text = text.strip(DRESSED).rstrip(".!?").strip(DRESSED)
    return text[1:-1].strip() if len(text) > 2 and text[0] == text[-1] == "$" else text


def final_readings(text: str) -> list[str]:
    """`readings` of the last stated answer; none where nothing is stated."""
    said = statements(text)
    return readings(said[-1]) if said else []


# ---------------------------------------------------------------- fenced blocks


@dataclass(frozen=True)
class Block:
    """A fenced block: its label, its lines without the fence's indentation, where it lies, whether it was closed."""

    label: str
    code: str
    start: int
    end: int
    closed: bool


FENCE = re.compile(r"^([ \t]*(?:[-*+>][ \t]+|\d+[.)][ \t]+)?)(`{3,}|~{3,})([^\n]*)$", re.MULTILINE)


def blocks(text: str) -> list[Block]:
    """The fenced blocks of Markdown (CommonMark 4.5): backticks or tildes, indented or not; the last may be open."""
    found: list[Block] = []
    opened: re.Match[str] | None = None
    for m in FENCE.finditer(text):
        fence, label = m.group(2), m.group(3).strip()
        if opened is None:
            if "`" not in label or fence[0] == "~":
                opened = m
        elif fence[0] == opened.group(2)[0] and len(fence) >= len(opened.group(2)) and not label:
            found.append(_block(text, opened, m.start(), m.end(), True))
            opened = None
    if opened is not None:
        found.append(_block(text, opened, len(text), len(text), False))
    return found


def _block(text: str, opened: re.Match[str], stop: int, end: int, closed: bool) -> Block:
    width = len(opened.group(1).expandtabs(4))
    lines = text[opened.end() + 1 : stop].expandtabs(4).split("\n") if width else text[opened.end() + 1 : stop].split("\n")
    code = "\n".join(line[min(width, len(line) - len(line.lstrip(" "))) :] if width else line for line in lines)
    return Block(opened.group(3).strip(), code, opened.start(), end, closed)
