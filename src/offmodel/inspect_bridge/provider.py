"""Our engines as an Inspect model provider, ``offmodel/MODEL`` with MODEL as in any study.

Inspect asks for one sample at a time and many at once; requests that arrive together are generated as
one batch. Usage is counted here, so that Inspect does not fetch a tokenizer to count it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessage,
    ChatMessageAssistant,
    GenerateConfig,
    ModelAPI,
    ModelOutput,
    ModelUsage,
    StopReason,
    modelapi,
)
from inspect_ai.tool import ToolChoice, ToolInfo

from offmodel.errors import OffmodelError
from offmodel.models.engine import Completion, Request, Sampling
from offmodel.models.engines import engine_for
from offmodel.models.spec import load_model, resolve_model

STOP_REASONS: dict[str, StopReason] = {"stop": "stop", "length": "max_tokens", "overflow": "model_length"}
"""Inspect's words for an engine's finish reasons."""

GATHER_SECONDS = 0.05
"""How long the first request of a batch waits for others."""
CONNECTIONS = 200


@dataclass
class Waiting:
    """Requests of one sampling that wait to be generated together."""

    requests: list[Request] = field(default_factory=list)
    futures: list[asyncio.Future[Completion]] = field(default_factory=list)


@modelapi("offmodel")
class OffmodelAPI(ModelAPI):
    """A model in this process."""

    def __init__(
        self,
        model_name: str,
        base_url: str | None = None,
        api_key: str | None = None,
        config: GenerateConfig = GenerateConfig(),  # noqa: B008
        **model_args: Any,
    ) -> None:
        super().__init__(model_name, base_url, api_key, [], config)
        self.engine = engine_for(resolve_model(model_name), None, load_model)
        self.waiting: dict[Sampling, Waiting] = {}
        self.busy = asyncio.Lock()
        self.count = 0

    async def generate(
        self, input: list[ChatMessage], tools: list[ToolInfo], tool_choice: ToolChoice, config: GenerateConfig
    ) -> ModelOutput:
        """One completion; tools are not supported.

        Raises:
            OffmodelError: when tools are asked for.
        """
        if tools:
            raise OffmodelError("offmodel models use no tools", "take a task without tools")
        sampling = Sampling(
            temperature=config.temperature or 0.0,
            top_p=1.0 if config.top_p is None else config.top_p,
            max_new_tokens=config.max_tokens or 512,
            stop=tuple(config.stop_seqs or ()),
            seed=config.seed or 0,
        )
        completion = await self._complete(input, sampling)
        usage = ModelUsage(
            input_tokens=completion.prompt_tokens,
            output_tokens=completion.completion_tokens,
            total_tokens=completion.prompt_tokens + completion.completion_tokens,
        )
        message = ChatMessageAssistant(content=completion.text, model=self.model_name, source="generate")
        choice = ChatCompletionChoice(message=message, stop_reason=STOP_REASONS[completion.finish_reason])
        return ModelOutput(model=self.model_name, choices=[choice], usage=usage)

    async def _complete(self, input: list[ChatMessage], sampling: Sampling) -> Completion:
        self.count += 1
        future: asyncio.Future[Completion] = asyncio.get_running_loop().create_future()
        first = sampling not in self.waiting
        batch = self.waiting.setdefault(sampling, Waiting())
        batch.requests.append(Request(str(self.count), [{"role": m.role, "content": m.text} for m in input]))
        batch.futures.append(future)
        if first:
            await asyncio.sleep(GATHER_SECONDS)
            await self._run(sampling)
        return await future

    async def _run(self, sampling: Sampling) -> None:
        async with self.busy:
            batch = self.waiting.pop(sampling)
            try:
                done = await asyncio.to_thread(self.engine.generate, batch.requests, sampling)
            except BaseException as e:
                for future in batch.futures:
                    future.set_exception(e)
                raise
            for future, completion in zip(batch.futures, done, strict=True):
                future.set_result(completion)

    def max_connections(self) -> int:
        """Samples in flight, so also the largest batch."""
        return CONNECTIONS
