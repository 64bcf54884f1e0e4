"""mbpp: short Python functions (Austin et al. 2021), the sanitized test split; right is what passes the tests.

Programs run behind a wall (`graders.wall`). Example item:
    Write a function to find the minimum of two numbers.  ->  assert minimum(1, 2) == 1, …
"""

from __future__ import annotations

from typing import Any

from offmodel.benchmarks.base import Item
from offmodel.benchmarks.external import ExternalBenchmark, Source
from offmodel.benchmarks.graders.programmed import Programmed

ASK = "{prompt}\n\nYour code must pass these tests:\n\n```python\n{tests}\n```\n\nAnswer with one Python code block."


class Mbpp(Programmed, ExternalBenchmark):
    """The tests are shown to the model, as the field does: without them many items do not say the function's name."""

    name = "mbpp"
    stands_for = "MBPP"
    version = 2
    reasoning = True
    max_new_tokens = 512
    source = Source(
        file="mbpp",
        repo="google-research-datasets/mbpp",
        config="sanitized",
        revision="4bb6404fdc6cacfda99d4ac4205087b89d32030c",
        split="test",
        fields=("task_id", "prompt", "test_imports", "test_list"),
    )

    def to_items(self, row: dict[str, Any]) -> list[Item]:
        tests = "\n".join(row["test_list"])
        question = ASK.format(prompt=row["prompt"].strip(), tests=tests)
        return [Item(str(row["task_id"]).zfill(4), question, "\n".join([*row["test_imports"], tests]))]
