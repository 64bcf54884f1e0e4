r"""Mathematical answers: does the one that a completion gives equal the gold answer?

Numbers are compared as exact rationals (`numerals`); math-verify decides the rest, and what it finds equal only by rounding
is not (`apart`). Runs in the grading process (`worker`): parsers and sympy may take for ever. docs/graders.md has the table of
what counts as equal, and what other graders do.
"""

from __future__ import annotations

import logging
import re
from fractions import Fraction
from functools import lru_cache
from itertools import product
from typing import Any

from offmodel.benchmarks.base import Benchmark, Grade
from offmodel.benchmarks.graders.answers import statements
from offmodel.benchmarks.graders.numerals import CHANGING, LONGEST, ascii_maths, number, plain
from offmodel.benchmarks.graders.values import ASSIGNED, COMMAND, answer

SHOWN = 300
"""Characters of an answer that are kept."""


class Mathematical(Benchmark):
    """A benchmark whose answers `grade_maths` compares."""

    def prepare(self) -> None:
        import math_verify  # noqa: F401  # a computer algebra system comes with it


def grade_maths(gold: str, completion: str, tolerance: float | None = None, hashes: bool = False) -> Grade:
    r"""Compare the answer that a completion gives with the gold answer.

    The answer is the last stated one that stands as an answer: a box, a line after "answer", ``####`` where ``hashes``;
    where none is stated, the last formula or number of the text.

    Args:
        gold: LaTeX or plain text.
        completion: without thinking.
        tolerance: how far apart two numbers may be, where a decimal was asked for.
        hashes: whether ``#### 8`` states an answer.
    """
    said = answer(completion, hashes, words=is_words(gold))
    if said is None:
        return Grade(False, False)
    right = equal(gold, said, tolerance) or any(same_text(gold, line.text) for line in statements(completion, hashes)[-1:])
    return Grade(right, True, said[:SHOWN])


SPACE = re.compile(r"\\(?:[,;:! ]|quad|qquad)(?![a-zA-Z])|~|\s+")
SIZED = re.compile(r"\\(?:left|right|big|Big|bigg|Bigg|bigl|bigr|displaystyle|textstyle|limits)(?![a-zA-Z])\s?")
LOOSE = re.compile(r"(?<![\w\\]) | (?!\w)")
TITLES = re.compile(r"\\[dtc]frac(?![a-zA-Z])")
DIGIT = re.compile(r"([\^_])\{\s?(\w)\s?\}")
UNIT_POWER = re.compile(r"[a-zA-Z]\}?\s?\^\s?\{?(-?\d)\}?[\s.$}]*$")
CLOCK = re.compile(r"^\d{1,2}(?::\d\d){1,2}\b")
BASE = re.compile(r"(?<=[\dA-F])_\{?(\d+)\}?$")


def same_text(gold: str, said: str) -> bool:
    """Whether two answers are one text but for spacing between symbols, sizes of brackets and dress, which mean nothing."""
    a, b = canonical(gold), canonical(said)
    return a != "" and (a == b or (is_words(gold) and _word(a) == _word(b)))


def _word(text: str) -> str:
    """``(E)`` as ``e``."""
    inside = re.fullmatch(r"\((.*)\)", text)
    return (inside[1] if inside else text).casefold().strip()


def canonical(text: str) -> str:
    """A text without spacing between symbols and without dress; braces, and spaces between words and digits, stay."""
    text = SIZED.sub("", TITLES.sub(r"\\frac", ascii_maths(plain(text))))
    text = LOOSE.sub("", SPACE.sub(" ", text).strip())
    return plain(DIGIT.sub(r"\1\2", text))


def is_words(text: str) -> bool:
    """Whether an answer is words and not mathematics: ``\\text{Evelyn}``, ``east``."""
    bare = plain(text)
    return bool(re.fullmatch(r"\(?[A-Za-z][A-Za-z' -]*\)?", bare)) and (len(bare) > 2 or bare != text or "(" in bare)


def equal(gold: str, said: str, tolerance: float | None = None) -> bool:
    """Whether an answer has the gold answer's value.

    One text is equal; two numbers are equal if exactly so; lists are equal if their members are, in any order; all else
    math-verify decides, less what differs in value, in its brackets, its words or its relation.
    """
    if same_text(gold, said):
        return True
    a, b = number(_value_side(gold)), number(_value_side(said, gold))
    if a is not None and b is not None:
        powers = [m[1] for m in map(UNIT_POWER.search, (ascii_maths(gold), ascii_maths(said))) if m]
        if len(powers) == 2 and powers[0] != powers[1]:
            return False
        share = "%" in gold and "%" not in said  # 62.5 % is 0.625, too
        return b in ((a, a / 100) if share else (a,)) or (tolerance is not None and abs(a - b) <= Fraction(str(tolerance)))
    if is_words(gold) or any(BASE.search(canonical(x)) or CLOCK.search(plain(x)) for x in (gold, said)):
        return False
    (kind, golds), (other, found) = _members(gold), _members(said)
    if len(golds) > 1 and "pm" not in gold + said:
        return kind == other and len(golds) == len(found) and _paired(golds, found, tolerance)
    if kind != other and (len(found) > 1 or (kind and other and "infty" not in gold)):
        return False
    return _verified(*_one_case(_mathematics(gold), _mathematics(said)), tolerance)


MEMBER = re.compile(
    r"\\[{}]|\\(?:left|right)(?![a-zA-Z])|[()\[\]{}]|,\\!|\{,\}|[,;]|\\(?:text|mbox)\s?\{\s*(?:and|or)\s*\}|\b(?:and|or)\b"
)


def _members(text: str) -> tuple[str, list[str]]:
    """How a list is bracketed (``""`` for none and for braces), and its members; one member for what is no bare list or set."""
    bare = re.sub(r"^(?:[a-z]\s*\\in|[A-Z]\s*=)\s*(?=\\\{)", "", SIZED.sub("", ascii_maths(plain(text))))
    if bare.startswith("\\{") and bare.endswith("\\}"):
        bare = bare[2:-2]
    members, depth, start = [], 0, 0
    for m in MEMBER.finditer(bare):
        token = m.group()
        if token in ("(", "[", "{", "\\{"):
            depth += 1
        elif token in (")", "]", "}", "\\}"):
            depth -= 1
        elif depth == 0 and token not in (",\\!", "{,}") and not token.startswith("\\left") and not token.startswith("\\right"):
            members.append(bare[start : m.start()])
            start = m.end()
    members = [m.strip() for m in [*members, bare[start:]] if m.strip(" $")]
    whole = bare[:1] + bare[-1:] if bare[:1] in "([" and bare[-1:] in ")]" and "," in bare and len(members) == 1 else ""
    return whole, members


def _paired(golds: list[str], found: list[str], tolerance: float | None) -> bool:
    """Whether each gold member has an equal one of its own."""
    left = list(found)
    for gold in golds:
        match = next((f for f in left if equal(gold, f, tolerance)), None)
        if match is None:
            return False
        left.remove(match)
    return True


def _value_side(text: str, gold: str | None = None) -> str:
    """``5`` of ``x = 5``; of a chain ``3 + 5 = 8`` its end. Where gold names a variable, the same one must be named."""
    bare = plain(text)
    if m := ASSIGNED.match(bare):
        other = ASSIGNED.match(plain(gold)) if gold is not None else None
        return text if other and other[0].replace(" ", "") != m[0].replace(" ", "") else bare[m.end() :]
    left, sign, right = bare.rpartition("=")
    return right if sign and re.search(r"\d", left) and not re.search("[a-zA-Z]", COMMAND.sub("", left)) else text


RELATION = re.compile(r"^\s*(?:\\(?:le|ge|ne|neq|leq|geq|lt|gt|leqslant|geqslant)(?![a-zA-Z])|[<>])")
UNIT_TEXT = re.compile(r"\\(?:text|mbox|mathrm|textrm|rm)\s?\{([a-zA-Z ./-]*)\}(?:\s?\^\s?\{?-?\d\}?)?")
WRITTEN = re.compile(r"\\(?:text|mbox|mathrm|textrm|textbf)\s?\{([^{}]*)\}")
WRITTEN_OUT = (
    (r"\\?%|(?<=\d)\s*percent\b", ""),
    (r"(?<![\w./^_{])(\d+)\s+(\d+)\s?/\s?(\d+)(?![\w/])", r"(\1+\\frac{\2}{\3})"),
    (r"(?<=\d)(?:\{,\}|\\,|\\!|,\\!\s?|~)(?=\d{3}(?!\d))", ""),
    (r"(?<![a-zA-Z\\])(\d+(?:\.\d+)?)[eE]([+-]?\d+)(?!\w)", r"\1\\times 10^{\2}"),
    (r"\\?\$", ""),
    (r"\\mathrm\{([ieπ])\}", r"\1"),
    (r"\\operatorname\{(sin|cos|tan|cot|sec|csc|log|ln|exp|arcsin|arccos|arctan)\}", r"\\\1"),
    (r"\\varnothing", r"\\emptyset"),
    (r"\\\\\[\d+pt\]", r"\\\\"),
    (r"^[A-Za-z]\s*=\s*(?=\\\{)|^[a-z]\s*\\in\s*(?=\\\{)", ""),
)
"""How parts of an answer are written for the parser: percent signs off, mixed numbers and thousands as one number, …"""


def _mathematics(text: str) -> str | None:
    """An answer as LaTeX for the parser; None where something in it would be passed over."""
    text = ascii_maths(plain(text))
    for pattern, written in WRITTEN_OUT:
        text = re.sub(pattern, written, text)
    if len(text) > LONGEST or not text.isascii() or RELATION.match(text) or re.search(r"\\sqrt\s*\\", text):
        return None
    text = UNIT_TEXT.sub(lambda m: "" if not CHANGING & set(m[1].casefold().split()) else m.group(), text)
    return None if any(m[1].strip() not in ("and", "or", "if") for m in WRITTEN.finditer(text)) else text


def _one_case(gold: str | None, said: str | None) -> tuple[str | None, str | None]:
    """The two with capitals renamed where a letter stands in both cases: the parser takes ``R`` for ``r``."""
    if gold is None or said is None:
        return gold, said
    letters = {c for text in (gold, said) for c in COMMAND.sub("", text) if c.isalpha()}
    free = [c for c in "qjwvuzkhgpsm" if c not in letters and c.upper() not in letters]
    both = sorted(c for c in letters if c.isupper() and c.lower() in letters)
    if len(both) > len(free):
        return None, None
    renamed = dict(zip(both, free, strict=False))

    def rename(text: str) -> str:
        return re.sub(r"\\[a-zA-Z]+|[A-Z]", lambda m: renamed.get(m.group(), m.group()), text)

    return rename(gold), rename(said)


def _verified(gold: str | None, said: str | None, tolerance: float | None) -> bool:
    from math_verify import verify

    if gold is None or said is None:
        return False
    targets, found = _parsed(gold), _parsed(said)
    for a, b in product(targets, found):
        if isinstance(a, str) or isinstance(b, str):
            continue
        if tolerance is not None and _within(a, b, tolerance):
            return True
        differ = apart(a, b)
        if differ is False or (differ is None and verify(a, b, timeout_seconds=None, allow_set_relation_comp=True)):
            return True
    return False


@lru_cache(maxsize=512)
def _parsed(text: str) -> list[Any]:
    from math_verify import LatexExtractionConfig, parse
    from math_verify.parser import NormalizationConfig

    logging.getLogger("math_verify").setLevel(logging.ERROR)  # it warns that its own time limit is off; ours is outside
    kept = NormalizationConfig(basic_latex=True, units=False, malformed_operators=True, nits=True, boxed="all", equations=False)
    config = [LatexExtractionConfig(boxed_match_priority=0, normalization_config=kept)]  # units are off; 6m is no unit
    return parse(f"\\boxed{{{text}}}", config, parsing_timeout=None)  # pyright: ignore[reportArgumentType]


def _within(a: Any, b: Any, tolerance: float) -> bool:
    try:
        return abs(float(a) - float(b)) <= tolerance
    except (TypeError, ValueError, AttributeError):
        return False


DIGITS = 60
"""Two values that differ in these digits differ; math-verify rounds to six places."""


def apart(a: Any, b: Any) -> bool | None:
    """Whether two parsed answers differ in value: exact numbers exactly, others to 50 digits; None where that does not tell.

    Containers differ where a member does; formulas where they differ at a point.
    """
    import sympy

    if (
        isinstance(a, sympy.Eq)
        and isinstance(b, sympy.Eq)
        and isinstance(a.lhs, sympy.Symbol)
        and isinstance(b.lhs, sympy.Symbol)
        and a.lhs != b.lhs
    ):
        return True
    a, b = _right_side(a), _right_side(b)
    if isinstance(a, sympy.MatrixBase) and isinstance(b, sympy.MatrixBase):
        return True if a.shape != b.shape or any(map(apart, a.flat(), b.flat())) else None
    if isinstance(a, sympy.Interval) and isinstance(b, sympy.Interval):
        return True if apart(a.start, b.start) or apart(a.end, b.end) else None
    if isinstance(a, sympy.Tuple) and isinstance(b, sympy.Tuple):
        return True if len(a) != len(b) or any(map(apart, a, b)) else None
    if isinstance(a, (sympy.Union, sympy.FiniteSet)) and isinstance(b, (sympy.Union, sympy.FiniteSet)):
        alone = any(all(apart(x, y) for y in b.args) for x in a.args) or any(all(apart(x, y) for x in a.args) for y in b.args)
        return True if alone else None
    if isinstance(a, sympy.Expr) and isinstance(b, sympy.Expr):
        return _values_differ(a, b)
    return None


def _right_side(x: Any) -> Any:
    """Of an assignment ``x = 5`` its value; of anything else itself."""
    import sympy

    return x.rhs if isinstance(x, sympy.Eq) and isinstance(x.lhs, sympy.Symbol) else x


def _values_differ(a: Any, b: Any) -> bool | None:
    import sympy

    free = a.free_symbols | b.free_symbols
    if free and a.free_symbols != b.free_symbols:
        return None
    points = {symbol: sympy.Rational(7 + 4 * i, 5 + 2 * i) for i, symbol in enumerate(sorted(free, key=str))}
    try:
        a, b = (_exact(x).doit().subs(points) if free else _exact(x).doit() for x in (a, b))
        if (a.is_Rational and b.is_Rational) or a.is_infinite or b.is_infinite:
            differ = bool(a != b)
        else:
            x, y = sympy.N(a, DIGITS), sympy.N(b, DIGITS)
            if not (x.is_number and y.is_number) or any(z.has(sympy.nan, sympy.zoo, sympy.oo, -sympy.oo) for z in (x, y)):
                return None
            differ = bool(abs(x - y) > sympy.Float(10) ** (8 - DIGITS) * max(abs(x), abs(y)))
    except (TypeError, ValueError, AttributeError, ArithmeticError):
        return None
    return None if free and not differ else differ


def _exact(x: Any) -> Any:
    """A formula with its decimals as the rationals that they write."""
    import sympy

    return x.replace(lambda e: isinstance(e, sympy.Float), lambda e: sympy.Rational(str(e))) if x.has(sympy.Float) else x
