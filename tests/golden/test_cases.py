"""Situations from public bug reports, with the verdicts that are right; skipped where the files are not at hand."""

import re
from collections import Counter
from pathlib import Path

import pytest

from offmodel.benchmarks import get_benchmark
from offmodel.benchmarks.compare_files import grade_file
from offmodel.benchmarks.graders import wall
from offmodel.errors import OffmodelError
from tests.golden.test_real_data import NEARBY, data  # noqa: F401

CASES = NEARBY.parent / "cases"
GRADED = sorted(CASES.glob("0[1-9]*"))
nearby = pytest.mark.skipif(not CASES.is_dir(), reason="the cases are not beside this checkout")


@nearby
@pytest.mark.parametrize("case", GRADED, ids=[p.name for p in GRADED])
def test_verdicts(case: Path):
    about = (case / "README.md").read_text()
    command = re.search(r"`offmodel grade '(.*?)' outputs", about) or re.search(r"`offmodel grade (\S+) outputs", about)
    assert command is not None
    name = command[1].replace("items.jsonl", str(case / "items.jsonl"))
    if "grader=code" in name and (reason := wall.missing()):
        pytest.skip(f"no wall: {reason}")
    wanted = {key: verdict == "right" for key, verdict in re.findall(r"\| `(\w)` \| (right|wrong) \|", about)}
    rows = grade_file(get_benchmark(name), case / "outputs.jsonl")
    assert {row["id"]: row["correct"] for row in rows} == wanted
    unparsed = set(re.findall(r"\b([a-z])(?: nothing was chosen: the row)? is not parsed", about))
    assert all(not row["parsed"] for row in rows if row["id"] in unparsed)


@nearby
@pytest.mark.usefixtures("data")
def test_the_same_text_gets_the_same_verdict():
    benchmark = get_benchmark("ifeval")
    item = next(i for i in benchmark.pool() if i.id == "1566")
    text = "THIS IS AN ENGLISH SENTENCE. EVERY LETTER IS CAPITALIZED!!! AMAZING."
    assert Counter(g.correct for g in benchmark.grade_all([(item, text)] * 400)) == {True: 400}


@nearby
@pytest.mark.parametrize("name", ["letters", "numbers"])
def test_choices_as_text_and_label(name):
    case = CASES / "11-choices-as-text-and-label"
    benchmark = get_benchmark(f"file:{case / name}.jsonl")
    assert "\nA. oxygen\nB. helium\nC. neon\nD. argon\n" in benchmark.pool()[0].question
    assert [row["correct"] for row in grade_file(benchmark, case / "outputs.jsonl")] == [True, True]


@nearby
def test_answers_as_a_list_or_null(tmp_path):
    case = CASES / "12-answers-as-list-or-null"
    with pytest.raises(OffmodelError, match="row 2: the answer null"):
        get_benchmark(f"file:{case}/items.jsonl?grader=math").pool()
    (tmp_path / "items.jsonl").write_text((case / "items.jsonl").read_text().splitlines()[0] + "\n")
    (tmp_path / "said.jsonl").write_text((case / "outputs.jsonl").read_text().splitlines()[0] + "\n")
    assert grade_file(get_benchmark(f"file:{tmp_path}/items.jsonl?grader=math"), tmp_path / "said.jsonl")[0]["correct"]
