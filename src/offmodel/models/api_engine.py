"""An engine over any OpenAI-compatible API: teachers and evaluations without weights at hand.

The key comes from the environment and goes into the client only. Replies are handed over as they
come, so what was paid for is on disk when anything fails, and the next run asks for the rest.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from offmodel.errors import OffmodelError
from offmodel.models.budget import Budget, HopelessError
from offmodel.models.engine import Completion, Request, Sampling, cut_at_stop

if TYPE_CHECKING:
    from openai import AsyncOpenAI

    from offmodel.models.spec import ModelSpec

KEYS = ("OFFMODEL_API_KEY", "OPENROUTER_API_KEY", "OPENAI_API_KEY")
"""Environment variables that may hold the key, the first one set is used."""

MALFORMED_TRIES = 4


class ApiEngine:
    """Completes conversations through a server's ``/chat/completions``.

    Args:
        spec: its name is ``api:MODEL``, its revision the server's base URL.
        concurrency: requests in flight at once (``OFFMODEL_API_CONCURRENCY``).
        timeout: seconds a reply may take (``OFFMODEL_API_TIMEOUT``).
        retries: of a request the server refused for now (429, 5xx, connection lost); waits as the server
            asks (``retry-after``), else with exponential backoff and jitter.
        budget: what may be spent; the environment's when None.

    Raises:
        OffmodelError: when the ``openai`` package is missing, or a limit is set without a price.
    """

    def __init__(
        self,
        spec: ModelSpec,
        concurrency: int | None = None,
        timeout: float | None = None,
        retries: int = 6,
        budget: Budget | None = None,
    ) -> None:
        try:
            import openai  # noqa: F401
        except ImportError as e:
            raise OffmodelError("API models need the openai package", "pip install 'offmodel[api]'") from e
        self.model, self.base_url = spec.name.removeprefix("api:"), spec.revision
        self.concurrency = concurrency or int(os.environ.get("OFFMODEL_API_CONCURRENCY", "8"))
        self.timeout = timeout or float(os.environ.get("OFFMODEL_API_TIMEOUT", "120"))
        self.retries = retries
        self.budget = budget or Budget.from_environment(self.model)

    def generate(
        self, requests: Sequence[Request], sampling: Sampling, on_done: Callable[[Completion], None] | None = None
    ) -> list[Completion]:
        """See `Engine.generate`; seeds are passed on, which servers honour to different degrees.

        Raises:
            OffmodelError: for a request that cannot be sent, when the budget is spent, or when requests
                failed for good; every reply that came was handed to ``on_done`` before.
        """
        for request in requests:
            if request.prefill:
                raise OffmodelError("an API model cannot be made to begin with given text", "use a local model for prefill")
        return asyncio.run(self._all(requests, sampling, on_done or (lambda _: None)))

    def logprobs(self, sequences: Sequence[tuple[list[int], list[int]]]) -> list[list[float]]:
        """Not available over this API.

        Raises:
            OffmodelError: always.
        """
        raise OffmodelError("an API model does not tell the probability of given text", "use a local model here")

    async def _all(
        self, requests: Sequence[Request], sampling: Sampling, on_done: Callable[[Completion], None]
    ) -> list[Completion]:
        from openai import AsyncOpenAI

        gate = asyncio.Semaphore(self.concurrency)
        failed: list[OffmodelError] = []

        async with AsyncOpenAI(
            base_url=self.base_url, api_key=api_key(self.base_url), max_retries=self.retries, timeout=self.timeout
        ) as client:

            async def one(request: Request) -> Completion | None:
                async with gate:
                    if any(isinstance(e, HopelessError) for e in failed):
                        return None
                    try:
                        completion = await self._ask(client, request, sampling)
                    except OffmodelError as e:
                        failed.append(e)
                        return None
                on_done(completion)
                return completion

            done = await asyncio.gather(*(one(r) for r in requests))
        if failed:
            worst = next((e for e in failed if isinstance(e, HopelessError)), failed[0])
            came = sum(c is not None for c in done)
            raise OffmodelError(
                f"{worst.problem} ({came} of {len(requests)} replies came and are kept)", f"{worst.mend}; then run again"
            )
        return [c for c in done if c is not None]

    async def _ask(self, client: AsyncOpenAI, request: Request, sampling: Sampling) -> Completion:
        """One reply, paid for from the budget.

        Raises:
            OffmodelError: a `HopelessError` when other requests would fare the same.
        """
        import openai

        budget = request.max_new_tokens or sampling.max_new_tokens
        reserved = self.budget.reserve(sum(len(m["content"]) for m in request.messages), budget)
        spent = reserved
        try:
            reply = await self._reply(client, request, sampling, budget)
            spent = self.budget.cost(reply)
            return completion_of(request, reply, sampling.stop)
        except openai.BadRequestError as e:
            spent = 0.0
            if not _overflowed(e):
                raise self._refused(e) from e
            return Completion(request.id, "", [], "overflow", 0, counted=0)
        except (openai.AuthenticationError, openai.PermissionDeniedError, openai.NotFoundError) as e:
            spent = 0.0
            raise self._refused(e) from e
        except openai.APIConnectionError as e:
            raise OffmodelError(
                f"{self.base_url} did not answer after {self.retries} retries ({type(e).__name__})",
                "check that the server runs, or raise OFFMODEL_API_TIMEOUT",
            ) from e
        except openai.APIStatusError as e:
            spent = 0.0
            if (wait := e.response.headers.get("retry-after", "")).isdigit() and len(wait) > 2:  # longer than the client waits
                raise OffmodelError(
                    f"{self.base_url} answers {e.status_code} and asks to wait {wait} s",
                    "run again then: replies that came are kept",
                ) from e
            raise OffmodelError(
                f"{self.base_url} still answers {e.status_code} after {self.retries} retries",
                "lower OFFMODEL_API_CONCURRENCY or wait",
            ) from e
        finally:
            self.budget.settle(reserved, spent)

    def _refused(self, error: Any) -> HopelessError:
        return HopelessError(
            f"{self.base_url} refuses {self.model!r}: {_message(error)}", "check the model's name, the key and the URL"
        )

    async def _reply(self, client: AsyncOpenAI, request: Request, sampling: Sampling, max_tokens: int) -> Any:
        from openai import APIResponseValidationError

        asked: dict[str, Any] = {
            "model": self.model,
            "messages": list(request.messages),
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "max_tokens": max_tokens,
            "seed": sampling.seed,
        }
        if sampling.stop:
            asked["stop"] = list(sampling.stop)
        if request.thinking is not None:
            asked["extra_body"] = {"chat_template_kwargs": {"enable_thinking": request.thinking}}
        for _ in range(MALFORMED_TRIES):
            try:
                reply = await client.chat.completions.create(**asked)
            except (json.JSONDecodeError, APIResponseValidationError):
                continue
            if getattr(reply, "choices", None) and reply.choices[0].message is not None:
                return reply
        raise OffmodelError(
            f"{self.base_url} answered {MALFORMED_TRIES} times in another format than the OpenAI API's",
            "check that the URL ends in the API's root, usually /v1",
        )


def completion_of(request: Request, reply: Any, stop: tuple[str, ...] = ()) -> Completion:
    """A server's reply as a completion; some servers leave the stop string in it."""
    choice = reply.choices[0]
    usage = reply.usage
    prompt, written = (usage.prompt_tokens, usage.completion_tokens) if usage else (0, 0)
    reason = "length" if choice.finish_reason == "length" else "stop"
    text, stopped_by = cut_at_stop(choice.message.content or "", stop)
    return Completion(request.id, text, [], "stop" if stopped_by else reason, prompt, stopped_by, counted=written)


def api_key(base_url: str) -> str:
    """The key for a server; servers on this machine need none.

    Raises:
        OffmodelError: names the variables that may hold it.
    """
    found = next((os.environ[name] for name in KEYS if os.environ.get(name)), None)
    if found is None and any(local in base_url for local in ("//localhost", "//127.", "//0.0.0.0", "//[::1]")):
        return "none"
    if found is None:
        raise OffmodelError(f"there is no key for {base_url}", f"set one of {', '.join(KEYS)}")
    return found


def _overflowed(error: Any) -> bool:
    """Whether the request was refused because its prompt does not fit: OpenAI's code, or vLLM's words for it."""
    return getattr(error, "code", None) == "context_length_exceeded" or "maximum context length" in _message(error)


def _message(error: Any) -> str:
    body = error.body if isinstance(getattr(error, "body", None), dict) else {}
    return str(body.get("message") or f"status {error.status_code}")[:200]
