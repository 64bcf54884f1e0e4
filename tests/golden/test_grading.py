"""Hand-checked completions, tricky ones included."""

import pytest
from offmodel.benchmarks.grading import choice_letter, final_answer, last_boxed

from offmodel.benchmarks import Item, get_benchmark

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
        ("**D. None of the above.**", "D"),
        ("Smaller pages help (I, II, and III).\n\nAnswer: D", "D"),
        ("A. 12 is no multiple of 30.\nB. 20 is none.\nC. 30 is one.\n\nTherefore, the answer is C.", "C"),
        ("Since all statements hold, the correct answer is:\n\n**D. None of them.**", "D"),
        ("The answer is not A. The answer is B.", "B"),
        ("Some steps.\n\n\\[ C = 2\\pi r \\]\n\n(C)", "C"),
        ("A chi-squared test is to be performed.", None),
        ("I think so.", None),
        ("Some steps.\nC = 2\\pi r\nThat is all.", None),
        ("Because it lives there", None),
        ("Arr, matey!", None),
        ("", None),
    ],
)
def test_choice(completion, letter):
    assert choice_letter(completion) == letter


def test_only_letters_of_choices_count():
    assert choice_letter("I. Worst-case search time is logarithmic.", "ABCD") is None
    assert choice_letter("I.") == "I"


def test_nested_braces_stay_whole():
    assert last_boxed("x \\boxed{\\frac{1}{2}} y") == "\\frac{1}{2}"
    assert final_answer("nothing here") is None
