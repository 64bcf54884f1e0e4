"""Grading.

Where an answer is (`answers`, `letters`, `numerals`), whether it is right (`maths`, `code`), and who judges (`judge`, `wall`).
"""
