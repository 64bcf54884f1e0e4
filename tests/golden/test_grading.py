"""Where the answer is: thinking, running on, headings, letters, numbers, free text."""

from fractions import Fraction

import pytest

from offmodel.benchmarks import Item, get_benchmark
from offmodel.benchmarks.custom import grade_exact, grade_regex
from offmodel.benchmarks.graders.answers import USUAL, Thinking, blocks, boxes, final_readings, outside_thinking, turns_cut
from offmodel.benchmarks.graders.letters import choice_letter, choices_of
from offmodel.benchmarks.graders.numerals import last_number, number
from offmodel.benchmarks.graders.values import answer

ARITH = Item("x", "Start with 7, add 5, multiply by 3. What is the result?", "36")


@pytest.mark.parametrize(
    ("completion", "correct", "parsed"),
    [
        ("\\boxed{36}", True, True),
        ("first \\boxed{12} no, \\boxed{36}", True, True),
        ("\\boxed{36} no, \\boxed{12}", False, True),
        ("\\boxed{ 36 }", True, True),
        ("The answer is 36.", True, True),
        ("The answer is 36, arr!", True, True),
        ("the result is **36**", True, True),
        ("So the result is \\boxed{36}. The result is what we wanted.", True, True),
        ("The answer is 36.5.", False, True),
        ("The answer is 1,036.", False, True),
        ("36", False, False),
        ("\\boxed{36", False, False),
        ("\\boxed{}", False, False),
        ("", False, False),
        ("\\boxed{3{6}}", False, False),
    ],
)
def test_arith(completion, correct, parsed):
    grade = get_benchmark("arith").grade(ARITH, completion)
    assert (grade.correct, grade.parsed) == (correct, parsed)


THINKING = [
    ("8", "8"),
    ("<think>a</think>8", "8"),
    ("a</think>8", "8"),
    ("<think>a</think>x<think>b</think>8", "x8"),
    ("<think>a <think> b</think>8", "8"),
    ("<think>a</think> b</think>8", "8"),
    ("<think>a</think>The answer is 8.</think>", "The answer is 8."),
    ("<think>a", None),
    ("8 <think>or 9", None),
    ("<think></think>8", "8"),
    ("<thinking>a</thinking>8", "8"),
    ("[THINK]a[/THINK]8", "8"),
    ("<|begin_of_thought|>a<|end_of_thought|>8", "8"),
    ("<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>8", "8"),
    ("The `<think>` tag opens a block.", "The `<think>` tag opens a block."),
    ("<think>a</thinking>8", None),
]


@pytest.mark.parametrize(("completion", "said"), THINKING)
def test_what_was_thought_is_not_said(completion, said):
    assert outside_thinking(completion) == said


def test_a_block_that_the_prompt_opened_and_marks_of_a_template():
    opened = Thinking(USUAL.tags, opened=True)
    assert outside_thinking("so 8", opened) is None
    assert outside_thinking("hm</think>8", opened) == "8"
    assert outside_thinking("hm</think>8<think>9</think>", opened) == "8"
    own = Thinking((("<mull>", "</mull>"),))
    assert outside_thinking("<mull>9</mull>8", own) == "8"
    assert outside_thinking("<think>9</think>8", own) == "<think>9</think>8"


Q = "A shop sells 3 red and 5 blue cups. How many cups is that?"
RUN_ON = [  # benchmark, gold, completion, correct, run on
    ("gsm8k", "8", "3 + 5 = 8\n#### 8\n\nQuestion: Tom has 4 apples and eats 2. How many are left?\nAnswer: 2", True, True),
    ("gsm8k", "2", "3 + 5 = 8\n#### 8\n\nQuestion: Tom has 4 apples and eats 2. How many are left?\nAnswer: 2", False, True),
    ("gsm8k", "8", "8\n\nQ: Tom has 4 apples and eats 2. How many are left?\nA: 2", True, True),
    ("gsm8k", "8", "So 8 cups.\n\nUser: And what is 4 - 2?\nAssistant: The answer is 2.", True, True),
    (
        "gsm8k",
        "8",
        "The answer is 8.<|im_end|>\n<|im_start|>user\nWhat is 1+1?<|im_end|>\n<|im_start|>assistant\nThe answer is 2.",
        True,
        True,
    ),
    ("gsm8k", "8", "The answer is 8.<|im_end|>", True, False),
    ("gsm8k", "8", "The answer is 8.\n\n### Instruction:\nAdd 1 and 1.\n\n### Response:\n2", True, True),
    ("gsm8k", "8", "\\boxed{8}\n\n**Problem 2:** A farmer has 12 hens and sells 5.\n\\boxed{7}", True, True),
    ("gsm8k", "8", "The answer is 8.\n\nExample 2: Ann buys 9 pens.\nThe answer is 9.", True, True),
    ("gsm8k", "8", f"**Question:** {Q}\n\n**Solution:** 3 + 5 = 8\n\nAnswer: 8", True, False),
    ("gsm8k", "8", f"Let us see 3 and 5.\nQuestion: {Q}\nAnswer: 8", True, False),
    ("gsm8k", "8", "Problem: add them.\n3 + 5 = 8\nThe answer is 8.", True, False),
    ("gsm8k", "8", "The answer is 8.", True, False),
]


@pytest.mark.parametrize(("name", "gold", "completion", "correct", "run_on"), RUN_ON)
def test_what_a_model_ran_on_into_is_cut(name, gold, completion, correct, run_on):
    grade = get_benchmark(name).grade(Item("x", Q, gold), completion)
    assert (grade.correct, grade.run_on) == (correct, run_on)


def test_letters_and_free_text_that_run_on():
    asked = Item("x", "Which?\nA. first\nB. second\nC. third\nD. fourth\nAnswer with the letter only.", "B")
    grade = get_benchmark("mmlu").grade(asked, "B\n\nQuestion: What is the capital of Peru?\nA. Lima\nB. Quito\nAnswer: A")
    assert (grade.correct, grade.run_on) == (True, True)
    faq = Item("1", "Write a FAQ.", "", meta={"instructions": ["punctuation:no_comma"], "kwargs": [{}]})
    grade = get_benchmark("ifeval").grade(faq, "Q: What is it?\nA: A shop.\n\nQ: Is it open?\nA: Yes, it is.")
    assert (grade.correct, grade.run_on) == (False, False)  # the comma of the second answer counts
    assert turns_cut("<|im_start|>assistant\n8") == ("8", False)


HEADINGS = [
    ("**Answer:**\n\nFirst there are 3 red cups.\n3 + 5 = 8\n\nSo there are 8 cups.", "8"),
    ("Answer: Let us go step by step. There are 3 red cups.\n3 + 5 = 8\n#### 8", "8"),
    ("Here is my answer:\n\n1. There are 3 red cups.\n2. In all 8 cups.", "8"),
    ("Answer: 1. There are 3 red cups.\n2. There are 5 blue ones.\n3. That is 8.", "8"),
    ("**Answer:**\n\n3 red and 5 blue cups make 8 cups.", "8"),
    ("**Answer:**\n\n8\n\nFor 3 + 5 is 8, and 2 + 2 is 4.", "8"),
    ("Answer:\n$\\frac{1}{2}$", "\\frac{1}{2}"),
    ("Answer:\n\\[\n x = 5\n\\]", "x = 5"),
    ("The area is \\boxed{2\\pi r}.\n\nAnswer: 12", "12"),
    ("Answer: 12. Let me check: \\boxed{13}", "13"),
    ("The answer is 8. The cups are red.", "8"),
    ("The answer is 18 dollars, since 20 - 2 = 18.", "18 dollars"),
    ("The answer is $x=1$ and $x=2$.", "x=1, x=2"),
    ("The answer is (3, 4).", "(3, 4)"),
    ("The final answer is $\\boxed{8}$. I hope it is correct.", "8"),
    ("<answer>8</answer>", "8"),
    ("It takes 1 1/2 hours.", "1 1/2"),
    ("It is 3-5 days.", "5"),
    ("We pay $1,234.50.", "$1,234.50"),
    ("If the answer is 9 then we erred. So it is 8", "8"),
    ("I cannot say.", None),
]


@pytest.mark.parametrize(("completion", "found"), HEADINGS)
def test_the_last_stated_answer_that_stands_as_one(completion, found):
    assert answer(completion, hashes=True) == found


NUMBERS = [
    ("36", 36),
    ("-5", -5),
    ("−5", -5),
    ("+5", 5),
    ("3.14", Fraction(157, 50)),
    (".5", Fraction(1, 2)),
    ("5.", 5),
    ("007", 7),
    ("1,234", 1234),
    ("1\\,234", 1234),
    ("1~234", 1234),
    ("1 234", 1234),
    ("1{,}234,567", 1234567),
    ("11,\\! 111,\\! 100", 11111100),
    ("2 1/2", Fraction(5, 2)),
    ("2\\frac{1}{2}", Fraction(5, 2)),
    ("2\\frac12", Fraction(5, 2)),
    ("-2 1/2", Fraction(-5, 2)),
    ("2½", Fraction(5, 2)),
    ("14/3", Fraction(14, 3)),
    ("\\frac{14}{3}", Fraction(14, 3)),
    ("\\dfrac 43", Fraction(4, 3)),
    ("\\frac{270}7", Fraction(270, 7)),
    ("-\\frac{3}{8}", Fraction(-3, 8)),
    ("1.5e-3", Fraction(3, 2000)),
    ("1.5 \\times 10^{-3}", Fraction(3, 2000)),
    ("6.02 × 10^23", 602 * 10**21),
    ("1e-7", Fraction(1, 10**7)),
    ("\\$1,234.50", Fraction(2469, 2)),
    ("$18", 18),
    ("-$5", -5),
    ("€3", 3),
    ("50\\%", 50),
    ("50 percent", 50),
    ("90^\\circ", 90),
    ("90°", 90),
    ("18 dollars", 18),
    ("864 \\mbox{ inches}^2", 864),
    ("5.4 \\text{ cents}", Fraction(27, 5)),
    ("5 million", 5 * 10**6),
    ("2 dozen eggs", 24),
    ("**8**", 8),
    ("$8$", 8),
    ("\\text{8}", 8),
    ("8 square feet per day", 8),
    ("10^{-7}", Fraction(1, 10**7)),
    ("2^{99}", 2**99),
    ("10⁶", 10**6),
    ("0.\\overline{36}", Fraction(4, 11)),
    ("－4.5", Fraction(-9, 2)),
    ("5\\,\\text{thousand}", 5000),
    ("7~\\mathrm{cm}^2", 7),
    ("1\\;000\\;000", 10**6),
    ("7\\text{ squared}", None),
    ("7\\text{.5}", None),
    ("3 times 4", None),
    ("5 PM", None),
    ("3:45", None),
    ("2k", None),
    ("8\\pi", None),
    ("52_8", None),
    ("4!", None),
    ("1,2", None),
    ("1 2", None),
    ("3 or 4", None),
    ("x", None),
    ("", None),
    ("1/0", None),
    ("8 squared", None),
    ("3 quarters", None),
    ("1 2 3", None),
    ("12-5", None),
    ("2^5", 32),
]


@pytest.mark.parametrize(("text", "value"), NUMBERS)
def test_numbers_as_they_are_written(text, value):
    assert number(text) == value


def test_the_last_number():
    assert last_number("from 1,000 to 2 1/2, no: -3.5%") == "-3.5%"
    assert last_number("x_2 and y2") is None
    assert last_number("It costs $7.") == "$7"


LETTERS = [
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
    ("The answer is a prime number, so it must be 7.\n\nC", "C"),
    ("The answer is a bit subtle: only the second holds.\n\nB", "B"),
    ("The final answer is a matter of definition.", None),
    ("The answer is a.", "A"),
    ("answer: (a)", "A"),
    ("\\boxed{\\text{B}}", "B"),
    ("So we choose $\\boxed{\\textbf{(B)}}$.", "B"),
    ("\\boxed{\\mathrm{B}}", "B"),
    ("\\boxed{\\text{B. second}}", "B"),
    ("\\boxed{\\text{Because}}", None),
    ("Option C", "C"),
    ("the correct option is B", "B"),
    ("B. Because the second law holds.\nSo it must.", "B"),
    ("C: it is the mitochondria", "C"),
    ("I would go with option D, since it fits.", "D"),
    ("Answer: Ada Lovelace", None),
    ("The answer is vitamin C.", None),
    ("The answer is B-cells", None),
    ("Answer: A and C", None),
    ("Answer: A or B", None),
    ("The area is \\boxed{2\\pi r}.\n\nAnswer: C", "C"),
    ("B is not correct. C is correct", "C"),
    ("Answer: A because it holds", "A"),
    ("The answer is A since x", "A"),
    ("The answer is I think unclear", None),
    ("**Answer:** B) second", "B"),
    ("Answer: $\\text{C}$", "C"),
    ("The best choice is **(D)**.", "D"),
    ("Answer:\nB", "B"),
    ("C. elegans is a worm.", None),
    ("B is the correct answer", "B"),
    ("(A) is correct", "A"),
    ("The correct answer is option A.", "A"),
    ("a", "A"),
    ("a) first", "A"),
    ("A", "A"),
    ("Therefore, the correct statement is (C) since", "C"),
    ("$B$", "B"),
    ("Choice (B)", "B"),
    ("A.", "A"),
    ("It's A.", "A"),
    ("So it's (B).", "B"),
    ("B\n\nBecause the second is the only prime.", "B"),
    ("The answer is (B) because (A) is wrong.", "B"),
    ("Answer: B. second\n\nA is wrong because x.", "B"),
    ("**Answer: B**\n\nExplanation: A is not prime, C is not.", "B"),
    ("Let's see. A is 4. B is 5.\nSo the answer must be B, not A.", "B"),
    ("The answer is: B", "B"),
    ("Final answer - C", "C"),
    ("I choose C.", "C"),
    ("The correct answer is neither A nor B but C.", None),
    ("My answer is d", "D"),
    ("B: because", "B"),
    ("ANSWER: B", "B"),
    ("The answer is A: first", "A"),
    ("A – first", "A"),
    ("A - first", "A"),
    ("Option B is the right one.", "B"),
    ("B seems right", "B"),
    ("The answer is **a**", "A"),
    ("It is D)", "D"),
    ("D) fourth is right because ...\nNot A.", "D"),
    ("Correct option: C", "C"),
    ("Correct answer: C", "C"),
    ("The right choice here is B", "B"),
    ("B second", "B"),
    ("The answer is B second", "B"),
    ("the answer is B's second part", None),
    ("A is wrong. B is correct.", "B"),
]


@pytest.mark.parametrize(("completion", "letter"), LETTERS)
def test_choice(completion, letter):
    assert choice_letter(completion, "ABCDEFGHIJ", {"A": "first", "B": "second", "C": "third", "D": "fourth"}) == letter


def test_only_letters_of_choices_count():
    assert choice_letter("I. Worst-case search time is logarithmic.", "ABCD") is None
    assert choice_letter("I.") == "I"
    assert choice_letter("The answer is (E).", "ABCD") is None
    assert choice_letter("The answer is (Z).", "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == "Z"
    assert choice_letter("C. elegans", "ABC", {"A": "C. elegans", "B": "E. coli", "C": "yeast"}) is None
    assert choice_letter("C. yeast", "ABC", {"A": "C. elegans", "B": "E. coli", "C": "yeast"}) == "C"


def test_the_text_of_a_choice_may_be_a_formula():
    choices = {"A": r"\frac{1}{20}", "B": r"\texttt{x + 1}", "C": "$x$ is even"}
    assert [choice_letter(f"{letter}. {text}", "ABC", choices) for letter, text in choices.items()] == ["A", "B", "C"]
    assert [choice_letter(f"Answer: {letter}. {text}", "ABC", choices) for letter, text in choices.items()] == ["A", "B", "C"]


def test_choices_are_those_at_the_end_of_the_question():
    question = (
        "A. Einstein and\nB. Bohr met. Who was right?\nA. Einstein\nB. Bohr,\nafter all\nC. both\nAnswer with the letter only."
    )
    assert choices_of(question) == {"A": "Einstein", "B": "Bohr,", "C": "both"}


EXACT = [  # gold, completion, correct
    ("3.14", "The answer is 3.14.", True),
    ("3", "The answer is 3.14.", False),
    ("1,234", "The answer is 1,234.", True),
    ("1", "The answer is 1,234.", False),
    ("Paris, France", "The answer is Paris, France.", True),
    ("Paris", "The answer is Paris, France.", True),
    ("St. John", "Answer: St. John", True),
    ("36", "The result is 36.", True),
    ("e.g.", "The answer is e.g.", True),
    ("Dr. No", "The answer is Dr. No. It is a film.", True),
    ("12:30", "The answer is 12:30.", True),
    ("$5.99", "Answer: $5.99", True),
    ("O'Hara", "The answer is O'Hara.", True),
    ("42", "42", True),
    ("paris", "Paris", True),
    ("Paris", "\\boxed{Paris}", True),
    ("Lima", "Paris", False),
    ("a-b", "Answer: a-b", True),
    ("Paris", "**Answer:**\n\nParis", True),
]


@pytest.mark.parametrize(("gold", "completion", "correct"), EXACT)
def test_exact_cuts_nothing_off(gold, completion, correct):
    assert grade_exact(gold, completion).correct == correct


def test_regex_takes_the_last_match():
    assert grade_regex(r"=(\d+)", "7", "a=3, b=7").correct
    assert not grade_regex(r"=(\d+)", "3", "a=3, b=7").correct
    assert not grade_regex(r"=(\d+)", "3", "none").parsed
    assert grade_regex("(a)|b", "x", "b").parsed is False


def test_boxes():
    assert [b.text for b in boxes("x \\boxed{\\frac{1}{2}} y")] == ["\\frac{1}{2}"]
    assert [b.text for b in boxes("\\boxed{3} or \\boxed{5}")] == ["3, 5"]
    assert [b.text for b in boxes("First \\boxed{12}, but checking again \\boxed{18}")] == ["12", "18"]
    assert [b.text for b in boxes("\\boxed{\\{1, 2\\}}")] == ["\\{1, 2\\}"]
    assert [b.text for b in boxes("\\boxed{\\boxed{8}}")] == ["\\boxed{8}"]
    assert [b.text for b in boxes("\\boxed{ and \\boxed{8}")] == ["8"]
    assert boxes("\\boxed{" * 50_000) == []
    assert final_readings("nothing here") == []


def test_fenced_blocks():
    text = "1. So:\n   ~~~Python3 title=x\n   def f():\n       pass\n   ~~~\n````\n```\nx\n```\n````\n```js\nopen"
    found = [(b.label, b.code.strip("\n"), b.closed) for b in blocks(text)]
    assert found == [("Python3 title=x", "def f():\n    pass", True), ("", "```\nx\n```", True), ("js", "open", False)]
