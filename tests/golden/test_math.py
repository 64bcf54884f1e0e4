"""Mathematical answers, hand-checked: the shapes real models give them."""

import pytest
from offmodel.benchmarks.math_grader import MathGrader, math_grader

from offmodel.benchmarks import Item, get_benchmark

CASES = [
    # gold, completion, correct, parsed
    ("\\frac{14}{3}", "so we get $\\boxed{\\frac{14}{3}}$.", True, True),
    ("\\frac{14}{3}", "The answer is 14/3.", True, True),
    ("\\frac{14}{3}", "\\boxed{\\dfrac{28}{6}}", True, True),
    ("\\frac{14}{3}", "\\boxed{4.67}", False, True),
    ("\\frac43", "\\boxed{\\frac{4}{3}}", True, True),
    ("3\\sqrt{13}", "Thus the distance is $\\sqrt{117} = \\boxed{3\\sqrt{13}}$", True, True),
    ("3\\sqrt{13}", "\\boxed{\\sqrt{117}}", True, True),
    ("90^\\circ", "\\boxed{90}", True, True),
    ("90^\\circ", "The angle is $\\boxed{90^\\circ}$.", True, True),
    ("p - q", "Therefore $$\\boxed{p-q}$$", True, True),
    ("p - q", "\\boxed{q - p}", False, True),
    ("x^3+3x-6", "\\boxed{-6+3x+x^3}", True, True),
    ("6 - 5i", "\\boxed{-5i+6}", True, True),
    ("\\text{Evelyn}", "\\boxed{\\text{Evelyn}}", True, True),
    ("\\text{Evelyn}", "\\boxed{Evelyn}", True, True),
    ("\\text{Evelyn}", "\\boxed{\\text{Angela}}", False, True),
    ("\\left( 3, \\frac{\\pi}{2} \\right)", "\\boxed{(3, \\pi/2)}", True, True),
    ("\\left( 3, \\frac{\\pi}{2} \\right)", "\\boxed{(\\frac{\\pi}{2}, 3)}", False, True),
    ("(3,4]", "\\boxed{(3,4]}", True, True),
    ("(3,4]", "\\boxed{[3,4]}", False, True),
    ("(-\\infty,-5)", "\\boxed{(-\\infty, -5)}", True, True),
    ("3, 5, 7", "\\boxed{3,5,7}", True, True),
    ("3, 5, 7", "\\boxed{7, 5, 3}", True, True),
    ("3, 5, 7", "\\boxed{3, 5}", False, True),
    ("1,-2", "\\boxed{-2, 1}", True, True),
    ("x=5", "\\boxed{5}", True, True),
    ("18", "\\boxed{x = 18}", True, True),
    ("1000", "\\boxed{1,000}", True, True),
    ("70000", "She made a profit of \\$70,000.\n\nThe answer is $70,000.", True, True),
    ("18", "**Answer:** 18 dollars", True, True),
    ("18", "\\boxed{18 \\text{ dollars}}", True, True),
    ("18", "\\boxed{\\$18}", True, True),
    ("50", "\\boxed{50\\%}", True, True),
    ("1.25", "\\boxed{\\frac{5}{4}}", True, True),
    ("52_8", "\\boxed{52_8}", True, True),
    ("52_8", "\\boxed{52_{8}}", True, True),
    ("18", "First \\boxed{12}, but checking again \\boxed{18}", True, True),
    ("18", "First \\boxed{18}, but checking again \\boxed{12}", False, True),
    ("18", "I think it is \\boxed{}", False, True),
    ("18", "\\boxed{18", False, None),
    ("18", "I cannot solve this.", False, False),
    ("18", "", False, False),
    (r"\begin{pmatrix} -1/3 \\ 2 \end{pmatrix}", r"\boxed{\begin{pmatrix} -\frac{1}{3} \\ 2 \end{pmatrix}}", True, True),
    ("(1,8,19), (2,7,13), (4,5,7)", "\\boxed{(4,5,7), (1,8,19), (2,7,13)}", True, True),
    ("(1,8,19), (2,7,13), (4,5,7)", "\\boxed{(4,5,7), (1,8,19)}", False, True),
]


@pytest.mark.parametrize(("gold", "completion", "correct", "parsed"), CASES)
def test_math(gold, completion, correct, parsed):
    grade = math_grader().grade(gold, completion)
    assert grade.correct == correct, grade
    assert parsed is None or grade.parsed == parsed


def test_tolerance():
    item = Item("2333", "", "4.2", None, {"tolerance": 0.1})
    benchmark = get_benchmark("olympiadbench")
    assert benchmark.grade(item, "\\boxed{4.25}").correct
    assert not benchmark.grade(item, "\\boxed{4.35}").correct
    assert not benchmark.grade(Item("1", "", "4.2", None, {"tolerance": None}), "\\boxed{4.25}").correct


def test_a_comparison_that_hangs_is_given_up_and_the_next_one_works():
    grader = MathGrader(timeout=2.0)
    try:
        assert grader.grade("2", "\\boxed{2}").correct
        hanging = grader.grade("1", "\\boxed{9^{9^{9^{9^{9}}}} - 9^{9^{9^{9^{9}}}} + 1}")
        assert not hanging.correct
        assert grader.grade("\\frac12", "\\boxed{0.5}").correct
    finally:
        grader.close()


def test_a_grader_that_dies_is_replaced():
    grader = MathGrader()
    try:
        assert grader.grade("2", "\\boxed{2}").correct
        assert grader.worker is not None
        grader.worker.kill()
        grader.worker.wait()
        assert "not comparable" in str(grader.grade("2", "\\boxed{4/2}").extracted)
        assert grader.grade("2", "\\boxed{4/2}").correct
    finally:
        grader.close()
