"""All golds of MATH-500 and OlympiadBench with one thing moved: none is equal but for what sympy finds equal, listed here."""

import os

import pytest

from offmodel.benchmarks import get_benchmark
from tests.golden.mutants import mutants
from tests.golden.test_real_data import data  # noqa: F401

pytestmark = [pytest.mark.fuzz, pytest.mark.real_data]
EVERY = 1 if float(os.environ.get("OFFMODEL_FUZZ_SECONDS", "15")) > 60 else 10

TRULY_EQUAL = {
    # an interval is open at infinity, whatever its bracket
    ("(-\\infty, 2) \\cup (3, \\infty)", "[-\\infty, 2) \\cup (3, \\infty)"),
    ("(-\\infty, 2) \\cup (3, \\infty)", "(-\\infty, 2) \\cup (3, \\infty]"),
    ("(5,\\infty)", "(5,\\infty]"),
    ("(2,\\infty)", "(2,\\infty]"),
    ("(-\\infty, 0]", "[-\\infty, 0]"),
    ("(-\\infty, 0) \\cup\\{1\\}", "[-\\infty, 0) \\cup\\{1\\}"),
    ("(-\\infty,-5)", "[-\\infty,-5)"),
    # zero, and zeros that mean nothing
    ("0", "-0"),
    ("0,-1,-\\frac{3}{2}", "-0,-1,-\\frac{3}{2}"),
    ("\\$18.90", "\\$18.9"),
    ("0.15", ".15"),
    ("1.68,0.45", "1.680,.45"),
    ("1.68,0.45", "1.68,.45"),
    # within the tolerance that its item declares
    ("4.2", "4.3"),
}


@pytest.mark.usefixtures("data")
@pytest.mark.parametrize("name", ["math500", "olympiadbench"])
def test_no_mutant_is_equal(name):
    benchmark = get_benchmark(name)
    items = {item.answer: item for item in benchmark.pool()}.values()
    asked = [(item, mutant) for item in items for _, mutant in mutants(item.answer)][::EVERY]
    grades = benchmark.grade_all([(item, f"\\boxed{{{mutant}}}") for item, mutant in asked])
    found = {(item.answer, mutant) for (item, mutant), grade in zip(asked, grades, strict=True) if grade.correct}
    assert found <= TRULY_EQUAL
    assert not [(item.answer, mutant) for (item, mutant), grade in zip(asked, grades, strict=True) if not grade.graded]
    print(f"{name}: {len(asked)} mutants, {len(found)} truly equal")
