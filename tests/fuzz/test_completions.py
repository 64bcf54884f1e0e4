"""Mutated completions: no traceback, no verdict over its time limit, no pass without a solution.

``OFFMODEL_FUZZ_SECONDS=600 python -m pytest tests/fuzz`` runs for ten minutes; the default is seconds.
"""

import os
import random
import time

import pytest

from offmodel.benchmarks import Item, get_benchmark
from offmodel.benchmarks.custom import FileBenchmark
from offmodel.benchmarks.graders import wall

pytestmark = pytest.mark.fuzz
SECONDS = float(os.environ.get("OFFMODEL_FUZZ_SECONDS", "15"))
GOLD = "739"
"""No seed and no piece holds it, so a pass is a pass without a solution."""

SEEDS = (
    "The answer is 8.",
    "**Answer:**\n\nFirst 3, then 5.\n3 + 5 = 8\n\nSo \\boxed{8}.",
    "<think>\nIs it \\boxed{15}?\n</think>\n\n$\\frac{14}{3}$",
    "#### 1,234\n\nQuestion: What is 2 1/2?\nAnswer: $x \\in (-\\infty, 2] \\cup \\{3\\}$",
    "A. first\nB. second\n\nThe answer is (B) because \\text{B} holds.",
    "```python\ndef f(n):\n    return [n for n in range(n)]\n```\nUse:\n```\nf(3)\n```",
    "~~~\nclass A:\n    def __eq__(self, o): return True\ndef f(n): return A()\n~~~",
    "import os, sys\ndef f(n):\n    os._exit(0)\n",
    "\\begin{pmatrix} 1 & 2 \\\\ 3 & 4 \\end{pmatrix} = \\left( \\sqrt[3]{2}, \\pi \\right)",
    "\\boxed{\\frac{1}{2004!}} or $10^{-20}$, 50\\% of \\$1,000, 5:30 PM, 90^\\circ",
)
PIECES = (
    *(
        "\\boxed{",
        "}",
        "{",
        "$",
        "$$",
        "\\(",
        "\\)",
        "\\[",
        "\\]",
        "```",
        "~~~",
        "`",
        "<think>",
        "</think>",
        "<|im_end|>",
        "[INST]",
        "answer is ",
        "Answer:",
    ),
    *(
        "#### ",
        "\n\n",
        "\r\n",
        "\t",
        " ",
        "\u00a0",
        "\u2028",
        "\ud800",
        "\0",
        "\x1b[31m",
        "٣",
        "½",
        "−",
        "ﬁ",
        "e\u0301",
        "9" * 40,
        "1e999",
        "^",
        "^{",
        "_",
        "\\frac",
        "\\sqrt",
    ),
    *(
        "\\pm",
        "\\cup",
        "!",
        "9^9^9^9",
        "(((((",
        "))))",
        "lambda: ",
        "not ",
        "-" * 50,
        "def f(",
        "return ",
        "import os\n",
        "while True: pass\n",
        "print(1)\n",
        "A",
        "(B)",
    ),
)


def mutated(rng: random.Random) -> str:
    text = rng.choice(SEEDS)
    for _ in range(rng.randint(1, 8)):
        at, how = rng.randint(0, len(text)), rng.random()
        if how < 0.5:
            text = text[:at] + rng.choice(PIECES) * rng.choice((1, 1, 1, 2, 3, 200)) + text[at:]
        elif how < 0.7:
            text = text[:at] + text[at + rng.randint(1, 12) :]
        elif how < 0.85:
            other = rng.choice(SEEDS)
            text = text[:at] + other[rng.randint(0, len(other)) :]
        else:
            text = text[:at] + text[at:] * rng.choice((2, 3))
    return text[:50_000]


@pytest.fixture
def benchmarks(tmp_path):
    rows = tmp_path / "b.jsonl"
    rows.write_text(f'{{"question": "Write f.", "answer": "assert f(3) == {GOLD}\\nassert f(4) == {GOLD}"}}\n')
    choices = Item("x", "Which?\nA. first\nB. second\nC. third", "C")
    code = [FileBenchmark(f"file:{rows}?grader=code")] if wall.missing() is None else []
    return [
        *(
            (get_benchmark(name), Item("x", "How many cups?", GOLD, meta={"tolerance": None}))
            for name in ("math500", "olympiadbench", "gsm8k", "arith")
        ),
        (get_benchmark("mmlu"), choices),
        (FileBenchmark(f"file:{rows}?grader=exact"), Item("x", "How many?", GOLD)),
        (FileBenchmark(f"file:{rows}?grader=regex:=\\s*(\\d+)+$"), Item("x", "How many?", GOLD)),
        (get_benchmark("ifeval"), Item("1", "q", "", meta={"instructions": ["punctuation:no_comma"], "kwargs": [{}]})),
        *((b, b.pool()[0]) for b in code),
    ]


def test_mutated_completions(benchmarks):
    seed = int(os.environ.get("OFFMODEL_FUZZ_SEED", time.time_ns() % 10**9))
    rng, end, tried = random.Random(seed), time.monotonic() + SECONDS, 0
    while time.monotonic() < end:
        benchmark, item = rng.choice(benchmarks)
        completion = mutated(rng)
        start = time.monotonic()
        grade = benchmark.grade(item, completion)
        took, told = time.monotonic() - start, f"seed {seed}, {benchmark.name}: {completion[:2000]!r}: {grade}"
        tried += 1
        assert took < 2 * wall.SECONDS + 3, told
        assert len(str(grade.extracted)) < 2000, told
        assert not (grade.correct and not grade.graded), told
        if benchmark.name not in ("mmlu", "ifeval"):
            assert not grade.correct, told
        assert "in the grader" not in str(grade.extracted), told
    print(f"{tried} completions, seed {seed}")
    assert tried > 10
