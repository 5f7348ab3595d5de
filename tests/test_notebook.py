"""Results in a notebook: as a table, and as a DataFrame."""

from __future__ import annotations

import builtins
from datetime import UTC
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import NOON, a_block, an_odcr
from tests.effort import examples
from tests.strategies import hostile_texts, whole_reservations
from truffle.core.codec import FIELD_NAMES
from truffle.core.model import Reservation
from truffle.errors import TruffleError
from truffle.results import Reservations
from truffle.sources.listing import Listing, ScopeFailure

DENIED = ScopeFailure(
    account_id=None, region="eu-west-1", code="UnauthorizedOperation", message="No."
)


def result(*rows: Reservation, failures: tuple[ScopeFailure, ...] = ()) -> Reservations[Any]:
    return Reservations(rows, Listing([], list(failures), 17, NOON), len(rows))


class Elements(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)


def test_a_result_is_a_table_with_the_failures_above_it() -> None:
    html = result(an_odcr("cr-1"), failures=(DENIED,))._repr_html_()
    failure = "eu-west-1: UnauthorizedOperation: No. is not in this result."
    assert 0 < html.index(failure) < html.index("<table>") < html.index("<td>cr-1</td>")


def test_without_rows_there_is_no_table() -> None:
    assert result()._repr_html_() == "<div><p>Reservations: 0</p></div>"


def test_a_long_result_names_how_many_rows_are_left_out() -> None:
    html = result(*[an_odcr(f"cr-{n}") for n in range(61)])._repr_html_()
    assert html.count("<tr>") == 61
    assert "The first 60 of 61 rows; .to_dataframe() has all." in html


@settings(max_examples=examples(30), deadline=None)
@given(hostile_texts, hostile_texts)
def test_text_becomes_no_markup(name: str, error: str) -> None:
    failed = ScopeFailure(account_id=None, region=error, code=error, message=error)
    hostile = result(a_block(tags={"Name": name}, instance_type=error), failures=(failed,))
    plain = result(a_block(), failures=(DENIED,))
    assert Elements(hostile._repr_html_()).names == Elements(plain._repr_html_()).names


def test_the_columns_have_the_types_of_the_model() -> None:
    frame = result(a_block(state="active"), a_block(available_capacity=None)).to_dataframe()
    kinds = {
        "reservation_id": "string",
        "instance_count": "Int64",
        "available_capacity": "Int64",
        "duration_hours": "Float64",
        "ultra_cluster_placement": "boolean",
        "start_date": "datetime64[us, UTC]",
        "accelerator.name": "string",
        "accelerator.total_count": "Float64",
        "health.unavailable_capacity": "Int64",
    }
    assert {name: str(frame[name].dtype) for name in kinds} == kinds
    assert frame["start_date"][0] == a_block().start_date
    assert frame["start_date"].dt.tz is UTC or str(frame["start_date"].dt.tz) == "UTC"
    assert frame["available_capacity"].isna().tolist() == [False, True]
    assert frame["tags"][0] == {}


@settings(max_examples=examples(25), deadline=None)
@given(st.lists(whole_reservations, max_size=4))
def test_any_rows_make_a_frame_with_every_field(rows: list[Reservation]) -> None:
    frame = result(*rows).to_dataframe()
    fields = {name.partition(".")[0] for name in frame.columns}
    wanted = {type(row).__name__ for row in rows} or set(FIELD_NAMES)
    assert fields == {name for kind in wanted for name in FIELD_NAMES[kind]}
    assert len(frame) == len(rows)
    assert [None if value is None else value for value in frame["region"]] == [
        row.region for row in rows
    ]


def test_a_frame_knows_what_failed() -> None:
    frame = result(an_odcr(), failures=(DENIED,)).to_dataframe()
    assert frame.attrs["failures"] == ["eu-west-1: UnauthorizedOperation: No."]


def test_without_pandas_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    load = builtins.__import__

    def without(name: str, *arguments: Any) -> Any:
        if name == "pandas":
            raise ModuleNotFoundError("No module named 'pandas'", name="pandas")
        return load(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(TruffleError, match="pip install 'truffle\\[pandas\\]'"):
        result(an_odcr()).to_dataframe()
