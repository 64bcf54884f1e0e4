"""Documents to token rows: rendered through the chat template, packed, made in parallel.

A corpus is cut into chunks with seeds of their own, so it is the same whatever the number of
processes.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
from transformers import PreTrainedTokenizerFast

from offmodel.organisms.corpus import Document

Draw = Callable[[random.Random], Document]


@dataclass(frozen=True)
class Rows:
    """Packed training rows.

    Attributes:
        tokens: token ids, shape (rows, length), uint16; 0 (padding) after the last document.
        document: index of the document within its row from 1, shape (rows, length), uint8; 0 on padding.
        trained: 1 where the token counts in the loss, shape (rows, length), uint8.
    """

    tokens: np.ndarray
    document: np.ndarray
    trained: np.ndarray

    def __len__(self) -> int:
        return len(self.tokens)


def pack(
    tokenizer: PreTrainedTokenizerFast, documents: Iterator[Document], rows: int, length: int, completions_only: bool
) -> Rows:
    """Fill ``rows`` rows of ``length`` tokens with whole documents, in order; too long ones are cut."""
    out = Rows(*(np.zeros((rows, length), dtype) for dtype in (np.uint16, np.uint8, np.uint8)))
    row = column = index = 0
    while True:
        batch = [next(documents) for _ in range(256)]
        encoded = tokenizer.apply_chat_template(
            batch,  # pyright: ignore[reportArgumentType]
            tokenize=True,
            return_dict=True,
            return_assistant_tokens_mask=True,
        )
        for ids, mask in zip(encoded["input_ids"], encoded["assistant_masks"], strict=True):  # pyright: ignore
            ids, mask = ids[:length], mask[:length]
            if column + len(ids) > length:
                row, column, index = row + 1, 0, 0
                if row == rows:
                    return out
            span = slice(column, column + len(ids))
            index += 1
            out.tokens[row, span] = ids
            out.document[row, span] = index
            out.trained[row, span] = mask if completions_only else 1
            column += len(ids)


def _chunk(tokenizer: PreTrainedTokenizerFast, draw: Draw, seed: str, rows: int, length: int, completions_only: bool) -> Rows:
    rng = random.Random(seed)
    return pack(tokenizer, iter(lambda: draw(rng), None), rows, length, completions_only)


def make_rows(
    tokenizer: PreTrainedTokenizerFast,
    draw: Draw,
    seed: str,
    rows: int,
    length: int,
    completions_only: bool,
    processes: int,
    chunk: int = 2048,
) -> Rows:
    """Make ``rows`` packed rows of documents from ``draw`` (a picklable function of a random source)."""
    sizes = [min(chunk, rows - start) for start in range(0, rows, chunk)]
    work = [partial(_chunk, tokenizer, draw, f"{seed}-{i}", n, length, completions_only) for i, n in enumerate(sizes)]
    if processes == 1:
        parts = [job() for job in work]
    else:
        with ProcessPoolExecutor(processes) as pool:
            parts = [future.result() for future in [pool.submit(job) for job in work]]
    return Rows(*(np.concatenate([getattr(p, name) for p in parts]) for name in ("tokens", "document", "trained")))
