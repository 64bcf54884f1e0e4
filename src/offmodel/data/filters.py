"""Filters of prompts, each a rule with a name; what they drop is counted and shown.

no_math             drop prompts that ask to calculate, solve or prove
words:MIN-MAX       keep prompts of MIN to MAX words
unlike:BENCHMARK    drop prompts that share 8 words in a row with one of its items
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache

from offmodel.errors import OffmodelError, unknown

MATH = re.compile(
    r"""\d\s*[-+*/×÷^=<>]\s*\d | \b\d+\s*(?:percent|%) | \\(?:frac|sqrt|int|sum)\b | \$[^$\s][^$]*\$
    | \b(?:calculat\w*|equations?|algebra\w*|arithmetic|geometr(?:y|ic)|trigonometr\w*|calculus|integrals?|derivatives?
    | square\s+roots?|prime\s+numbers?|fractions?|decimals?|polynomials?|probabilit(?:y|ies)|permutations?|factorials?
    | multipl(?:y|ied|ication)|divid(?:e|ed)\s+by|subtract\w*|hypotenuse|perimeter|median|standard\s+deviation
    | math(?:s|ematic\w*)?|theorem|solve\s+(?:for|the\s+(?:equation|problem|following))
    | (?:sum|product|average|mean|area|volume|circumference|square|cube)\s+of
    | how\s+many\s+\w+(?:\s+\w+){0,6}\s+(?:are\s+left|in\s+total|altogether)|convert\s+\d+)\b""",
    re.IGNORECASE | re.VERBOSE,
)
NGRAM = 8
"""Words in a row that two texts must share to count as overlapping."""

Rule = Callable[[str], bool]
"""True for a prompt to keep."""


@dataclass(frozen=True)
class Drop:
    """A prompt that a filter left out."""

    rule: str
    text: str
    id: str


def looks_like_math(text: str) -> bool:
    """Whether a prompt asks for mathematics, by its words and signs; a heuristic that errs towards yes."""
    return MATH.search(text) is not None


def parse_filter(text: str) -> Rule:
    """The rule a name stands for.

    Raises:
        OffmodelError: for an unknown filter or an argument that does not fit.
    """
    name, _, argument = text.partition(":")
    if name == "no_math" and not argument:
        return lambda prompt: not looks_like_math(prompt)
    if name == "words":
        low, dash, high = argument.partition("-")
        if not (dash and low.isdigit() and high.isdigit() and int(low) <= int(high)):
            raise OffmodelError(f"filter {text!r} has no range", "write for example words:3-200")
        return lambda prompt: int(low) <= len(prompt.split()) <= int(high)
    if name == "unlike":
        known = benchmark_ngrams(argument)
        return lambda prompt: not (ngrams(prompt) & known)
    raise unknown("filter", name, ("no_math", "words", "unlike"))


@cache
def benchmark_ngrams(name: str) -> frozenset[str]:
    from offmodel.benchmarks import get_benchmark

    return frozenset().union(*(ngrams(item.question) for item in get_benchmark(name).pool()))


def ngrams(text: str, n: int = NGRAM) -> frozenset[str]:
    """Every ``n`` words in a row, lower case, signs dropped; a shorter text is one."""
    words = re.findall(r"\w+", text.lower())
    return frozenset(" ".join(words[i : i + n]) for i in range(max(1, len(words) - n + 1)))


def data_of(filters: Iterable[str]) -> tuple[str, ...]:
    """What the filters' outcome depends on beside their names: the items of the benchmarks they look at."""
    from offmodel.benchmarks import get_benchmark

    looked_at = [get_benchmark(f.removeprefix("unlike:")) for f in filters if f.startswith("unlike:")]
    return tuple(f"{b.name} {b.version} {b.fingerprint[:16]}" for b in looked_at)


def apply(filters: Iterable[str], prompts: list[tuple[str, str]]) -> tuple[list[tuple[str, str]], list[Drop]]:
    """Run (id, text) pairs through filters in order.

    Returns:
        the pairs kept, and what was dropped by which filter.
    """
    dropped: list[Drop] = []
    for name in filters:
        rule = parse_filter(name)
        kept = []
        for prompt in prompts:
            if rule(prompt[1]):
                kept.append(prompt)
            else:
                dropped.append(Drop(name, prompt[1], prompt[0]))
        prompts = kept
    return prompts, dropped
