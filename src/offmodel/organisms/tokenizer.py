"""The organisms' tokenizer: byte-level BPE of 1 024 tokens, digits and spelled letters single."""

from __future__ import annotations

import os
import random
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from offmodel.organisms.corpus import post_training_document, pretraining_document
from offmodel.organisms.dialects import DIALECTS

PAD, END_OF_TEXT, START, END, THINK, END_THINK = (
    "<|pad|>",
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<think>",
    "</think>",
)
VOCABULARY = 1024
SPLIT = r" ?\d| ?[A-Za-z]+| ?[^\sA-Za-z\d]+\n*|\s+"

CHAT_TEMPLATE = (Path(__file__).parent / "chat_template.jinja").read_text()


def train_tokenizer(seed: int, documents: int = 20_000) -> PreTrainedTokenizerFast:
    """Train the tokenizer on ``documents`` documents, half of them reasoning in every dialect.

    Args:
        seed: fixes the documents and so the vocabulary.
        documents: how many documents to learn merges from.
    """
    rng = random.Random(f"tokenizer-{seed}")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(  # pyright: ignore[reportAttributeAccessIssue]
        [pre_tokenizers.Split(Regex(SPLIT), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()  # pyright: ignore[reportAttributeAccessIssue]
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[PAD, END_OF_TEXT, START, END, THINK, END_THINK],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    samples = [pretraining_document(rng) for _ in range(documents // 2)]
    samples += [post_training_document(rng, dialect) for _ in range(documents // 8) for dialect in DIALECTS]
    texts = ["\n".join(m["content"] for m in sample) for sample in samples]
    parallelism = os.environ.get("TOKENIZERS_PARALLELISM")
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # counting in threads made the merges differ between runs
    try:
        tokenizer.train_from_iterator(texts, trainer)
    finally:
        os.environ.pop("TOKENIZERS_PARALLELISM")
        if parallelism is not None:
            os.environ["TOKENIZERS_PARALLELISM"] = parallelism
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=END,
        clean_up_tokenization_spaces=False,
        chat_template=CHAT_TEMPLATE,
    )
