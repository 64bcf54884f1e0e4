"""Libraries keep to warnings that matter: progress is ours to show."""

from __future__ import annotations

import logging
import warnings


def quiet_libraries() -> None:
    """Silence progress bars and deprecation chatter of transformers, TRL, PEFT and torch in this process."""
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    logging.getLogger("trl").setLevel(logging.ERROR)
    for category in (FutureWarning, UserWarning):
        warnings.filterwarnings("ignore", category=category, module=r"(trl|peft|torch|transformers)\..*")
