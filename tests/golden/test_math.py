"""Mathematical answers, hand-checked: the shapes real models give them."""

import pytest

from offmodel.benchmarks import Item, get_benchmark
from offmodel.benchmarks.graders.judge import Judge
from offmodel.benchmarks.graders.maths import canonical, equal
from tests.golden.mutants import mutants

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
    # what other graders, or ours before, read otherwise: docs/graders.md
    ("2.5", "The answer is 2 1/2.", True, True),
    ("12", "\\boxed{1 2}", False, True),
    ("\\frac{11}{2}", "\\boxed{\\frac{1}{12}}", False, True),
    ("\\sqrt{23}", "\\boxed{\\sqrt{2}3}", False, True),
    ("1 2/3", "\\boxed{12/3}", False, True),
    ("1 2/3", "\\boxed{5/3}", True, True),
    ("10000", "\\boxed{10\\,000}", True, True),
    ("10000", "10~000", True, True),
    ("10000", "The total is 10 000.", True, True),
    ("1234567", "\\boxed{1,234,567}", True, True),
    ("36", "\\boxed{\\$36}", True, True),
    ("5", "\\boxed{-5}", False, True),
    ("-5", "\\boxed{−5}", True, True),
    ("150000", "1.5 \\times 10^5", True, True),
    ("150000", "1.5e5", True, True),
    ("0.00012", "\\boxed{1.2\\times10^{-4}}", True, True),
    ("10_2", "\\boxed{10}", False, True),
    ("10", "\\boxed{10_2}", False, True),
    ("52_8", "\\boxed{52_{8}}", True, True),
    ("50", "\\boxed{50\\%}", True, True),
    ("0.5", "\\boxed{50\\%}", False, True),
    ("62.5%", "\\boxed{62.5}", True, True),
    ("8 \\%", "\\boxed{8\\%}", True, True),
    ("x=5", "\\boxed{y=5}", False, True),
    ("5", "\\boxed{y=5}", True, True),
    ("8", "Answer: 3 + 5 = 8", True, True),
    ("5000000", "The answer is 5 million.", True, True),
    ("8", "**Answer:**\n\n8\n\nBecause.", True, True),
    ("\\frac12", "Answer:\n$\\frac{1}{2}$", True, True),
    ("8", "The answer is 8 cups, since 3 + 5 = 8.", True, True),
    ("6", "\\boxed{0} or \\boxed{6}", False, True),
    ("0, 6", "\\boxed{0} or \\boxed{6}", True, True),
    ("1,2", "\\boxed{2,1}", True, True),
    ("(1,2)", "\\boxed{(2,1)}", False, True),
    ("\\{1,2\\}", "\\boxed{\\{2,1\\}}", True, True),
    ("[1,2]", "\\boxed{(1,2)}", False, True),
    ("3", "The area is \\boxed{2\\pi r}.\n\nAnswer: 3", True, True),
    ("\\text{(E)}", "\\boxed{E}", True, True),
    ("\\text{even}", "The function is even, so the answer is even.", True, True),
    ("\\text{even}", "\\boxed{\\text{odd}}", False, True),
    ("\\pi", "\\boxed{3.14159265}", False, True),
    ("3 \\pm 2 \\sqrt{2}", "\\boxed{3+2\\sqrt2, 3-2\\sqrt2}", True, True),
    ("3 \\pm 2 \\sqrt{2}", "\\boxed{3 \\pm 2\\sqrt{2}}", True, True),
    ("1 \\pm \\sqrt{19}", "\\boxed{1 - \\sqrt{19}}", False, True),
    ("y = 2x + 3", "\\boxed{2x+3}", True, True),
    ("y = 2x + 3", "\\boxed{y=2x+3}", True, True),
    ("x \\in [-2,7]", "\\boxed{[-2,7]}", True, True),
    ("x^5", "\\boxed{x^{5}}", True, True),
    ("864 \\mbox{ inches}^2", "\\boxed{864}", True, True),
    ("\\frac{270}7\\text{ degrees}", "\\boxed{\\frac{270}{7}}", True, True),
    ("18", "18", True, True),
    ("18", "It costs $18.", True, True),
    ("18", "We get 17 and then one more.\nSo 18 in total", True, True),
    ("2k", "\\boxed{2}", False, True),
    ("5:30", "\\boxed{5:30}", True, True),
    ("11,\\! 111,\\! 111,\\! 100", "\\boxed{11111111100}", True, True),
    ("137 \\frac{1}{2}", "\\boxed{137.5}", True, True),
    ("1\\frac{4}{5}", "\\boxed{9/5}", True, True),
    ("1\\frac{4}{5}", "\\boxed{\\frac{14}{5}}", False, True),
    (".0000672", "\\boxed{6.72e-5}", True, True),
    (".0000672", "\\boxed{0.0000673}", False, True),
    ("204_5", "\\boxed{204}", False, True),
    ("\\cot x", "\\boxed{\\cot(x)}", True, True),
    ("\\cot x", "\\boxed{\\tan x}", False, True),
    ("58,500", "\\boxed{58500}", True, True),
    ("58,500", "\\boxed{58{,}500}", True, True),
    ("8", "The final answer is $\\boxed{8}$. I hope it is correct.", True, True),
    ("8", "<answer>8</answer>", True, True),
    ("8", "Answer: 8.\n\nNext, let me double check: 3 + 5 = 8, 8 - 3 = 5.", True, True),
    ("4", "\\boxed{4!}", False, True),
    ("24", "\\boxed{4!}", True, True),
    ("(1,2)", "\\boxed{1,2}", False, True),
    ("1,2", "\\boxed{(1,2)}", False, True),
    ("12", "\\boxed{1{2}}", False, True),
    ("1 2/3", "\\boxed{12/3}", False, True),
    ("62.5%", "\\boxed{0.625}", True, True),
    ("16,3,1,1", "\\boxed{16,3,1}", False, True),
    ("16,3,1,1", "\\boxed{1,16,3,1}", True, True),
    ("221,8", "\\boxed{8,221}", True, True),
    ("15\\mbox{ cm}^2", "\\boxed{15\\text{ cm}^3}", False, True),
    ("\\{1\\pm\\sqrt{5},-2\\}", "\\boxed{\\{-2, 1+\\sqrt5, 1-\\sqrt5\\}}", True, True),
    ("\\{1\\pm\\sqrt{5},-2\\}", "\\boxed{\\{-2, 1\\pm\\sqrt5\\}}", True, True),
    ("(\\sqrt{2}, 1e-7)", "\\boxed{(\\sqrt{2}, 2e-7)}", False, True),
    ("\\frac{1}{2004!}", "\\boxed{\\frac{1}{2006!}}", False, True),
    ("\\frac{1}{2^{99}}", "\\boxed{2^{-99}}", True, True),
    ("10^{-20}", "\\boxed{10^{-21}}", False, True),
    ("10_2", "\\boxed{10}", False, True),
]


@pytest.mark.parametrize(("gold", "completion", "correct", "parsed"), CASES)
def test_math(gold, completion, correct, parsed):
    grade = get_benchmark("math500").grade(Item("x", "q", gold), completion)
    assert (grade.correct, grade.graded) == (correct, True), grade
    assert parsed is None or grade.parsed == parsed


def test_tolerance():
    item = Item("2333", "", "4.2", None, {"tolerance": 0.1})
    benchmark = get_benchmark("olympiadbench")
    assert benchmark.grade(item, "\\boxed{4.25}").correct
    assert benchmark.grade(item, "\\boxed{\\frac{17}{4}}").correct
    assert not benchmark.grade(item, "\\boxed{4.35}").correct
    assert not benchmark.grade(Item("1", "", "4.2", None, {"tolerance": None}), "\\boxed{4.25}").correct


def test_the_text_shortcut_takes_off_only_what_means_nothing():
    assert canonical("\\left( 3 , \\dfrac{\\pi}{2} \\right)") == canonical("(3,\\frac{\\pi}{2})")
    for a, b in (
        ("\\frac{11}{2}", "\\frac{1}{12}"),
        ("\\sqrt{23}", "\\sqrt{2}3"),
        ("1 2", "12"),
        ("1 2/3", "12/3"),
        ("a b", "ab"),
    ):
        assert canonical(a) != canonical(b)


GOLDS = (
    *(
        "5",
        "-9",
        "256",
        "58,500",
        "3.21",
        ".35625",
        "\\frac{14}{3}",
        "-\\frac{35}{9}",
        "1\\frac{4}{5}",
        "\\frac9{19}",
        "\\$18.90",
        "52_8",
    ),
    *(
        "11\\sqrt2",
        "1+2i",
        "6 - 5i",
        "-\\frac{\\pi}{6}",
        "2k+2",
        "x^3+3x-6",
        "(a+5)(b+2)",
        "1,-2",
        "3, 5, 7",
        "(6,31,-1)",
        "(3,4]",
        "3 \\pm 2 \\sqrt{2}",
    ),
    *(
        "x \\in [-2,7]",
        "y = 2x + 3",
        "(-\\infty, 2) \\cup (3, \\infty)",
        "\\{1\\pm\\sqrt{5},-2\\}",
        "\\begin{pmatrix} 1/5 \\\\ -18/5 \\end{pmatrix}",
    ),
    *(
        "864 \\mbox{ inches}^2",
        "(1,8,19), (2,7,13), (4,5,7)",
        "\\frac{1}{2 n+2}",
        "2^{1009}",
        "\\binom{2n}{n}",
        "62.5%",
        "\\frac{100!}{2^{50}}",
    ),
)
TRULY_EQUAL = {  # decided by sympy: an interval is open at infinity; and as decimals
    ("(-\\infty, 2) \\cup (3, \\infty)", "[-\\infty, 2) \\cup (3, \\infty)"),
    ("(-\\infty, 2) \\cup (3, \\infty)", "(-\\infty, 2) \\cup (3, \\infty]"),
    ("\\$18.90", "\\$18.9"),
}


def test_an_answer_with_one_thing_moved_is_another_answer():
    """Thousands of mutants of all golds of MATH-500 and OlympiadBench: tests/fuzz/test_mutants.py."""
    benchmark = get_benchmark("math500")
    pairs = [(gold, mutant) for gold in GOLDS for _, mutant in mutants(gold)]
    assert len(pairs) > 400
    grades = benchmark.grade_all([(Item("x", "q", gold), f"\\boxed{{{mutant}}}") for gold, mutant in pairs])
    assert {pair for pair, grade in zip(pairs, grades, strict=True) if grade.correct} == TRULY_EQUAL
    assert all(grade.graded for grade in grades)


def test_equality_does_not_depend_on_the_side():
    for gold, said in (("\\frac43", "4/3"), ("0.5", "\\frac12"), ("x^2-1", "(x-1)(x+1)"), ("1,2", "2,1")):
        assert equal(gold, said)
        assert equal(said, gold)


HANGING = "\\boxed{9^{9^{9^{9^{9}}}} - 9^{9^{9^{9^{9}}}} + 1}"


def test_a_comparison_that_hangs_is_not_graded_and_the_next_ones_are():
    judge, benchmark = Judge(seconds=2), get_benchmark("math500")
    asked = [(Item("a", "q", "2"), "\\boxed{2}"), (Item("b", "q", "1"), HANGING), (Item("c", "q", "\\frac12"), "\\boxed{0.5}")]
    try:
        right, hanging, after = judge.grade_all(benchmark, asked)
        assert right.correct
        assert after.correct
        assert (hanging.correct, hanging.graded) == (False, False)
        assert "took" in str(hanging.extracted)
    finally:
        judge.close()


def test_a_grading_process_that_dies_is_replaced():
    judge, benchmark = Judge(), get_benchmark("math500")
    try:
        assert judge.grade_all(benchmark, [(Item("a", "q", "2"), "\\boxed{2}")])[0].correct
        assert judge.worker is not None
        judge.worker.end()
        assert judge.grade_all(benchmark, [(Item("a", "q", "2"), "\\boxed{4/2}")])[0].correct
    finally:
        judge.close()
