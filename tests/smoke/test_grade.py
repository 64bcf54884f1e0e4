"""Grading files: own benchmarks, other people's completions, paired comparison."""

import json

import pytest
from typer.testing import CliRunner

from offmodel.benchmarks import get_benchmark
from offmodel.benchmarks.compare_files import comparison, grade_file, summary
from offmodel.cli import app
from offmodel.errors import OffmodelError


def write(path, rows):
    path.write_text("".join(json.dumps(r) + "\n" for r in rows))
    return path


@pytest.fixture
def own(tmp_path):
    rows = [{"id": f"q{i}", "question": f"What is {i} + {i}?", "answer": 2 * i, "level": 1 + i % 2} for i in range(12)]
    return write(tmp_path / "own.jsonl", rows)


def grade(*arguments):
    result = CliRunner().invoke(app, ["grade", *map(str, arguments)])
    assert result.exit_code == 0, result.exception
    return result.stdout


def test_own_benchmark_and_comparison(own, tmp_path):
    good = write(tmp_path / "good.jsonl", [{"id": f"q{i}", "completion": f"So it is \\boxed{{{2 * i}}}."} for i in range(12)])
    bad = write(tmp_path / "bad.jsonl", [{"id": f"q{i}", "completion": "\\boxed{1}" if i else ""} for i in range(12)])
    found = json.loads(grade(f"file:{own}?grader=math", bad, "--against", good, "--json"))
    assert (found["accuracy"], found["empty_rate"], found["n"]) == (0.0, 1 / 12, 12)
    assert found["against"]["delta"] == -1.0
    assert found["against"]["p_value"] < 0.001
    assert "accuracy 1.000" in grade(f"file:{own}?grader=math", good)


def test_choices_by_index_letter_and_regex(tmp_path):
    rows = [
        {"question": "Pick", "answer": 1, "choices": ["x", "y"]},
        {"question": "Pick again", "answer": "A", "choices": ["x", "y"]},
    ]
    benchmark = get_benchmark(f"file:{write(tmp_path / 'c.jsonl', rows)}")
    first, second = benchmark.pool()
    assert (first.answer, second.answer) == ("B", "A")
    assert benchmark.grade(first, "The answer is B.").correct
    plain = write(tmp_path / "p.jsonl", [{"question": "Say", "answer": "7", "system": "Be brief."}])
    by_regex = get_benchmark(f"file:{plain}?grader=regex:=(\\d+)")
    item = by_regex.pool()[0]
    assert by_regex.messages(item)[0] == {"role": "system", "content": "Be brief."}
    assert by_regex.grade(item, "a=3, b=7").correct
    assert not by_regex.grade(item, "no number").parsed


@pytest.mark.parametrize(
    ("rows", "option", "says"),
    [
        ([{"question": "x"}], "", "line 1 has no field 'answer'"),
        ([{"question": "x", "answer": "1"}], "?grader=maths", "Did you mean 'math'"),
        ([{"question": "x", "answer": "1"}], "?grader=regex:(", "not a regular expression"),
        ([{"question": "x", "answer": "1"}], "?garder=math", "Did you mean 'grader'"),
        ([{"question": "x", "answer": 7, "choices": ["a", "b"]}], "", "none of its 2 choices"),
        ([{"question": "x", "answer": "1", "level": "hard"}], "", "level 'hard' is no whole number"),
        ([{"id": 1, "question": "x", "answer": "1"}, {"id": 1, "question": "y", "answer": "1"}], "", "earlier row"),
    ],
)
def test_bad_benchmark_files(tmp_path, rows, option, says):
    path = write(tmp_path / "b.jsonl", rows)
    with pytest.raises(OffmodelError, match=says.replace("(", "\\(")):
        get_benchmark(f"file:{path}{option}").pool()


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([{"id": "zz", "completion": "x"}], "has no item 'zz'"),
        ([{"id": "q1", "completion": "x"}, {"id": "q1", "completion": "y"}], "comes twice"),
        ([{"id": "q1"}], "no field 'completion'"),
        ([], "has no rows"),
    ],
)
def test_bad_completions(own, tmp_path, rows, says):
    with pytest.raises(OffmodelError, match=says):
        grade_file(get_benchmark(f"file:{own}"), write(tmp_path / "c.jsonl", rows))


def test_nothing_in_common(own, tmp_path):
    benchmark = get_benchmark(f"file:{own}")
    one, two = (grade_file(benchmark, write(tmp_path / f"{i}.jsonl", [{"id": i, "completion": "2"}])) for i in ("q1", "q2"))
    assert summary(benchmark, one)["accuracy"] == 1.0
    with pytest.raises(OffmodelError, match="share no item"):
        comparison(one, two)
