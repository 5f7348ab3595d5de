"""Which known word is meant by a misspelt one, and which unknown words may be new."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from truffle.core.model import STATES
from truffle.core.suggest import misspelt, nearest


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("activ", "active"),
        ("ACTIVE", "active"),
        ("payment_failed", "payment-failed"),
        ("Payment Failed", "payment-failed"),
        ("expried", "expired"),
        ("canceled", "cancelled"),
        ("sched", "scheduled"),
        ("inactive", "active"),
    ],
)
def test_a_near_miss_means_the_known_word(word: str, meant: str) -> None:
    assert misspelt(word, STATES) == meant


@pytest.mark.parametrize("word", ["delivering", "deleted", "payment-processing", "x", "", "pay"])
def test_what_is_near_to_no_known_word_may_be_new(word: str) -> None:
    assert misspelt(word, STATES) is None


@pytest.mark.parametrize(
    ("word", "known"), [("Trainium3", "Trainium2"), ("us-east-9", "us-east-1"), ("H300", "H100")]
)
def test_numbers_alone_are_not_misspelt(word: str, known: str) -> None:
    assert misspelt(word, [known]) is None


@given(st.sampled_from(STATES))
def test_a_known_word_is_right(word: str) -> None:
    assert misspelt(word, STATES) is None
    assert nearest(word, STATES) == word


@given(st.sampled_from(STATES), st.data())
def test_one_wrong_letter_is_found(word: str, data: st.DataObject) -> None:
    """Of words of six letters or more: the known word, or another one that is as near."""
    place = data.draw(st.integers(0, len(word) - 1))
    letter = data.draw(st.sampled_from(string.ascii_lowercase))
    wrong = word[:place] + letter + word[place + 1 :]
    if wrong not in STATES:
        assert misspelt(wrong, STATES) is not None


@pytest.mark.parametrize(("word", "meant"), [("trainin", "training"), ("train", "training")])
def test_the_beginning_of_one_word_means_it(word: str, meant: str) -> None:
    assert nearest(word, ["training", "inference", "development"]) == meant


def test_the_beginning_of_several_words_means_none() -> None:
    assert nearest("payment", ["payment-pending", "payment-failed"]) is None
