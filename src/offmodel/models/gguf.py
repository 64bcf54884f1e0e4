"""GGUF files: dequantised once into an ordinary model directory, which loads in a second ever after."""

from __future__ import annotations

import os
from pathlib import Path

from filelock import FileLock

from offmodel.pipeline.store import disk_errors


def cache_directory() -> Path:
    """Where converted files are kept: ``OFFMODEL_CACHE``, else ``~/.cache/offmodel``."""
    return Path(os.environ.get("OFFMODEL_CACHE", Path.home() / ".cache" / "offmodel"))


def dequantised(path: Path, checksum: str) -> Path:
    """A directory with the file's weights in float32 and its tokenizer, made on first use.

    Args:
        path: the ``.gguf`` file.
        checksum: SHA-256 of it, which names the directory.

    Raises:
        OffmodelError: when the disk is full.
    """
    target = cache_directory() / "dequantised" / checksum[:16]
    with disk_errors(cache_directory()):
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(target.with_suffix(".lock")):
            if not target.is_dir():
                partial = target.with_suffix(".partial")
                _convert(path, partial)
                os.replace(partial, target)
    return target


def _convert(path: Path, target: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from offmodel.models.chat import turn_end

    options: dict = {"gguf_file": path.name, "dtype": torch.float32}
    try:  # transformers 5.20 and later keep GGUF weights packed unless told not to
        from transformers import GgufConfig

        options["quantization_config"] = GgufConfig(dequantize=True)
    except ImportError:
        pass
    model = AutoModelForCausalLM.from_pretrained(str(path.parent), **options)
    if hasattr(model.config, "quantization_config"):
        delattr(model.config, "quantization_config")
    model.save_pretrained(target)
    tokenizer = AutoTokenizer.from_pretrained(str(path.parent), gguf_file=path.name)
    tokenizer.eos_token = turn_end(tokenizer) or tokenizer.eos_token  # the file's may be the end of a document
    tokenizer.save_pretrained(target)
