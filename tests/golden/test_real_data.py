"""IFEval and MMLU-STEM on their real items; skipped where the files are not at hand."""

import os
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path

import pytest

from offmodel.benchmarks import get_benchmark
from offmodel.benchmarks.ifeval import give_sentence_data
from offmodel.data import sources
from offmodel.data.jsonl import read_jsonl
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
    assert len(benchmark.pool()) == 541
    random_letter = next(i for i in benchmark.pool() if i.id == "1129")
    assert len({str(benchmark.grade(random_letter, "A plain answer. " * 9)) for _ in range(20)}) == 1
    assert len(benchmark.fingerprint) == 64


@pytest.mark.usefixtures("data")
def test_ifeval_counts_all_four_accuracies():
    benchmark = get_benchmark("ifeval")
    item = next(
        i for i in benchmark.pool() if len(i.meta["instructions"]) == 2 and "punctuation:no_comma" in i.meta["instructions"]
    )
    rows = [asdict(benchmark.grade(item, text)) for text in ("", "one, two")]
    measured = benchmark.measures(rows)
    assert measured["prompt_strict"] == measured["prompt_loose"] == 0.0
    assert 0 <= measured["instruction_strict"] <= measured["instruction_loose"] < 1


@pytest.mark.usefixtures("data")
def test_sentences_are_split_as_nltk_splits_them():
    """NLTK's own algorithm with the packaged parameters, on 300 real completions."""
    import punkt
    from if_verifiable.ifeval import instructions_util
    from nltk.tokenize.punkt import PunktParameters, PunktSentenceTokenizer

    give_sentence_data()
    packaged = punkt.load_model("english")
    parameters = PunktParameters()
    parameters.abbrev_types = set(packaged.abbrev_types)
    parameters.collocations = set(packaged.collocations)
    parameters.sent_starters = set(packaged.sent_starters)
    for key, value in packaged.ortho_context.items():
        parameters.ortho_context[key] = int(value)
    reference = PunktSentenceTokenizer(parameters)
    path = Path(os.environ["OFFMODEL_DATA"]) / "teachers" / "gpt-4o-2024-05-13.jsonl.gz"
    for row in read_jsonl(path, ("output",))[:300]:
        assert instructions_util.count_sentences(row["output"]) == len(reference.tokenize(row["output"]))


@pytest.mark.usefixtures("data")
@pytest.mark.parametrize(("name", "size"), [("math500", 500), ("olympiadbench", 675), ("gsm8k", 1319)])
def test_gold_answers_are_right_and_their_neighbours_wrong(name, size):
    benchmark = get_benchmark(name)
    pool = benchmark.pool()
    assert len(pool) == size
    items = benchmark.items(60, 0)
    assert all(benchmark.grade(i, f"Some steps.\n\nSo it is $\\boxed{{{i.answer}}}$.").correct for i in items)
    wrong = [benchmark.grade(a, f"\\boxed{{{b.answer}}}").correct for a, b in pairwise(items) if a.answer != b.answer]
    assert sum(wrong) <= 1


@pytest.mark.parametrize(("directory", "says"), [(None, "OFFMODEL_DATA is not set"), ("/nowhere", "there is no ifeval")])
def test_missing_files_are_named(monkeypatch, directory, says):
    if directory is None:
        monkeypatch.delenv("OFFMODEL_DATA", raising=False)
    else:
        monkeypatch.setenv("OFFMODEL_DATA", directory)
    for library in ("huggingface_hub.constants", "datasets.config"):
        monkeypatch.setattr(f"{library}.HF_HUB_OFFLINE", True)
    sources._hub_rows.cache_clear()
    with pytest.raises(OffmodelError, match=says):
        get_benchmark("ifeval").pool()
