"""What is exported loads in the libraries it is meant for, and computes the same."""

import pytest
import torch
from datasets import load_dataset
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from offmodel.data.export import export_rows
from offmodel.errors import OffmodelError
from offmodel.models.export import export
from offmodel.models.spec import apply_adapter, load_model, resolve_model
from offmodel.pipeline.store import Store

IDS = torch.arange(4, 60)[None]


@pytest.fixture
def trained(tiny_run):
    store = Store(tiny_run / "store")
    kinds = {a.name: a for a in store.artifacts() if a.name.startswith("adapter/")}
    return store, {name: next(a for n, a in kinds.items() if name in n) for name in ("on-pirate", "reminder")}


def logits(model):
    with torch.inference_mode():
        return model(IDS).logits


@pytest.mark.parametrize("which", ["on-pirate", "reminder"])
def test_adapters_load_in_peft_and_merged_weights_in_transformers(trained, tmp_path, which):
    store, found = trained
    artifact = found[which]
    base = load_model(resolve_model("organism:markdown"))
    expected = logits(apply_adapter(base.model, artifact.directory))
    adapter = export(artifact, store, tmp_path / "adapter")
    fresh = AutoModelForCausalLM.from_pretrained(resolve_model("organism:markdown").location, dtype=torch.float32)
    assert torch.allclose(logits(PeftModel.from_pretrained(fresh, str(adapter)).eval()), expected, atol=1e-4)
    whole = export(artifact, store, tmp_path / "whole", merge=True)
    merged = AutoModelForCausalLM.from_pretrained(str(whole)).eval()
    assert torch.allclose(logits(merged), expected, atol=1e-4)
    assert AutoTokenizer.from_pretrained(str(whole)).chat_template == base.tokenizer.chat_template
    card = (adapter / "README.md").read_text()
    assert "| arith | 8 |" in card
    assert "markdown" in card


def test_rows_load_in_datasets(trained, tmp_path):
    store, _ = trained
    artifact = next(a for a in store.artifacts() if a.name.startswith("completions/"))
    loaded = load_dataset(str(export_rows(artifact, tmp_path / "rows")), split="train")
    assert loaded[0]["completion"] == artifact.rows()[0]["completion"]
    assert loaded[0]["messages"][1]["role"] == "assistant"


def test_what_cannot_be_exported_is_named(trained, tmp_path):
    store, found = trained
    evaluation = next(a for a in store.artifacts() if a.name.startswith("evaluation/"))
    with pytest.raises(OffmodelError, match="is no trained model"):
        export(evaluation, store, tmp_path / "x")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    with pytest.raises(OffmodelError, match="is not empty"):
        export(found["reminder"], store, tmp_path / "full")
    with pytest.raises(OffmodelError, match="is not the model that"):
        export(found["reminder"], store, tmp_path / "y", base_text="organism:prose")
    with pytest.raises(OffmodelError, match="holds no rows"):
        export_rows(found["reminder"], tmp_path / "z")
