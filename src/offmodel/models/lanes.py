"""Decoding one batch in several threads, each a share of the rows and of the processor's cores.

Between matrix products a decoding step at organism scale is too small to share among threads: parts
of the batch side by side keep every core busy.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait

import torch

from offmodel.models.decoding import Row, Rules, decode
from offmodel.models.forward import Forward

LANE_ROWS = 32
"""Fewest rows worth a thread of their own."""


def decode_in_lanes(forward: Forward, rows: Sequence[Row], rules: Rules, on_done: Callable[[Row], None]) -> None:
    """As `decode`, over as many threads as the batch and the processor allow; on any error every lane stops.

    Args:
        forward: runs in several threads where it has a ``twin``, another batch's state over the same weights.
        rows: the batch; dealt out in turn, so that rows sorted by length make lanes of equal work.
        rules: see `decode`.
        on_done: called by one lane at a time.
    """
    threads = torch.get_num_threads()
    count = min(threads, len(rows) // LANE_ROWS)
    twin: Callable[[], Forward] | None = getattr(forward, "twin", None)
    if count < 2 or twin is None:
        return decode(forward, rows, rules, on_done)
    cancelled, one_at_a_time = threading.Event(), threading.Lock()

    def hand_over(row: Row) -> None:
        with one_at_a_time:
            on_done(row)

    def lane(index: int) -> None:
        torch.set_num_threads(threads // count)
        try:
            decode(twin(), rows[index::count], rules, hand_over, cancelled)
        except BaseException:
            cancelled.set()
            raise

    try:
        with ThreadPoolExecutor(count) as pool:
            lanes = [pool.submit(lane, i) for i in range(count)]
            try:
                wait(lanes)
            finally:  # Ctrl-C reaches this thread only
                cancelled.set()
        for done in lanes:
            done.result()
    finally:
        torch.set_num_threads(threads)
