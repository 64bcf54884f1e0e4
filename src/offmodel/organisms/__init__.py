"""Organisms: tiny models with a known dialect and, later, a planted cause."""
