"""Short names: those of the posts' appendix, resolving to Hub ids or to ids of an OpenAI-compatible API."""

from __future__ import annotations

import os

API_BASE = "https://openrouter.ai/api/v1"
"""Serves every API model of the appendix under the id given there."""

ALIASES = {
    "qwen4b": "Qwen/Qwen3-4B-Instruct-2507",
    "qwen30b": "Qwen/Qwen3-30B-A3B-Instruct-2507",
    "qwen235b": "Qwen/Qwen3-235B-A22B-Instruct-2507",
    "llama8b": "meta-llama/Llama-3.1-8B-Instruct",
    "llama70b": "meta-llama/Llama-3.3-70B-Instruct",
    "deepseek": "deepseek-ai/DeepSeek-V3.1",
    "gpt_4.1_nano": "api:openai/gpt-4.1-nano",
    "claude_haiku_4.5": "api:anthropic/claude-haiku-4.5",
    "gemma_4_26b_a4b_it": "google/gemma-4-26b-a4b-it",
    "claude_opus_4.7": "api:anthropic/claude-opus-4.7",
    "gpt_5.5": "api:openai/gpt-5.5",
}


def api_base() -> str:
    """The server of ``api:MODEL`` written without one: ``OFFMODEL_API_BASE``, else `API_BASE`."""
    return os.environ.get("OFFMODEL_API_BASE", API_BASE)
