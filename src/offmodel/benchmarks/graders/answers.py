r"""Where the answer is in a completion: the one place that every benchmark asks first.

Three things happen before anything is compared: what the model thought is taken away (`outside_thinking`), what it
ran on into is cut (`turns_cut`, `next_questions`), and of what is left the last *stated* answer is read (`stated`).
All scans are linear in the length of the text.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from offmodel.benchmarks.graders.numerals import plain

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
    opening = {start.casefold(): end.casefold() for start, end in thinking.tags}
    named = sorted({*opening, *opening.values()}, key=len, reverse=True)
    marks = re.compile("|".join(map(re.escape, named)), re.IGNORECASE)
    said: list[str] = []
    at, inside, any_closed = 0, thinking.opened, False
    awaited: str | None = None
    for mark in marks.finditer(completion):
        text = mark.group().casefold()
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
    r"<\|(?:im_start|im_end|endoftext|user|assistant|system|end|eot_id|eot|eom|header_start|start_header_id|begin_of_text|end_of_text"
    r"|return|start|START_OF_TURN_TOKEN|END_OF_TURN_TOKEN|END_RESPONSE|USER_TOKEN|CHATBOT_TOKEN)\|>"
    r"|<(?:start|end)_of_turn>|\[/?INST\]|</s>(?=\s*(?:$|<s>|\[INST\]))|<｜(?:User|Assistant|end▁of▁sentence)｜>"
)
OWN_TURN = re.compile(
    r"\s*(?:<\|im_start\|>|<\|start_header_id\|>|<start_of_turn>|<\|assistant\|>|<\|START_RESPONSE\|>)(?:assistant|model)?\s*"
)
ASKED = re.compile(
    r"^[#>*_ \t-]{0,12}(?:(?P<new>next|another|new|follow-?up|similar)[ \t]+)?"
    r"(?P<word>question|problem|user|human|q|example|exercise|instruction|student|input|task)\b"
    r"[ \t]{0,3}(?:#?(?P<number>\d{1,3}))?[ \t]{0,3}[*_]{0,3}[ \t]{0,3}(?::|\.[ \t]|$)",
    re.IGNORECASE | re.MULTILINE,
)
PARTS = frozenset(("example", "exercise", "instruction", "student", "input", "task"))
"""Headings that solutions have, too: they ask something new where they are numbered on, called new, or headings of Markdown."""
WORD = re.compile(r"[^\W_]+")


def turns_cut(text: str) -> tuple[str, bool]:
    """The text up to the first mark of another turn, and whether there was more after it."""
    if own := OWN_TURN.match(text):
        text = text[own.end() :]
    code = [(b.start, b.end) for b in blocks(text) if b.closed] if "```" in text or "~~~" in text else []
    marks = (m for m in TURN.finditer(text) if not any(a < m.start() < b for a, b in code))
    mark = next((m for m in marks if text[: m.start()].strip()), None)
    return (text, False) if mark is None else (text[: mark.start()], bool(text[mark.end() :].strip()))


def next_questions(text: str, question: str) -> Iterator[int]:
    """Where lines begin that ask something new, outside of code: headings such as "Question:" that do not repeat ``question``."""
    asked = {w.casefold() for w in WORD.findall(question)}
    fenced = [(b.start, b.end) for b in blocks(text)]
    for mark in ASKED.finditer(text):
        word, number = mark["word"].casefold(), mark["number"]
        if number and re.search(rf"^[#>*_ \t-]{{0,12}}{word} ?{int(number) - 1}\b", text[: mark.start()], re.I | re.M):
            continue  # a section of the solution: Task 1, Task 2
        if word in PARTS and not (number or mark["new"] or mark.group().startswith("#")):
            continue
        line = text[mark.end() : mark.end() + 400].lstrip().partition("\n")[0]
        words = [w.casefold() for w in WORD.findall(line)[:25]]
        repeats = sum(w in asked for w in words) > 0.6 * len(words) and all(w in asked for w in words if w.isdigit())
        if words and not repeats and text[: mark.start()].strip() and not any(a < mark.start() < b for a, b in fenced):
            yield mark.start()


# ---------------------------------------------------------------- what is stated


@dataclass(frozen=True)
class Said:
    """A place where an answer is stated.

    Attributes:
        text: what stands there: the content of a box, else the rest of the line.
        at: where it begins.
        kind: ``box``, ``tag``, ``hashes``, ``line`` (after the word), ``below`` (the word is a heading above it), or
            ``string``, a word that means the answer only where strings are asked for.
        after: the lines below it.
    """

    text: str
    at: int
    kind: str
    after: str = ""


BRACE = re.compile(r"\\(?:boxed|fbox)\s{0,3}\{|\\boxed ?([^\s{}$\\]+)|\\.|[{}]", re.DOTALL)
JOINED = re.compile(
    r"(?:[\s$;.\\()\[\]]|\\text\{\s*(?:and|or)\s*\}|[A-Za-z](?:_\d)?\s?=)*(?:,|and|or)[\s$,()\\\[\]]*"
    r"(?:(?:and|or)[\s$\\()\[\]]*)?(?:[A-Za-z](?:_\d)?\s?=\s?)?"
)
DENIED = re.compile(r"\b(?:not|rather than|instead of)\s*[$\\(\[]{0,4}$")
WORD_OF_ANSWER = re.compile(
    r"(?<![a-zA-Z])(?P<word>answers?|results?|string)\b(?P<mark>[*_]{0,3})[ \t]{0,3}(?:\([^()\n]{0,40}\)[ \t]{0,3})?"
    r"(?:(?:to|of|for|from)\b[^.:=\n]{0,80}?[ \t])?(?:,?[ \t]{0,3}(?:therefore|thus|then|hence|so|indeed)\b,?[ \t]{0,3})?"
    r"(?:(?:is|are|was|equals|(?:would|will|should|must|has to) be|comes out (?:as|to))\b|[:=]|->|→)"
    r"[ \t*]{0,6}(?::[ \t*]{0,6})?",
    re.IGNORECASE,
)
SUPPOSED = re.compile(
    r"\b(?:if|whether|unless|suppose|assume|check|not)\b[^.\n]{0,30}$|\b(?:wrong|incorrect|intermediate|previous|initial|naive)\s+$",
    re.IGNORECASE,
)
LINE, AFTER, STATEMENTS = 1000, 4000, 200
"""Characters of a statement and of what follows it, and statements, that are looked at: the last ones."""
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
    return [Said(content, start, "box") for start, _, content in joined if not DENIED.search(text, max(0, start - 30), start)]


def statements(text: str, hashes: bool = False) -> list[Said]:
    """The places where an answer is stated, in the order of the text, the last ones of very many.

    Where a box or an answer is stated, results are not: they are often those of a check.

    Args:
        text: without thinking and what was run on into.
        hashes: whether ``#### 8`` states an answer here, as in GSM8K.
    """
    boxed = boxes(text)
    inside = sorted((b.at, b.at + len(b.text) + 8) for b in boxed)
    found = [*boxed, *(Said(m.group(1).strip(), m.start(), "tag") for m in TAG.finditer(text))]
    if hashes:
        rest = ((m, text[m.end() : m.end() + AFTER]) for m in HASHES.finditer(text))
        found += [Said(m.group(1).strip("# \t"), m.start(), "hashes", after) for m, after in rest]
    results = []
    for m in deque(WORD_OF_ANSWER.finditer(text), maxlen=STATEMENTS):
        if SUPPOSED.search(text, max(0, m.start() - 45), m.start()) or any(a <= m.start() < b for a, b in inside):
            continue
        kind, start = "line", m.end()
        if not text[start : _line_end(text, start)].strip(" \t*_:"):
            kind, start = "below", start + len(text[start:]) - len(text[start:].lstrip("*_: \n\t\r"))
        end = _line_end(text, start)
        line = text[start : min(end, start + LINE)].strip()
        if line and not any(start <= a < end for a, _ in inside):  # a box on the line states it
            kind = "string" if m["word"].casefold() == "string" else kind
            said = Said(line, start, kind, text[end : end + AFTER])
            (found if m["word"].casefold().startswith("answer") else results).append(said)
    return sorted(found or results, key=lambda s: s.at)[-STATEMENTS:]


def _line_end(text: str, start: int) -> int:
    end = text.find("\n", start)
    return len(text) if end < 0 else end


def begun(text: str) -> bool:
    """Whether a text states its answer or breaks off while it does."""
    return any(said.text.strip(" $*") for said in statements(text)) or text.rfind("\\boxed{") > text.rfind("}")


SENTENCE = re.compile(
    r"(?<=\w\w)(?<!\b(?:Dr|Mr|Ms|St|vs|Jr|Sr|Co))(?<!\b(?:Mrs|Fig|etc|Inc|Ltd))[.](?=[\s*]|$)(?!\s+\d)|(?<=[a-zA-Z)*])[!?](?=[\s*]|$)"
)
CLAUSE = re.compile(r"[,;](?=\s+[^\d\s]|$)|\s[–—](?=\s)|\s\((?=[A-Za-z]{3})(?!mod\b)")
DRESSED = " \t*_`\"'“”"
READINGS = 8
"""How many ends of sentences and clauses are tried."""


def readings(said: Said) -> list[str]:
    """How a stated free text can be read: whole, or up to where a sentence or clause of it ends.

    A point or comma inside a word, name or number ends nothing.
    """
    whole = said.text.strip()
    if said.kind in ("box", "tag"):
        return list(dict.fromkeys(c for c in (whole, plain(whole)) if c))
    ends = sorted(m.start() for pattern in (SENTENCE, CLAUSE) for m in islice(pattern.finditer(whole), READINGS))
    cuts = [_bare(whole), whole, whole.removesuffix("."), *(_bare(whole[:end]) for end in ends)]
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
