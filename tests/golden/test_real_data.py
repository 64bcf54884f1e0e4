"""IFEval and MMLU-STEM on their real items; skipped where the files are not at hand."""

import os
from pathlib import Path

import pytest

from offmodel.benchmarks import get_benchmark
from offmodel.errors import OffmodelError

pytestmark = pytest.mark.real_data

NEARBY = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture
def data(monkeypatch):
    directory = os.environ.get("OFFMODEL_DATA") or (str(NEARBY) if NEARBY.is_dir() else None)
    if not directory:
        pytest.skip("OFFMODEL_DATA is not set")
    monkeypatch.setenv("OFFMODEL_DATA", directory)


@pytest.mark.usefixtures("data")
def test_mmlu_letters():
    benchmark = get_benchmark("mmlu_stem")
    for item in benchmark.items(50, 0):
        wrong = "ABCD"["ABCD".index(item.answer) - 1]
        assert benchmark.grade(item, item.answer).correct
        assert benchmark.grade(item, f"The answer is {item.answer}.").correct
        assert not benchmark.grade(item, wrong).correct
        assert item.question.endswith("Answer with the letter only.")


@pytest.mark.usefixtures("data")
def test_ifeval_instructions():
    benchmark = get_benchmark("ifeval")
    item = next(i for i in benchmark.pool() if i.meta["instructions"] == ["punctuation:no_comma"])
    assert benchmark.grade(item, "A plain answer that needs none of those").correct
    assert not benchmark.grade(item, "Well, here it is").correct
    assert not benchmark.grade(item, "  ").parsed
    assert "left out" in benchmark.notes()[0]
    assert len(benchmark.fingerprint) == 64


@pytest.mark.parametrize(("directory", "says"), [(None, "needs its items"), ("/nowhere", "there is no ifeval")])
def test_missing_files_are_named(monkeypatch, directory, says):
    if directory is None:
        monkeypatch.delenv("OFFMODEL_DATA", raising=False)
    else:
        monkeypatch.setenv("OFFMODEL_DATA", directory)
    with pytest.raises(OffmodelError, match=f"{says}.*OFFMODEL_DATA|OFFMODEL_DATA.*{says}|{says}"):
        get_benchmark("ifeval").pool()
