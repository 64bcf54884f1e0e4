"""Inputs that a referee found to be read wrongly: each kind once or twice."""

import pytest

from offmodel.benchmarks import Item, get_benchmark
from offmodel.benchmarks.custom import grade_exact
from offmodel.benchmarks.graders.letters import choice_letter

MATHS = [  # gold, completion, correct
    ("7", "\\boxed{-\\infty}", False),
    ("-\\infty", "\\boxed{7}", False),
    ("\\infty", "\\boxed{∞}", True),
    ("\\pi(R^2-r^2)", "\\boxed{\\pi(r^2-R^2)}", False),
    ("\\pi(R^2-r^2)", "\\boxed{\\pi R^2-\\pi r^2}", True),
    ("n(n+1)", "\\boxed{n(N+1)}", False),
    ("\\frac{1}{2}", "\\boxed{－\\frac{1}{2}}", False),
    ("\\frac{1}{2}", "\\boxed{\\ge \\frac{1}{2}}", False),
    ("\\frac{1}{2}", "\\boxed{√\\frac{1}{2}}", False),
    ("\\frac{1}{2}", "\\boxed{\\frac{1}{2}²}", False),
    ("\\frac{1}{2}", "\\boxed{\\frac{1}{2} × 10²}", False),
    ("7", "\\boxed{7\\text{ squared}}", False),
    ("7", "\\boxed{7\\text{ and a half}}", False),
    ("7", "\\boxed{7\\text{.5}}", False),
    ("7", "\\boxed{7\\,\\text{thousand}}", False),
    ("5000", "\\boxed{5\\,\\text{thousand}}", True),
    ("6m", "\\boxed{6}", False),
    ("\\pi r^2 h", "\\boxed{\\pi r^2}", False),
    ("10^{-7}", "\\boxed{1e-7}", True),
    ("1e-7", "\\boxed{10^{-7}}", True),
    ("e-7", "\\boxed{1e-7}", False),
    ("1.25", "\\boxed{1.25+10^{-9}}", False),
    ("1", "\\boxed{\\sqrt{1+10^{-12}}}", False),
    ("\\pi", "\\boxed{3.1415926535}", False),
    ("15\\mbox{ cm}^2", "\\boxed{15 cm^3}", False),
    ("15\\mbox{ cm}^2", "\\boxed{15\\text{ cm}^2}", True),
    ("72", "**Solution:**\n\n48/2 = 24\n\n48 + 24 = 72", True),
    ("18", "Answer: 16 - 3 - 4 = 9. 9 * 2 = 18.", True),
    ("7", "**Solution:**\n\\[ x + 3 = 10 \\]\n\\[ x = 7 \\]", True),
    ("12", "The string is 60 inches long. Each piece is 5 inches. So we get 60/5 = 12 pieces.", True),
    ("7", "The answer is 7, not 5.", True),
    ("7", "The answer is 7 rather than 5.", True),
    ("5", "The answer is $\\boxed{5}$, not $\\boxed{6}$.", True),
    ("7", "\\boxed{7}\n\nLet's verify by doubling it: the result is 14, as the question says.", True),
    ("18", "\\boxed{18}\n\nA common wrong answer is 20.", True),
    ("8", "The answer is 8 in total.", True),
    ("18", "Answer: $18 a day", True),
    ("7", "\\boxed{\\text{The answer is }7}", True),
    ("7", "\\boxed{\\approx 7}", True),
    ("7", "\\boxed7", True),
    ("2\\sqrt{3}", "\\boxed{2√3}", True),
    ("1000000", "\\boxed{10⁶}", True),
    ("x \\in [-2,7]", "\\boxed{-2 \\le x \\le 7}", True),
    ("5:30", "\\boxed{5:30:01}", False),
    ("(3,2)", "\\boxed{[3,2]}", False),
    ("\\frac{1}{3}", "\\boxed{0.\\overline{3}}", True),
    ("6 - 5i", "\\boxed{6-5\\mathrm{i}}", True),
    ("-2,1", "\\boxed{x \\in \\{-2,1\\}}", True),
    ("\\text{Monday}", "\\boxed{\\textrm{Monday}}", True),
    ("\\text{Yes}", "Yes.", True),
    ("7", "3 + 4 = 7\n" + "-" * 60 + "\n\\boxed{7}", True),
    ("a+b", "The answer is a+b.", True),
    ("3", "So 33 + 34 + 35 + 3", False),
    ("105", "So 33 + 34 + 35 + 3", True),
    ("8", "We get 3 + 5 = 8", True),
]


@pytest.mark.parametrize(("gold", "completion", "correct"), MATHS)
def test_maths(gold, completion, correct):
    grade = get_benchmark("math500").grade(Item("x", "q", gold), completion)
    assert (grade.correct, grade.graded) == (correct, True), grade


CHOICES = {"A": "first", "B": "second", "C": "third", "D": "fourth"}
LETTERS = [
    ("A is wrong.", None),
    ("A is not the answer.", None),
    ("A is incorrect. B is incorrect. D is incorrect. Therefore C.", "C"),
    ("None of A, B or C is correct, so D.", "D"),
    ("I would not choose B.", None),
    ("Answer: B. While statement A is true in general, it does not apply here.", "B"),
    ("Answer: **(B)** because (A) is only true for gases.", "B"),
    ("Answer: A. Vitamin C is the best known antioxidant.", "A"),
    ("A is true.\nB is true.\nC is true.\n\n**D**", "D"),
    ("The answer is B. If it is A, then the sum is odd.", "B"),
    ("The answer is B. Students often pick C because it looks similar.", "B"),
    ("\\boxed{C_6H_{12}O_6}", None),
    ("\\boxed{A = \\pi r^2}", None),
    ("The answer is C. S. Lewis", None),
    ("Answer: A.D. 1066", None),
    ("Answer: C#", None),
    ("<answer>C</answer>", "C"),
    ('{"answer": "C"}', "C"),
    ("Therefore, option C.", "C"),
    ("I believe C is the answer.", "C"),
    ("The answer is actually C.", "C"),
    ("The option is C", "C"),
    ("Ans: C", "C"),
    ("\\boxed{\\textrm{C}}", "C"),
    ("x = 2, which is option B.", "B"),
    ("The answer is A $24,200", "A"),
]


@pytest.mark.parametrize(("completion", "letter"), LETTERS)
def test_letters(completion, letter):
    assert choice_letter(completion, "ABCD", CHOICES) == letter


EXACT = [
    ("10", "The answer is 10 - 3 = 7.", False),
    ("5", "The answer is 5 (mod 7).", False),
    ("5", "The answer is 5! = 120.", False),
    ("J", "The answer is J. K. Rowling.", False),
    ("No", "The answer is No. 5.", False),
    ("1", "The answer is 1; 2; 3.", False),
    ("Paris", "Paris.", True),
    ("Paris", "**Paris**", True),
    ("__init__", "The answer is __init__", True),
    ("Yahoo!", "The answer is Yahoo!", True),
    ("5!", "The answer is 5!.", True),
    ("New York", "\\boxed{\\text{New York}}", True),
    ("São Paulo", "The answer is Sa\u0303o Paulo.", True),
]


@pytest.mark.parametrize(("gold", "completion", "correct"), EXACT)
def test_exact(gold, completion, correct):
    assert grade_exact(gold, completion).correct == correct


Q = "A shop sells 3 red and 4 blue cups. How many cups is that?"
GSM8K = [  # gold, completion, correct, run on
    ("7", "We first count 3 red cups.\n\nExample: a red cup and a blue cup make 2 cups.\n\nSo in total \\boxed{7}", True, False),
    ("7", "Task 1: red cups: 3\nTask 2: blue cups: 4\nTask 3: in all \\boxed{7}", True, False),
    (
        "7",
        "The answer is 7.\n\nQuestion: A shop sells 5 red and 8 blue cups. How many cups is that?\nThe answer is 13.",
        True,
        True,
    ),
    ("7", "#### 1. Red cups\nThere are 3.\n#### 2. Blue cups\nThere are 4.\n\nIn total there are 7 cups.", True, False),
    ("18", "#### 18 ####", True, False),
    ("7", "7<|eot|><|header_start|>user<|header_end|>And 2 + 2?", True, True),
    ("7", "<|START_RESPONSE|>The answer is 7.<|END_RESPONSE|>", True, False),
    ("7", "<THINKING>the answer is 5</THINKING>\n7", True, False),
    ("7", "It was <s>$10</s>, now the answer is 7.", True, False),
]


@pytest.mark.parametrize(("gold", "completion", "correct", "run_on"), GSM8K)
def test_word_problems(gold, completion, correct, run_on):
    grade = get_benchmark("gsm8k").grade(Item("x", Q, gold), completion)
    assert (grade.correct, grade.run_on) == (correct, run_on), grade


TOKENS = (
    "-",
    "_ ",
    "#",
    "*",
    "\\[",
    "\\(",
    "$",
    "$$",
    "\\boxed{",
    "answer is ",
    "Answer: ",
    "answer is \\text{",
    "1,",
    "1 ",
    "\\frac",
    "(",
    "####\n",
    "Q:\n",
)
TOKENS += (
    "```\n",
    "<think>",
    "</think>",
    "A. ",
    "B is correct ",
    "so A",
    "The final answer is $\\boxed{7}$. ",
    "\\boxed{7} and ",
    "{",
    "1/",
    "=",
    "I pick ",
)


@pytest.mark.parametrize("name", ["math500", "gsm8k", "mmlu", "arith", "strings"])
def test_no_repeated_token_takes_long(name):
    item = Item("x", "Which?\nA. first\nB. second", "7", meta={"tolerance": None})
    benchmark = get_benchmark(name)
    benchmark.grade(item, "7")
    for token in TOKENS:
        assert benchmark.grade(item, token * (100_000 // len(token))).graded, token
