"""offmodel: what fine-tuning on another model's outputs does to a language model."""

__version__ = "0.1.0"
