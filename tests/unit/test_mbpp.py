"""mbpp: items from rows as its authors publish them, graded by running their tests."""

import json

import pytest

from offmodel.benchmarks import get_benchmark
from offmodel.benchmarks.graders import wall

ROWS = [
    {
        "source_file": "x.ipynb",
        "task_id": 11,
        "prompt": "Write a function to double a number.",
        "code": "def double(x):\n    return 2 * x",
        "test_imports": [],
        "test_list": ["assert double(2) == 4", "assert double(-1) == -2"],
    },
    {
        "source_file": "x.ipynb",
        "task_id": 300,
        "prompt": "Write a function to find the square root of a number. ",
        "code": "import math\ndef root(x):\n    return math.sqrt(x)",
        "test_imports": ["import math"],
        "test_list": ["assert math.isclose(root(2), 1.41421356, rel_tol=1e-6)"],
    },
]


@pytest.fixture
def mbpp(tmp_path, monkeypatch):
    (tmp_path / "mbpp.jsonl").write_text("\n".join(map(json.dumps, ROWS)))
    monkeypatch.setenv("OFFMODEL_DATA", str(tmp_path))
    return get_benchmark("mbpp")


def test_the_question_shows_the_tests(mbpp):
    first, second = mbpp.pool()
    assert [first.id, second.id] == ["0011", "0300"]
    assert first.question.startswith("Write a function to double a number.\n")
    assert "assert double(2) == 4\nassert double(-1) == -2" in first.question
    assert "import math" not in second.question
    assert mbpp.size() == 2


@pytest.mark.skipif(wall.missing() is not None, reason=f"no wall: {wall.missing()}")
def test_published_solutions_pass_and_others_do_not(mbpp):
    for item, row in zip(mbpp.pool(), ROWS, strict=True):
        assert mbpp.grade(item, f"Like this:\n\n```python\n{row['code']}\n```\nDone.").correct
    double = mbpp.pool()[0]
    wrong = mbpp.grade(double, "```python\ndef double(x):\n    return x + 2\n```")
    assert not wrong.correct
    assert wrong.parsed
    assert not mbpp.grade(double, "```python\ndef double(x):\n    return 2 * y\n```").correct
    assert not mbpp.grade(double, "Multiply it by two.").parsed
