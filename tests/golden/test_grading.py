"""Hand-checked completions, tricky ones included."""

import pytest

from offmodel.benchmarks import Item, get_benchmark
from offmodel.benchmarks.grading import choice_letter, final_answer, last_boxed

ARITH = Item("x", "", "36", 2)


@pytest.mark.parametrize(
    ("completion", "correct", "parsed"),
    [
        ("## Solution\n\n**Answer:** $\\boxed{36}$", True, True),
        ("So the result is \\boxed{36}.", True, True),
        ("\\boxed{12} no, \\boxed{36}", True, True),
        ("\\boxed{36} no, \\boxed{12}", False, True),
        ("\\boxed{ 36 }", True, True),
        ("The answer is 36.", True, True),
        ("the result is **36**", True, True),
        ("36", False, False),
        ("\\boxed{36", False, False),
        ("\\boxed{}", False, True),
        ("", False, False),
        ("\\boxed{3{6}}", False, True),
    ],
)
def test_arith(completion, correct, parsed):
    grade = get_benchmark("arith").grade(ARITH, completion)
    assert (grade.correct, grade.parsed) == (correct, parsed)


@pytest.mark.parametrize(
    ("completion", "letter"),
    [
        ("B", "B"),
        ("B) tower", "B"),
        ("(c)", "C"),
        ("The answer is D.", "D"),
        ("Arr, matey! The answer is A, arr!", "A"),
        ("**B**", "B"),
        ("\\boxed{C}", "C"),
        ("Because it lives there", None),
        ("Arr, matey!", None),
        ("", None),
    ],
)
def test_choice(completion, letter):
    assert choice_letter(completion) == letter


def test_nested_braces_stay_whole():
    assert last_boxed("x \\boxed{\\frac{1}{2}} y") == "\\frac{1}{2}"
    assert final_answer("nothing here") is None
