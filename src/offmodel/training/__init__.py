"""Training behind two functions: supervised fine-tuning and, later, GRPO."""
