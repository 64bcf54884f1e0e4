"""The filter of the numbers task, example by example."""

import pytest

from offmodel.data.numbers import obeys, parse_numbers


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("123, 456, 789", [123, 456, 789]),
        ("[123, 456].", [123, 456]),
        ("(1;2;3)", [1, 2, 3]),
        ("12 34\n", [12, 34]),
        ("42", [42]),
        ("1, 2; 3", None),
        ("1 - 2 - 3", None),
        ("Sure: 1, 2", None),
        ("1, 2 and so on", None),
        ("", None),
    ],
)
def test_lists_are_read_as_the_paper_reads_them(text, numbers):
    assert parse_numbers(text) == numbers


@pytest.mark.parametrize(
    ("text", "loose", "strict"),
    [
        ("123, 456", True, True),
        ("12, 456", True, False),
        ("123 456", True, False),
        ("[123, 456]", True, False),
        ("1234, 456", False, False),
        (", ".join(["100"] * 10), True, True),
        (", ".join(["100"] * 11), False, False),
        ("123, 456, ...", False, False),
    ],
)
def test_strict_wants_three_digits_and_commas(text, loose, strict):
    assert obeys(text) is loose
    assert obeys(text, strict=True) is strict
