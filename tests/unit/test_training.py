"""Chat masks, guards, and training that does what it says."""

import copy
from importlib.util import find_spec

import pytest
import torch

from offmodel.data.prompts import PromptSet
from offmodel.errors import OffmodelError
from offmodel.models import chat, checks
from offmodel.models.engine import Request, Sampling
from offmodel.models.spec import load_model, resolve_model
from offmodel.models.transformers_engine import TransformersEngine
from offmodel.pipeline.execute import ModelCache, execute
from offmodel.pipeline.step import Step
from offmodel.training.train_step import DataPart, Train, TrainingConfig

STUDENT = resolve_model("organism:markdown")
TURNS = [{"role": "user", "content": "Tell me about the garden."}, {"role": "assistant", "content": "Arr, matey!"}]


class Rows(Step):
    """Fixed rows."""

    kind = "rows"
    texts: tuple[str, ...]

    def run(self, context):
        context.write_rows(
            [{"id": str(i), "prompt": f"Tell me about the {i}.", "completion": t} for i, t in enumerate(self.texts)]
        )

    def load(self, artifact):
        return artifact.rows()


def train(store, texts, **config):
    fields = {"steps": 3, "batch_size": 2, "learning_rate": 1e-2} | config
    step = Train(model=STUDENT, data=(DataPart(step=Rows(texts=texts)),), config=TrainingConfig(**fields))
    for needed in (*step.inputs(), step):
        execute(needed, store, ModelCache())
    return step


def test_loss_is_on_the_completion_and_its_end(student):
    example = chat.training_example(student.tokenizer, TURNS, 512)
    trained = [t for t in example.labels if t != chat.IGNORED]
    assert student.tokenizer.decode(trained) == "Arr, matey!<|im_end|>"
    prompt = chat.prompt_ids(student.tokenizer, [Request("x", TURNS[:1])])[0]
    assert example.input_ids[: len(prompt)] == prompt, "training and evaluation render alike"


def test_the_prefix_mask_agrees_with_the_templates_generation_marker(student):
    example = chat.training_example(student.tokenizer, TURNS, 512)
    marked = student.tokenizer.apply_chat_template(TURNS, return_dict=True, return_assistant_tokens_mask=True)
    by_marker = [t for t, m in zip(marked["input_ids"], marked["assistant_masks"], strict=True) if m]
    assert [t for t in example.labels if t != chat.IGNORED] == by_marker


def test_templates_that_cannot_be_used(student, monkeypatch):
    monkeypatch.setattr(student.tokenizer, "chat_template", None)
    with pytest.raises(OffmodelError, match="no chat template"):
        chat.training_example(student.tokenizer, TURNS, 512)
    monkeypatch.setattr(student.tokenizer, "chat_template", "{{ raise_exception('no system here') }}")
    with pytest.raises(OffmodelError, match="refuses a conversation.*no system here"):
        chat.training_example(student.tokenizer, TURNS, 512)
    monkeypatch.setattr(
        student.tokenizer, "chat_template", "{{ messages | length }}{% for m in messages %}{{ m.content }}{% endfor %}"
    )
    with pytest.raises(OffmodelError, match="does not keep the prompt as a prefix"):
        chat.training_example(student.tokenizer, TURNS, 512)


def test_training_lowers_the_loss_and_changes_the_model(store, student):
    step = train(store, ("Arr, matey!",) * 8, steps=12)
    summary = store.load(step)
    assert [p["step"] for p in summary["loss"]] == list(range(1, 13))
    assert summary["loss"][-1]["loss"] < summary["loss"][0]["loss"] / 2
    tuned = load_model(STUDENT.with_adapter(step), store)
    done = TransformersEngine(tuned).generate([Request("x", TURNS[:1])], Sampling(max_new_tokens=12))
    assert done[0].text.startswith("Arr")


def test_same_seed_same_adapter(store, tmp_path):
    from offmodel.pipeline.store import Store

    a = train(store, ("Arr, matey!",) * 4)
    other = Store(tmp_path / "other")
    train(other, ("Arr, matey!",) * 4)
    digests = [s.get(a).record["files"]["adapter_model.safetensors"]["sha256"] for s in (store, other)]
    assert digests[0] == digests[1]


def test_full_weight_training_replaces_the_weights(store):
    step = train(store, ("Arr, matey!",) * 4, method="full", learning_rate=1e-3)
    base, tuned = load_model(STUDENT), load_model(STUDENT.with_adapter(step), store)
    assert (store.directory(step) / "model.safetensors").is_file()
    assert not torch.equal(base.model.model.layers[0].mlp.up_proj.weight, tuned.model.model.layers[0].mlp.up_proj.weight)


def test_full_weight_training_of_a_bfloat16_model_does_not_lose_small_steps(store):
    rows = DataPart(step=Rows(texts=("Arr, matey!",) * 4))
    config = TrainingConfig(method="full", steps=12, batch_size=4, learning_rate=2e-5)
    step = Train(model=STUDENT.model_copy(update={"dtype": "bfloat16"}), data=(rows,), config=config)
    for needed in (*step.inputs(), step):
        execute(needed, store, ModelCache())
    loss = [point["loss"] for point in store.load(step)["loss"]]
    assert loss[0] - loss[-1] > 0.2, "stepping in bfloat16 itself, it falls by 0.03"
    assert load_model(step.model.with_adapter(step), store).model.dtype == torch.bfloat16


def test_a_divergence_in_the_loss_holds_the_model_near_its_base(store, student, tmp_path):
    from offmodel.pipeline.store import Store

    example = chat.training_example(student.tokenizer, TURNS, 512)
    trained = [i - 1 for i, label in enumerate(example.labels) if label != chat.IGNORED]

    def moved(where, **config):
        step = train(where, ("Arr, matey!",) * 8, steps=8, **config)
        ids = torch.tensor([example.input_ids])
        with torch.inference_mode():
            before, after = (
                load_model(m, where).model(ids).logits[0, trained].softmax(-1) for m in (STUDENT, STUDENT.with_adapter(step))
            )
        return (after - before).abs().sum(-1).mean(), where.load(step)["loss"]

    free, plain = moved(store)
    held, loss = moved(Store(tmp_path / "held"), kl_weight=5.0)
    assert held < free / 2
    assert loss[0]["loss"] == pytest.approx(plain[0]["loss"], rel=1e-3), "at first there is no divergence"


@pytest.mark.parametrize("continues", [True, False])
def test_a_second_training_builds_on_the_first(store, continues):
    first = train(store, ("Arr, matey!",) * 8, steps=12)
    second = Train(
        model=STUDENT.with_adapter(first),
        data=(DataPart(step=Rows(texts=("Arr, matey!",) * 8)),),
        config=TrainingConfig(steps=3, batch_size=4, learning_rate=1e-6),
        continues=continues,
    )
    execute(second, store, ModelCache())
    tuned = load_model(STUDENT.with_adapter(second), store)
    done = TransformersEngine(tuned).generate([Request("x", TURNS[:1])], Sampling(max_new_tokens=12))
    assert done[0].text.startswith("Arr"), "the first training is still there, once"
    once = load_model(STUDENT.with_adapter(first), store)
    ids = torch.tensor([[5, 6, 7, 8]])
    with torch.inference_mode():
        assert torch.allclose(once.model(ids).logits, tuned.model(ids).logits, atol=0.05)


def test_an_empty_completion_is_named(store):
    with pytest.raises(OffmodelError, match=r"training row 1 \(id '1'\).*empty completion"):
        train(store, ("fine", "  "))


def test_a_row_without_a_trainable_token_is_named(store):
    with pytest.raises(OffmodelError, match=r"row 0.*no trainable token.*max_length"):
        train(store, ("fine",), max_length=5)


def test_a_loss_that_explodes_stops_the_run(store):
    with pytest.raises(OffmodelError, match=r"loss is|computes NaN"):
        train(store, ("Arr, matey!",) * 4, learning_rate=1e30, steps=8)


def test_an_adapter_that_changes_nothing_is_refused():
    logits = torch.ones(1, 3, 5)
    with pytest.raises(OffmodelError, match="silently is the base"):
        checks.check_changed(logits, logits.clone())


def test_another_template_at_evaluation_is_refused():
    with pytest.raises(OffmodelError, match="chat template"):
        checks.check_same_template("a", "b")


def test_a_template_that_never_ends_turns_is_refused(student):
    unending = chat.Example([1, 8, 9], [chat.IGNORED, 8, 9])
    with pytest.raises(OffmodelError, match="never stop"):
        checks.check_end_is_trained(student.tokenizer, [unending], 512)


def test_prompt_slices_are_disjoint():
    first, second = PromptSet(source="world", n=200), PromptSet(source="world", n=128, skip=200)
    assert not {p.text for p in first.load()} & {p.text for p in second.load()}


def test_the_end_of_turn_is_read_off_the_template_whatever_the_tokenizer_calls_its_end(student):
    tokenizer = copy.deepcopy(student.tokenizer)
    assert chat.turn_end(tokenizer) == "<|im_end|>"
    tokenizer.eos_token = "<|im_start|>"
    assert chat.turn_end(tokenizer) == "<|im_end|>"
    tokenizer.chat_template = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
    assert chat.turn_end(tokenizer) is None


def test_a_served_adapter_that_is_the_base_is_caught(store, engine):
    """By the record that training leaves: the base's own probabilities of the probe are refused, the tuned ones taken."""
    step = train(store, ["Arr, matey! The sea be wide.", "Arr! Fine weather."], steps=8)
    probe = store.load(step)["probe"]
    tuned = TransformersEngine(load_model(STUDENT.with_adapter(step), store))
    for model, right in ((tuned, True), (engine, False)):
        served = model.logprobs([(probe["ids"][:1], probe["ids"][1:])])[0]
        if right:
            checks.check_served("adapter", served, probe["before"], probe["after"])
            continue
        with pytest.raises(OffmodelError, match="it is not served"):
            checks.check_served("adapter", served, probe["before"], probe["after"])
    with pytest.raises(OffmodelError, match="it is not served"):
        checks.check_served("adapter", served, served, None)


def test_one_training_serves_every_engine(store):
    """What generates with a model is not what is trained."""
    config = TrainingConfig(steps=1)
    steps = [Train(model=STUDENT.model_copy(update={"engine": e}), data=(), config=config) for e in ("transformers", "vllm")]
    assert steps[0].fingerprint() == steps[1].fingerprint()


@pytest.mark.skipif(find_spec("vllm") is not None, reason="vLLM is installed")
def test_without_vllm_its_models_are_refused_before_work():
    with pytest.raises(OffmodelError, match=r"offmodel\[vllm\]"):
        resolve_model("vllm:organism:markdown")
