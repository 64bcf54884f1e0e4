"""The doctor finds what is wrong with a model and a machine, and names the mend."""

import json
import shutil

import pytest
from typer.testing import CliRunner

from offmodel.cli import app
from offmodel.doctor import diagnose, estimate, parameter_count, template
from offmodel.models.spec import load_model, resolve_model

ORGANISM = resolve_model("organism:markdown").location


def states(checks):
    return {c.what: c.state for c in checks}


def test_a_good_model_on_this_machine():
    result = CliRunner().invoke(app, ["doctor", "organism:markdown", "--json"])
    found = {c["what"]: c for c in json.loads(result.stdout)}
    assert result.exit_code == 0
    assert found["end of turn"]["state"] == "ok"
    assert found["memory to train LoRA"]["state"] == "ok"
    assert "torch" in found["packages"]["found"]


def test_keys_are_named_and_never_shown(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    checks = diagnose()
    assert next(c for c in checks if c.what == "API key").found == "OPENAI_API_KEY"
    assert "sk-secret" not in str(checks)


@pytest.fixture
def broken(tmp_path):
    """A copy of an organism whose chat template and tokens can be spoiled."""
    shutil.copytree(ORGANISM, tmp_path / "model")
    return tmp_path / "model"


def test_a_model_without_chat_template(broken):
    (broken / "chat_template.jinja").unlink()
    result = CliRunner().invoke(app, ["doctor", str(broken)])
    assert result.exit_code == 1
    assert "problem" in result.stdout
    assert "chat template" in result.stdout


def test_templates_that_spoil_training(student):
    tokenizer = type(student.tokenizer).from_pretrained(ORGANISM)
    turn = "{% for m in messages %}<{{ m.role }}>{{ m.content }}\n{% endfor %}"
    tokenizer.chat_template = turn + "{% if add_generation_prompt %}<assistant>{% endif %}"
    tokenizer.pad_token = tokenizer.eos_token
    found = states(template(tokenizer))
    assert found["end of turn"] == "problem"
    assert found["padding"] == "note"
    assert found["generation marker"] == "note"
    tokenizer.chat_template = "{{ messages | length }}{% for m in messages %}{{ m.content }}{% endfor %}"
    assert states(template(tokenizer)) == {"chat template": "problem"}


def test_a_model_that_does_not_exist_or_does_not_fit():
    assert states(diagnose("organism:nobody"))["model"] == "problem"
    assert states(diagnose("organism:markdown", batch_size=4096, max_length=100_000))["memory to train LoRA"] == "problem"


def of_study(*arguments):
    result = CliRunner().invoke(app, ["doctor", *arguments, "--json"])
    return result.exit_code, {c["what"]: c for c in json.loads(result.stdout)}


def test_a_study_that_fits_and_one_that_does_not(tmp_path):
    small = ["degradation", "teachers=organism:prose,self", "benchmarks=facts", "--store", str(tmp_path), "--workers", "2"]
    code, found = of_study(*small)
    assert code == 0
    assert found["study"]["found"].startswith("7 steps to run, 0 in the store")
    assert "2 largest steps, such as adapter/" in found["memory of the study"]["found"]
    assert "2 workers" in found["time of the study"]["found"]
    code, found = of_study(*small, "batch_size=4096", "max_length=100000")
    assert code == 1
    assert found["memory of the study"]["state"] == "problem"
    code, found = of_study("degradation", "teachers=organism:nobody", "--store", str(tmp_path))
    assert code == 1
    assert "nobody" in found["study"]["found"]


def test_an_adapters_size_is_exact(student):
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(r=16, target_modules="all-linear", task_type="CAUSAL_LM")
    network = get_peft_model(load_model(resolve_model("organism:markdown")).model, config)
    assert parameter_count(student.model.config, 16) == sum(p.numel() for p in network.parameters() if p.requires_grad)


def test_the_estimate_of_weights_is_exact(student):
    need = estimate(student.model.config, "float32", 1, 1)
    assert need["generate"] == pytest.approx(1.3 * 4 * load_model(resolve_model("organism:markdown")).model.num_parameters())
