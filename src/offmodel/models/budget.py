"""Money: what API calls may cost, counted across worker processes and stopped before it is exceeded."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from offmodel.errors import OffmodelError

MAX_COST, PRICES, LEDGER = "OFFMODEL_API_MAX_COST", "OFFMODEL_API_PRICES", "OFFMODEL_API_LEDGER"
CHARACTERS_PER_TOKEN = 2
"""Fewer than any tokenizer's average on prose, so that a reservation is an upper bound."""


class HopelessError(OffmodelError):
    """What one request met and every other would meet too: none need be tried."""


class BudgetSpentError(HopelessError):
    """The next request could cost more than is left."""


@dataclass(frozen=True)
class Price:
    """US dollars per million tokens."""

    prompt: float
    completion: float


class Budget:
    """What may be spent, and what was, in a ledger file that all workers of a run share.

    Args:
        limit: US dollars; None counts only.
        price: of the model; without it only costs that the server reports are known.
        ledger: file of the sum; in memory when None.
    """

    def __init__(self, limit: float | None = None, price: Price | None = None, ledger: Path | None = None) -> None:
        self.limit, self.price, self.ledger = limit, price, ledger
        self._memory = {"spent": 0.0, "reserved": 0.0}

    @classmethod
    def from_environment(cls, model: str) -> Budget:
        """The budget that the command line set for this run.

        Raises:
            OffmodelError: when there is a limit but no price to hold it with.
        """
        limit, ledger = os.environ.get(MAX_COST), os.environ.get(LEDGER)
        price = prices(os.environ.get(PRICES, "")).get(model)
        if limit and price is None:
            raise OffmodelError(
                f"--max-cost needs the price of {model}", f"add --price {model}=INPUT/OUTPUT (USD per million tokens)"
            )
        return cls(float(limit) if limit else None, price, Path(ledger) if ledger else None)

    def reserve(self, characters: int, max_new_tokens: int) -> float:
        """Set aside the most that a request can cost.

        Raises:
            BudgetSpentError: when that is more than is left.
        """
        if self.price is None:
            return 0.0
        tokens = characters / CHARACTERS_PER_TOKEN + 20
        most = (tokens * self.price.prompt + max_new_tokens * self.price.completion) / 1e6
        self._add(0.0, most)
        return most

    def settle(self, reserved: float, spent: float) -> None:
        """Replace a reservation by what was spent."""
        self._add(spent, -reserved)

    def cost(self, reply: Any) -> float:
        """US dollars of a reply: what the server says, else tokens at the known price."""
        usage = reply.usage
        if usage is None:
            return 0.0
        reported = getattr(usage, "cost", None)
        if reported is not None:
            return float(reported)
        if self.price is None:
            return 0.0
        return (usage.prompt_tokens * self.price.prompt + usage.completion_tokens * self.price.completion) / 1e6

    @property
    def spent(self) -> float:
        """US dollars so far."""
        return self._read()["spent"]

    def _add(self, spent: float, reserved: float) -> None:
        if self.ledger is None:
            self._memory = self._sum(self._memory, spent, reserved)
            return
        with FileLock(f"{self.ledger}.lock"):
            self.ledger.write_text(json.dumps(self._sum(self._read(), spent, reserved)))

    def _sum(self, before: dict[str, float], spent: float, reserved: float) -> dict[str, float]:
        after = {"spent": before["spent"] + spent, "reserved": max(0.0, before["reserved"] + reserved)}
        if reserved > 0 and self.limit is not None and after["spent"] + after["reserved"] > self.limit:
            raise BudgetSpentError(
                f"the next request could cost more than --max-cost {self.limit:g} USD ({before['spent']:.4f} spent)",
                "raise --max-cost",
            )
        return after

    def _read(self) -> dict[str, float]:
        if self.ledger is None:
            return self._memory
        return json.loads(self.ledger.read_text()) if self.ledger.is_file() else {"spent": 0.0, "reserved": 0.0}


def prices(text: str) -> dict[str, Price]:
    """Prices by model from ``MODEL=INPUT/OUTPUT`` texts separated by commas, USD per million tokens.

    Raises:
        OffmodelError: for a text of another form.
    """
    found = {}
    for part in filter(None, text.split(",")):
        model, equals, pair = part.rpartition("=")
        try:
            first, second = pair.split("/")
            found[model.removeprefix("api:")] = Price(float(first), float(second))
        except ValueError as e:
            raise OffmodelError(f"{part!r} is not a price", "write MODEL=INPUT/OUTPUT, for example gpt-4.1-nano=0.1/0.4") from e
        if not equals:
            raise OffmodelError(f"{part!r} is not a price", "write MODEL=INPUT/OUTPUT, for example gpt-4.1-nano=0.1/0.4")
    return found


def open_ledger(limit: float | None, price_texts: list[str]) -> Budget:
    """Begin a run's account: worker processes find limit, prices and ledger in the environment.

    Raises:
        OffmodelError: for a price of another form.
    """
    prices(",".join(price_texts))
    if limit is not None:
        os.environ[MAX_COST] = str(limit)
    if price_texts:
        os.environ[PRICES] = ",".join(price_texts)
    os.environ[LEDGER] = str(Path(tempfile.mkdtemp(prefix="offmodel-")) / "ledger.json")
    return Budget(limit, ledger=Path(os.environ[LEDGER]))
