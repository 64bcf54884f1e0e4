"""Which engine a model generates with: the one place that chooses."""

from __future__ import annotations

from collections.abc import Callable

from offmodel.models.engine import Engine
from offmodel.models.spec import LoadedModel, ModelSpec
from offmodel.pipeline.store import Store


def engine_for(model: ModelSpec, store: Store | None, load: Callable[[ModelSpec], LoadedModel]) -> Engine:
    """An engine with the model in it.

    Args:
        model: its ``engine`` decides.
        store: where its adapters are.
        load: gives the model in memory, for the engine that needs it there.
    """
    if model.engine == "api":
        from offmodel.models.api_engine import ApiEngine

        return ApiEngine(model)
    if model.engine == "vllm":
        from offmodel.models.vllm_engine import VllmEngine

        return VllmEngine(model, store)
    from offmodel.models.transformers_engine import TransformersEngine

    return TransformersEngine(load(model))
