"""Models: what they are, how they are asked, and what generates."""
