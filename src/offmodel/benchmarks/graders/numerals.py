r"""Numbers as people and models write them, read as exact rationals.

Signs, thousands (``1,234``  ``1\,234``  ``1~234``  ``1 234``), decimals, mixed numbers (``2 1/2``, ``2\frac12``), fractions,
scientific notation, money, percent (its sign is dropped: see docs/graders.md), and a unit behind them.
"""

from __future__ import annotations

import re
import unicodedata
from collections import deque
from fractions import Fraction

GAP = r"(?:,|\\[,;: ]|\{,\}|\\!|,\\!\s?|~|[ \u00a0\u2009\u202f])"
INTEGER = rf"(?:\d{{1,3}}(?:{GAP}\d{{3}})+(?!\d)|\d+)"
DECIMAL = rf"(?:{INTEGER}(?:\.\d+|\.(?!\w))?|\.\d+)"
PART = r"(?:\{\s*-?\d+(?:\.\d+)?\s*\}|\d)"
FRACTION = rf"(?:\\[dtc]?frac\s*{PART}\s*{PART}|\d+\s?[/⁄]\s?\d+(?!\s?[/\d]))"
POWER = r"(?:\s?(?:\\times|\\cdot|×|\*|·|x)\s{0,2}10\s?(?:\^|\*\*)\s?\{?\s?[+-]?\d{1,4}\s?\}?|[eE][+-]?\d{1,4}(?!\w))"
MONEY = r"(?:US)?(?:\\?\$|€|£|¥|\\pounds|\\euro)"
BETWEEN = r"(?:\s{1,2}|\\,|\\ |~|(?=\\[dtc]?frac))"
"""Between the whole and the fraction of a mixed number."""
RAISED = r"(?:\d{1,20}\s?(?:\^|\*\*)\s?(?:\{\s?[+-]?\d{1,4}\s?\}|[+-]?\d{1,4}))"
REPEATING = r"(?:\d*\.\d*\\overline\s?\{\d{1,50}\})"
VALUE = rf"(?:{RAISED}|{REPEATING}|\d+{BETWEEN}{FRACTION}|{FRACTION}|{DECIMAL}{POWER}?)"
NUMBER = re.compile(
    rf"(?P<sign>[-+])?\s?(?:{MONEY})?\s?(?P<inner>-)?"
    rf"(?:(?P<raised>{RAISED})|(?P<repeating>{REPEATING})|(?P<whole>\d+){BETWEEN}(?P<mixed>{FRACTION})|(?P<fraction>{FRACTION})|(?P<decimal>{DECIMAL})(?P<power>{POWER})?)"
)
SPOTTED = re.compile(rf"(?<![\w.^_{{\\)\]])[-−]?(?:{MONEY})?{VALUE}(?:\s?\\?%)?|(?<=[^\w.^_{{\\])(?:{MONEY})?{VALUE}(?:\s?\\?%)?")
UNIT = re.compile(
    r"\s*(?:\\?%|percent\b|\^\s?\{?\s?\\circ\s?\}?|°|\\(?:text|mbox|mathrm|textrm|textbf|mathbf|rm)\s?\{([^{}]{0,60})\}"
    r"|(?<=\s)([A-Za-z][A-Za-z/²³-]+(?:\s[A-Za-z][A-Za-z/²³-]*){0,3}))(?:\s?\^\s?\{?\d\}?)?"
)
SCALE = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9, "trillion": 10**12, "dozen": 12}
CHANGING = frozenset(
    # words behind a number that make it another number, or no number
    """am pm and or to than more less least most mod modulo times over plus minus squared cubed factorial half halves third
    thirds quarter quarters fourth fourths fifth fifths sixth sixths eighth eighths tenth tenths hundredth hundredths thousandth
    thousandths point root roots pi sqrt log ln exp sin cos tan choose divided multiplied hundreds thousands millions billions
    dozens out of in by if for not where base""".split()
)
LONGEST = 4000
"""Characters of a number; what is longer is none."""
WRAPPED = re.compile(r"\\(?:text|textrm|texttt|textsf|textbf|textit|mathrm|mathbf|mbox|boxed|displaystyle)\s?\{([^{}]*)\}")


SYMBOLS = str.maketrans({
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2212\uff0d\ufe63", "-"),
    "×": "\\times ", "·": "\\cdot ", "÷": "\\div ", "√": "\\sqrt ", "π": "\\pi ", "∞": "\\infty ", "≤": "\\le ", "≥": "\\ge ",
    "≠": "\\ne ", "≈": "\\approx ", "∪": "\\cup ", "∩": "\\cap ", "∈": "\\in ", "±": "\\pm ", "∅": "\\emptyset ", "θ": "\\theta ",
    "⁰": "^0", "¹": "^1", "²": "^2", "³": "^3", "⁴": "^4", "⁵": "^5", "⁶": "^6", "⁷": "^7", "⁸": "^8", "⁹": "^9",
})  # fmt: skip


def ascii_maths(text: str) -> str:
    """Signs, superscripts and full-width characters as LaTeX and ASCII write them."""
    text = re.sub(r"(\d|\w)?√(\w)", r"\1√{\2}", text)
    return "".join(unicodedata.normalize("NFKC", c) if "\uff01" <= c <= "\uff5e" else c for c in text.translate(SYMBOLS))


def plain(text: str) -> str:
    r"""The text without the dress around it: dollars of mathematics, bold, one wrapping ``\text{}``, a final point."""
    while True:
        before = text
        text = text.strip("*_` \t\r\n")
        if text.endswith(".") and not text.endswith("\\."):
            text = text[:-1].rstrip()
        for start, end in (("$$", "$$"), ("$", "$"), ("\\(", "\\)"), ("\\[", "\\]")):
            inside = text[len(start) : -len(end)]
            if text.startswith(start) and text.endswith(end) and inside and start not in inside and not inside.endswith("\\"):
                text = inside.strip()
        if wrapped := WRAPPED.fullmatch(text):
            text = wrapped.group(1).strip()
        if text == before:
            return text


def number(text: str) -> Fraction | None:
    r"""The value of a text that is one number, with a unit or without; None for all else.

    Examples:
        ``2 1/2 hours`` is 5/2, ``\$1,234.50`` is 2469/2, ``50\%`` is 50, ``3 times 4`` is None.
    """
    text = plain(text)
    if len(text) > LONGEST:
        return None
    text = re.sub("[¼-¾⅐-⅞]", lambda m: " " + unicodedata.normalize("NFKC", m.group()), ascii_maths(text)).strip()
    text = re.sub(r"(?:\\[,;: ]|~)(?!\d{3}(?!\d))", " ", text)
    m = NUMBER.match(text)
    if not m:
        return None
    scale, value = _unit(text, m.end()), _value(m)
    return None if scale is None or value is None else value * scale


def _unit(text: str, at: int) -> int | None:
    """What the words behind a number multiply it by; None where they are no unit."""
    scale, first = 1, True
    while text[at:].strip(" .,;"):
        m = UNIT.match(text, at)
        if not m:
            return None
        named = m.group(1) or m.group(2) or ""
        if not re.fullmatch(r"[A-Za-z²³ ./^-]*", named) or re.search(r"\.\d", named):
            return None
        for word in re.findall(r"[A-Za-z]+", named):
            if word.casefold() in CHANGING:
                return None
            scale *= SCALE.get(word.casefold(), 1) if first else 1
            first = False
        at = m.end()
    return scale


def _value(m: re.Match[str]) -> Fraction | None:
    negative = ((m.group("sign") or "") == "-") != bool(m.group("inner"))
    try:
        if raised := m.group("raised"):
            base, exponent = re.findall(r"[+-]?\d+", raised)
            value = Fraction(int(base)) ** int(exponent)
        elif repeating := m.group("repeating"):
            whole, once, again = re.match(r"(\d*)\.(\d*)\\overline\s?\{(\d+)\}", repeating).groups()  # pyright: ignore
            value = Fraction(int(whole + once or "0") + Fraction(int(again), 10 ** len(again) - 1), 10 ** len(once))
        elif m.group("whole") is not None:
            value = Fraction(m.group("whole")) + _fraction(m.group("mixed"))
        elif m.group("fraction") is not None:
            value = _fraction(m.group("fraction"))
        else:
            value = Fraction(re.sub(GAP, "", m.group("decimal")).rstrip("."))
            if power := m.group("power"):
                value *= Fraction(10) ** int(re.findall(r"[+-]?\d+", power)[-1])
    except (ValueError, ZeroDivisionError):
        return None
    return -value if negative else value


def _fraction(text: str) -> Fraction:
    r"""``14/3``, ``\frac{14}{3}``, ``\frac43``, ``\frac{270}7``."""
    if text.startswith("\\"):
        above, below = re.findall(PART, text)
    else:
        above, below = re.split("[/⁄]", text)
    return Fraction(above.strip("{} ")) / Fraction(below.strip("{} "))


def last_number(text: str) -> str | None:
    """The last number in a text, as written: ``It takes 1 1/2 hours.`` gives ``1 1/2``."""
    found = deque(SPOTTED.finditer(text), maxlen=1)
    return found[0].group().strip().rstrip(".") if found else None
