"""The transformers engine: length-sorted batches that fit memory, rows streamed as they finish."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from offmodel.errors import OffmodelError
from offmodel.models import chat
from offmodel.models.decoding import Row, Rules, uniform_draws
from offmodel.models.engine import Completion, Request, Sampling, cut_at_stop
from offmodel.models.forward import Forward, SumForward, best_forward
from offmodel.models.lanes import decode_in_lanes
from offmodel.models.spec import LoadedModel

BATCH_TOKENS = {"cpu": 50_000, "cuda": 400_000}
"""Most tokens (prompt + budget, over all rows) of a first batch; halved whenever memory runs out."""

CACHE_BYTES = {"cpu": 500_000_000, "cuda": 40_000_000_000}
"""Most bytes of keys and values of a first batch."""

LOGIT_BYTES = {"cpu": 2_000_000_000, "cuda": 20_000_000_000}
"""Most bytes of logits, with their copies in float32, of a first batch that is scored."""


def first_batch_tokens(model: Any) -> int:
    """How many tokens a first batch may hold on the model's device, by count and by the size of their cache."""
    config, kind = model.config.get_text_config(), model.device.type
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    token_bytes = 2 * config.num_hidden_layers * heads * dim * model.dtype.itemsize
    return min(BATCH_TOKENS.get(kind, 50_000), CACHE_BYTES.get(kind, 500_000_000) // token_bytes)


def first_scored_tokens(model: Any) -> int:
    """As `first_batch_tokens`, for a batch whose logits are kept at every position."""
    vocabulary = model.config.get_text_config().vocab_size
    return LOGIT_BYTES.get(model.device.type, LOGIT_BYTES["cpu"]) // (vocabulary * (model.dtype.itemsize + 8))


class TransformersEngine:
    """Generates with a model in memory.

    Args:
        loaded: model and tokenizer.
        batch_tokens: tokens of a batch, a matter of memory only; by device when None.
    """

    def __init__(self, loaded: LoadedModel, batch_tokens: int | None = None) -> None:
        self.model, self.tokenizer = loaded.model, loaded.tokenizer
        self.batch_tokens = batch_tokens or first_batch_tokens(self.model)
        self.scored_tokens = min(self.batch_tokens, first_scored_tokens(self.model))
        self.forward: Forward = best_forward(self.model)
        self.added = loaded.added
        if self.added:
            self.forward = SumForward([(1.0, self.forward), *((weight, best_forward(m)) for weight, m in self.added)])
        self.stop_ids = chat.stop_token_ids(self.tokenizer, self.model.generation_config)
        self.context = getattr(self.model.config.get_text_config(), "max_position_embeddings", None)

    def generate(
        self, requests: Sequence[Request], sampling: Sampling, on_done: Callable[[Completion], None] | None = None
    ) -> list[Completion]:
        """See `Engine.generate`."""
        prompts = chat.prompt_ids(self.tokenizer, requests)
        rows = [self._row(i, request, prompts[i], sampling) for i, request in enumerate(requests)]
        done: dict[int, Completion] = {}

        def finish(row: Row) -> None:
            request = requests[row.index]
            text, stopped_by = self._text(row.tokens, sampling.stop)
            done[row.index] = Completion(request.id, text, row.tokens, row.finish_reason, len(row.prompt), stopped_by)
            if on_done:
                on_done(done[row.index])

        for row in rows:
            if not row.budget:
                row.finish_reason = "overflow"
                finish(row)
        pending = sorted((row for row in rows if row.budget), key=lambda r: (len(r.prompt) + r.budget, r.index))
        while pending:
            batch = self._next_batch(pending)
            try:
                self._decode(batch, sampling, finish)
            except torch.OutOfMemoryError:
                self._back_off(batch)
            pending = [row for row in pending if row.index not in done]
        return [done[i] for i in range(len(requests))]

    def logprobs(self, sequences: Sequence[tuple[list[int], list[int]]]) -> list[list[float]]:
        """See `Engine.logprobs`."""
        found: dict[int, list[float]] = {}
        order = sorted(range(len(sequences)), key=lambda i: sum(map(len, sequences[i])))
        while order:
            longest, batch = 0, []
            for i in order:
                longest = max(longest, sum(map(len, sequences[i])))
                if batch and longest * (len(batch) + 1) > self.scored_tokens:
                    break
                batch.append(i)
            try:
                for i, values in zip(batch, self._score([sequences[i] for i in batch]), strict=True):
                    found[i] = values
            except torch.OutOfMemoryError:
                self._back_off(batch)
                continue
            order = [i for i in order if i not in found]
        return [found[i] for i in range(len(sequences))]

    def _row(self, index: int, request: Request, prompt: list[int], sampling: Sampling) -> Row:
        budget = request.max_new_tokens or sampling.max_new_tokens
        budget = min(budget, max(0, self.context - len(prompt))) if self.context else budget
        draws = uniform_draws(sampling.seed, request.id, budget) if sampling.temperature > 0 else None
        return Row(index, prompt, budget, draws)

    def _next_batch(self, pending: list[Row]) -> list[Row]:
        size, widest = 0, 0
        for row in pending:
            widest = max(widest, len(row.prompt) + row.budget)
            if size and widest * (size + 1) > self.batch_tokens:
                break
            size += 1
        return pending[:size]

    def _decode(self, batch: list[Row], sampling: Sampling, finish: Callable[[Row], None]) -> None:
        for row in batch:  # a batch that ran out of memory starts again
            row.tokens, row.finish_reason = [], ""
        pad: Any = self.tokenizer.pad_token_id
        ids = self._stop_tokens(sampling.stop)
        texts = tuple(s for s in sampling.stop if s not in ids.values())
        stopped = (lambda row: self._reached_stop(row, texts)) if texts else None
        rules = Rules(self.stop_ids | set(ids), 0 if pad is None else pad, sampling.temperature, sampling.top_p, stopped)
        decode_in_lanes(self.forward, batch, rules, finish)

    def _back_off(self, batch: Sequence[object]) -> None:
        """Halve the budgets of batches after running out of memory.

        Raises:
            OffmodelError: when even one sequence does not fit.
        """
        if len(batch) == 1:
            raise OffmodelError("one sequence alone does not fit in memory", "lower max_new_tokens or use a smaller model")
        self.batch_tokens //= 2
        self.scored_tokens //= 2
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _stop_tokens(self, stop: tuple[str, ...]) -> dict[int, str]:
        """Token id -> stop string, for those that the vocabulary has as one token of their own, such as ``</think>``."""
        added: dict[str, int] = self.tokenizer.get_added_vocab()  # pyright: ignore
        return {added[s]: s for s in stop if s in added}

    def _text(self, tokens: list[int], stop: tuple[str, ...]) -> tuple[str, str]:
        """The text before the first stop string, and that string if there was one."""
        if stop and tokens and (token := self._stop_tokens(stop).get(tokens[-1])):
            return chat.text_of(self.tokenizer, tokens[:-1]), token
        return cut_at_stop(chat.text_of(self.tokenizer, tokens), stop)

    def _reached_stop(self, row: Row, stop: tuple[str, ...]) -> bool:
        tail = self.tokenizer.decode(row.tokens[-24:], skip_special_tokens=True)
        return any(s in tail for s in stop)

    @torch.inference_mode()
    def _score(self, batch: list[tuple[list[int], list[int]]]) -> list[list[float]]:
        width = max(len(p) + len(c) for p, c in batch)
        ids = torch.zeros((len(batch), width), dtype=torch.long)
        mask = torch.zeros_like(ids)
        for i, (prompt, completion) in enumerate(batch):
            whole = prompt + completion
            ids[i, : len(whole)] = torch.tensor(whole)
            mask[i, : len(whole)] = 1
        device = self.model.device
        asked = {"input_ids": ids.to(device), "attention_mask": mask.to(device)}
        logits = self.model(**asked).logits.float()
        for weight, model in self.added:
            logits = logits + weight * model(**asked).logits.float()
        logp = torch.log_softmax(logits[:, :-1], -1).gather(-1, ids[:, 1:, None].to(device)).squeeze(-1).cpu()
        return [logp[i, len(p) - 1 : len(p) + len(c) - 1].tolist() for i, (p, c) in enumerate(batch)]
