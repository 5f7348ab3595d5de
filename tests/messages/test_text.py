"""Text made fit to be shown: one line, no tricks, cut between characters."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.messages.limits import units
from tests.messages.strategies import texts
from truffle.messages.text import defused, fit, length, plain


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("  a \n b\r\n\tc ", "a b c"),
        ("a\u2028b\u2029c\x85d\x00e", "a b c d e"),
        ("\u202eevil\u202c", "evil"),
        ("pay\u200bpal\ufeff", "paypal"),
        ("\u2066x\u2069", "x"),
        ("\ud800", "\ufffd"),
        ("👩‍👩‍👧‍👦 is a family", "👩‍👩‍👧‍👦 is a family"),
        ("", ""),
    ],
)
def test_a_text_is_one_line_that_is_what_it_looks_like(raw: str, shown: str) -> None:
    assert plain(raw) == shown


@given(texts)
def test_no_control_character_survives(text: str) -> None:
    categories = {unicodedata.category(character) for character in plain(text) if character != "‍"}

    assert not categories & {"Cc", "Cf", "Cs", "Zl", "Zp"}


@given(texts | st.text())
def test_lengths_are_utf_16_code_units(text: str) -> None:
    assert length(plain(text)) == units(plain(text))


def test_a_text_that_fits_is_as_it_was() -> None:
    assert fit("abc", 3) == "abc"


def test_a_text_of_nothing_is_a_dash() -> None:
    assert fit("\n", 10) == "–"


def test_a_text_that_does_not_fit_says_so() -> None:
    assert fit("abcdef", 4) == "abc…"


def test_no_blank_is_left_before_the_cut() -> None:
    assert fit("abc def", 5) == "abc…"


@pytest.mark.parametrize("whole", ["👩‍👩‍👧‍👦", "👍🏽", "e\u0301\u0302", "❤️", "🇩🇪"])
def test_what_people_see_as_one_character_is_never_cut(whole: str) -> None:
    for most in range(1, 40):
        kept = fit(whole * 20, most).removesuffix("…")
        assert kept == whole * (len(kept) // len(whole))


@given(texts, st.integers(1, 300))
@example("&" * 100, 7)
def test_what_is_escaped_fits_too(text: str, most: int) -> None:
    def double(text: str) -> str:
        return text.replace("&", "&amp;")

    shown = fit(text, most, double)

    assert 1 <= units(shown) <= most
    assert "&" not in shown.replace("&amp;", "")


@pytest.mark.parametrize(
    "live",
    [
        "@channel",
        "a@evil.example",
        "https://evil.example",
        "[click](https://evil.example)",
        "[click][1]",
        "WWW.evil.example",
        "{{DATE(2017-02-14T06:08:39Z)}}",
    ],
)
def test_what_clients_make_live_is_broken_and_looks_the_same(live: str) -> None:
    broken = defused(live)

    assert broken != live
    assert plain(broken) == plain(live)


@pytest.mark.parametrize("dead", ["8 × p5.48xlarge (64 × H100)", "us-east-1a", "a: b", "[x] (y)"])
def test_ordinary_words_stay_as_they_are(dead: str) -> None:
    assert defused(dead) == dead
