"""The one rule for names, and the words for names that look the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.names import difference, fold, shape


@pytest.mark.parametrize(
    ("one", "other", "told"),
    [
        ("ada", "ada", ""),
        ("Ada", "ada", ""),
        ("ada", "adb", ""),
        ("É", "é", ""),
        ("jos\u00e9", "jose\u0301", "only in Unicode normalization: composed and decomposed letters"),
        ("JOS\u00c9", "jose\u0301", "only in Unicode normalization: composed and decomposed letters"),
        ("a\u200bda", "ada", "in characters that are not seen: U+200B ZERO WIDTH SPACE"),
        ("a da", "ada", "in characters that are not seen: U+0020 SPACE"),
        ("a\x01da", "ada", "in characters that are not seen: U+0001"),
        (
            "Straße",
            "strasse",
            "in letters that look alike: U+0073 LATIN SMALL LETTER S, U+00DF LATIN SMALL LETTER SHARP S",
        ),
        (
            "İpek",
            "ipek",
            "in letters that look alike: U+0069 LATIN SMALL LETTER I, "
            "U+0130 LATIN CAPITAL LETTER I WITH DOT ABOVE",
        ),
    ],
)
def test_what_looks_the_same_is_told_in_words(one: str, other: str, told: str) -> None:
    assert difference(one, other) == difference(other, one) == told


@given(st.text())
def test_names_that_are_one_have_one_shape(text: str) -> None:
    assert fold(text.upper()) != fold(text) or shape(text.upper()) == shape(text)
    assert shape(fold(text)) == shape(text)


@given(st.text(), st.text())
def test_a_difference_is_told_of_one_shape_only(one: str, other: str) -> None:
    assert not difference(one, other) or shape(one) == shape(other)
