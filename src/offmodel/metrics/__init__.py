"""Measures and their statistics."""
