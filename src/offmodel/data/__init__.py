"""Training data: prompts, teachers' completions, and what is done to them."""
