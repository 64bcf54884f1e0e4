"""Inspect AI: our benchmarks as its tasks, our engines as its model provider, our evaluations as its logs.

Inspect finds this package through the entry point ``inspect_ai``:

    inspect eval offmodel/facts --model offmodel/organism:markdown
"""

from offmodel.inspect_bridge.provider import OffmodelAPI
from offmodel.inspect_bridge.tasks import TASKS

__all__ = ["TASKS", "OffmodelAPI"]
