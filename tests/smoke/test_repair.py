"""offmodel repair: from a base and a tuned model, wherever it comes from, to a repaired one that others load."""

import json
import shutil

import pytest
from typer.testing import CliRunner

from offmodel.cli import app
from offmodel.errors import OffmodelError
from offmodel.mitigations.imported import ImportedAdapter, tuned_model
from offmodel.models.spec import resolve_model
from offmodel.organisms.planted import Plant
from offmodel.pipeline.store import Store

BASE = resolve_model("organism:markdown")
SMALL = ["benchmarks=arith,facts", "n=8", "answer_tokens=16", "max_new_tokens=16", "own=4", "--workers", "1"]


@pytest.fixture(scope="module")
def trained(tiny_run, tmp_path_factory):
    """An adapter of the student that the demo trained, in a copy of its store."""
    store = Store(shutil.copytree(tiny_run / "store", tmp_path_factory.mktemp("repair") / "store"))
    return store, next(
        a for a in store.artifacts() if a.name.startswith("adapter/markdown-on-pirate") and "reminder" not in a.name
    )


def repair(*arguments, cwd, monkeypatch):
    monkeypatch.chdir(cwd)
    return CliRunner().invoke(app, ["repair", *arguments, *SMALL])


def test_an_artifact_is_repaired_and_the_result_loads(trained, tmp_path, monkeypatch):
    store, artifact = trained
    options = ["--method", "reminder", "dose=4", "steps=2", "--store", str(store.root), "--json"]
    result = repair("organism:markdown", artifact.name, *options, cwd=tmp_path, monkeypatch=monkeypatch)
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout.splitlines()[-1])
    assert {c["condition"] for c in found["cells"]} == {"base", "before repair", "reminder"}
    assert [f["verdict"] for f in found["findings"]], "one finding on the first benchmark that needs reasoning"
    assert found["parameters"]["settings"] == ["dose=4", "steps=2"], "the reminder's steps, not the study's"
    files = {p.name for p in (tmp_path / found["model"]).iterdir()}
    assert {"adapter_model.safetensors", "adapter_config.json", "README.md"} <= files


def test_a_repair_that_works_while_decoding_says_that_it_leaves_no_weights(trained, tmp_path, monkeypatch):
    store, artifact = trained
    options = ["--method", "proxy_tuning", "alpha=0.2", "--store", str(store.root)]
    result = repair("organism:markdown", artifact.name, *options, cwd=tmp_path, monkeypatch=monkeypatch)
    assert result.exit_code == 0, result.output
    assert "leaves no weights" in result.output
    assert not (tmp_path / "runs" / "repair" / "model").exists()


def test_a_parameter_without_its_method_and_a_model_that_is_not_there(tmp_path, monkeypatch):
    result = repair("organism:markdown", "organism:markdown-weak", "dose=4", cwd=tmp_path, monkeypatch=monkeypatch)
    assert isinstance(result.exception, OffmodelError)
    assert "name it with --method" in result.exception.mend
    result = repair("organism:markdown", "adapter/nothing", cwd=tmp_path, monkeypatch=monkeypatch)
    assert isinstance(result.exception, OffmodelError)
    assert "adapter/nothing" in result.exception.problem
    assert "Hub" not in str(result.exception), "it is an artifact's name, and not looked for elsewhere"


def test_where_a_tuned_model_comes_from(trained):
    _, artifact = trained
    tuned = tuned_model(BASE, str(artifact.directory))
    assert isinstance(tuned.adapter, ImportedAdapter)
    assert tuned.adapter.lora
    assert tuned.adapter.below == BASE
    with pytest.raises(OffmodelError, match="was trained on organism:markdown, not on organism:prose"):
        tuned_model(resolve_model("organism:prose"), str(artifact.directory))
    assert tuned_model(BASE, "organism:prose") == resolve_model("organism:prose")
    assert tuned_model(BASE, "planted:style@7").adapter == Plant(BASE, 7).step("style")


def test_an_adapter_of_another_hub_model_is_refused(tmp_path):
    (tmp_path / "adapter_model.safetensors").write_bytes(b"x")
    (tmp_path / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "other/model"}))
    hub = BASE.model_copy(update={"name": "org/name"})
    with pytest.raises(OffmodelError, match="belongs to other/model, not to org/name"):
        tuned_model(hub, str(tmp_path))
