"""The one place that knows templates, system prompts, prefill, thinking mode and loss masks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from jinja2 import TemplateError
from transformers import PreTrainedTokenizerBase

from offmodel.errors import OffmodelError
from offmodel.models.engine import Message, Request

IGNORED = -100
"""Label of tokens that do not count in the loss (PyTorch's cross-entropy convention)."""


@dataclass(frozen=True)
class Example:
    """One tokenised training row: token ids and labels (`IGNORED` outside the last assistant turn)."""

    input_ids: list[int]
    labels: list[int]


def with_system(messages: Sequence[Message], system: str | None) -> list[Message]:
    """The conversation behind a system prompt; unchanged when there is none."""
    return [{"role": "system", "content": system}, *messages] if system else list(messages)


def render(tokenizer: PreTrainedTokenizerBase, messages: Sequence[Message], **options: Any) -> str:
    """A conversation as the model's template writes it.

    Raises:
        OffmodelError: when the tokenizer has no chat template or the template refuses the conversation.
    """
    if not tokenizer.chat_template:
        raise OffmodelError(
            f"{tokenizer.name_or_path} has no chat template",
            "use an instruct model, or set `chat_template` in its tokenizer_config.json",
        )
    try:
        return tokenizer.apply_chat_template(list(messages), tokenize=False, **options)  # pyright: ignore
    except TemplateError as e:
        roles = ", ".join(m["role"] for m in messages)
        raise OffmodelError(
            f"the chat template of {tokenizer.name_or_path} refuses a conversation of roles ({roles}): {e}",
            "drop the system prompt or use a model whose template takes these roles",
        ) from e


def _ids(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    return tokenizer(text, add_special_tokens=False)["input_ids"]  # pyright: ignore[reportReturnType]


def prompt_text(tokenizer: PreTrainedTokenizerBase, request: Request) -> str:
    """The text an engine continues: the conversation, the opened assistant turn, the prefill."""
    options = {} if request.thinking is None else {"enable_thinking": request.thinking}
    return render(tokenizer, request.messages, add_generation_prompt=True, **options) + request.prefill


def prompt_ids(tokenizer: PreTrainedTokenizerBase, requests: Sequence[Request]) -> list[list[int]]:
    """Token ids of each request's `prompt_text`."""
    texts = [prompt_text(tokenizer, request) for request in requests]
    return tokenizer(texts, add_special_tokens=False)["input_ids"] if texts else []  # pyright: ignore[reportReturnType]


def training_example(tokenizer: PreTrainedTokenizerBase, messages: Sequence[Message], max_length: int) -> Example:
    """Tokens and labels of a conversation; only the last assistant turn and its end-of-turn token are trained.

    The trained part is what the template adds after the opened assistant turn, so no generation marker
    is needed and training and evaluation share one rendering.

    Args:
        tokenizer: with a chat template.
        messages: ends with an assistant turn.
        max_length: tokens kept, from the left.

    Raises:
        OffmodelError: when the template rewrites earlier text once the answer is there.
    """
    opened = render(tokenizer, messages[:-1], add_generation_prompt=True)
    whole = render(tokenizer, messages)
    if not whole.startswith(opened):
        raise OffmodelError(
            f"the chat template of {tokenizer.name_or_path} does not keep the prompt as a prefix of the conversation",
            "the completion cannot be separated from the prompt: use a template that appends turns "
            "(or marks them with {% generation %})",
        )
    completion = whole[len(opened) :]
    end = completion.rfind(eos) if (eos := str(tokenizer.eos_token)) in completion else -1
    trained = completion[: end + len(eos)] if end >= 0 else completion
    prompt, answer = _ids(tokenizer, opened), _ids(tokenizer, trained)
    ids = (prompt + answer)[:max_length]
    return Example(ids, ([IGNORED] * len(prompt) + answer)[:max_length])


MARK = re.compile(
    r"</?[\w:-]*(?:think|thought|reason|reflect)[\w:-]*>|\[/?THINK\]|<\|(?:START|END)_THINKING\|>|◁/?think▷"
    r"|<\|(?:begin|end)_of_thought\|>",
    re.IGNORECASE,
)


def thinking_marks(tokenizer: PreTrainedTokenizerBase, request: Request) -> tuple[list[tuple[str, str]], bool]:
    """The pairs of marks around thinking that a chat template names, and whether it opens a block at the end of a prompt.

    Args:
        tokenizer: of the model.
        request: one of those that are asked.
    """
    template = str(tokenizer.chat_template or "")
    named = list(dict.fromkeys(MARK.findall(template)))
    closing = {_opening(mark): mark for mark in named if _opening(mark) != mark}
    pairs = [(opening, closing[opening]) for opening in closing]
    prompt = prompt_text(tokenizer, request) if template and pairs else ""
    return pairs, any(prompt.rstrip().endswith(opening) for opening, _ in pairs)


def text_of(tokenizer: PreTrainedTokenizerBase, tokens: Sequence[int]) -> str:
    """The text of generated tokens without special ones, but for marks around thinking, which tell it from the answer."""
    marks = _special_marks(tokenizer, str(tokenizer.chat_template or ""))
    at = [i for i, token in enumerate(tokens) if token in marks] if marks else []
    parts, start = [], 0
    for i in at:
        parts += [tokenizer.decode(list(tokens[start:i]), skip_special_tokens=True), marks[tokens[i]]]
        start = i + 1
    return "".join([*map(str, parts), str(tokenizer.decode(list(tokens[start:]), skip_special_tokens=True))])


@lru_cache(maxsize=8)
def _special_marks(tokenizer: PreTrainedTokenizerBase, template: str) -> dict[int, str]:
    """Marks around thinking that are special tokens, by id."""
    special = set(tokenizer.all_special_tokens) | {str(t) for t in tokenizer.added_tokens_decoder.values() if t.special}
    return {int(tokenizer.convert_tokens_to_ids(m)): m for m in set(MARK.findall(template)) if m in special}  # pyright: ignore


def _opening(mark: str) -> str:
    return mark.replace("/", "", 1).replace("END_", "START_").replace("end_of", "begin_of")


def turn_end(tokenizer: PreTrainedTokenizerBase) -> str | None:
    """The token such as ``<|im_end|>`` that the chat template puts after an answer; None when it puts none.

    It is known by being one token, since a tokenizer made from a GGUF file may not list its special tokens.
    """
    if not tokenizer.chat_template:
        return None
    answer = "answer"
    after = render(tokenizer, [{"role": "user", "content": "question"}, {"role": "assistant", "content": answer}])
    after = after[after.rfind(answer) + len(answer) :].lstrip()
    token = str(tokenizer.convert_ids_to_tokens(_ids(tokenizer, after)[:1])[0]) if after else ""
    return token if len(token) > 2 and token.startswith(("<", "[")) and after.startswith(token) else None


def stop_token_ids(tokenizer: PreTrainedTokenizerBase, generation_config: Any) -> frozenset[int]:
    """Every token that ends a turn: the tokenizer's and those of the model's generation config."""
    configured = getattr(generation_config, "eos_token_id", None)
    found = configured if isinstance(configured, list) else [configured]
    return frozenset(t for t in [*found, tokenizer.eos_token_id] if isinstance(t, int))
