"""Names of accounts and organizational units, in answers, questions and published events."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from lambdas import publish
from lambdas.api.usage import answer, to_usage_query
from lambdas.clients import service
from lambdas.settings import PublishSettings, QuerySettings
from lambdas.store.directory import DirectoryStore
from tests.builders import HOME, HOUR, NOON, OTHER, an_event, an_odcr
from tests.lambdas.api import ask
from tests.lambdas.aws import Stack, messages
from tests.lambdas.fakes import Clock, FakeContext, Wire, client_error
from tests.lambdas.query.builders import Api
from tests.lambdas.test_publish import record
from truffle.core.model import Scope
from truffle.core.organization import Account, Directory, Labels
from truffle.core.pricing import PriceBook
from truffle.core.spans import Span

THIRD = "777788889999"
DIRECTORY = Directory(
    (
        Account(HOME, "billing"),
        Account(OTHER, "research-one", parents=("r-abcd", "ou-abcd-research", "ou-abcd-training")),
    ),
    {"ou-abcd-research": "Research", "ou-abcd-training": "Training"},
    NOON,
    NOON,
)


@pytest.fixture
def named(stack: Stack, choose: Callable[..., None], clock: Clock) -> DirectoryStore:
    """Two accounts whose names are known."""
    choose(is_organization=True)
    store = DirectoryStore(service("dynamodb"), stack.table)
    store.write(DIRECTORY, NOON)
    return store


@pytest.fixture
def api(stack: Stack, named: DirectoryStore, deploy: Callable[..., None], clock: Clock) -> Api:
    """One reservation in each of two accounts with names, and in one without; one scope fails."""
    deploy(QuerySettings)
    made = Api(stack, clock)
    for account in (HOME, OTHER, THIRD):
        row = an_odcr(f"cr-{account}", account_id=account, owner_id=account, seen_by=(account,))
        made.collects(row, scope=Scope(account, "us-east-2"))
    made.fails(Scope(OTHER, "eu-west-1"))
    return made


def names(items: list[dict[str, Any]]) -> list[tuple[str, str | None, str | None]]:
    found = [(it["account_id"], it["account_name"], it["organizational_unit"]) for it in items]
    return sorted(found, key=lambda each: each[0])


ALL = sorted(
    [
        (HOME, "billing", None),
        (OTHER, "research-one", "Research/Training"),
        (THIRD, None, None),
    ]
)


@pytest.mark.usefixtures("api")
class TestAnswers:
    def test_reservations_have_names(self) -> None:
        assert names(ask("/reservations").body["items"]) == ALL

    def test_one_reservation_has_its_name(self) -> None:
        found = ask(f"/reservations/cr-{OTHER}").body
        assert (found["account_name"], found["organizational_unit"]) == (
            "research-one",
            "Research/Training",
        )

    def test_scopes_have_names(self) -> None:
        assert set(names(ask("/status").body["scopes"])) == set(ALL)

    def test_failed_scopes_have_names(self) -> None:
        (failed,) = ask("/reservations").body["collection"]["failed_scopes"]
        assert failed["account_name"] == "research-one"

    def test_reservations_are_sorted_by_name(self) -> None:
        found = ask("/reservations", sort="account_name").body["items"]
        assert [it["account_name"] for it in found] == ["billing", "research-one", None]

    def test_metrics_have_names(self) -> None:
        text = ask("/metrics").text
        families = text_string_to_metric_families(text)  # type: ignore[no-untyped-call]
        (found,) = [family for family in families if family.name == "truffle_account_info"]
        assert [sample.labels for sample in found.samples] == [
            {"account_id": HOME, "account_name": "billing", "organizational_unit": ""},
            {
                "account_id": OTHER,
                "account_name": "research-one",
                "organizational_unit": "Research/Training",
            },
        ]

    def test_the_status_says_how_the_accounts_were_found(self) -> None:
        assert ask("/status").body["discovery"] == {
            "complete": True,
            "error": None,
            "observed_at": "2026-11-24T12:00:00Z",
        }

    def test_a_list_that_is_old_says_so(self, named: DirectoryStore) -> None:
        named.write(DIRECTORY.failed("AccessDeniedException", "no", NOON + HOUR), NOON + HOUR)
        assert ask("/status").body["discovery"] == {
            "complete": False,
            "error": {"code": "AccessDeniedException", "message": "no"},
            "observed_at": "2026-11-24T12:00:00Z",
        }

    def test_an_account_that_is_renamed_has_its_new_name_at_once(
        self, named: DirectoryStore
    ) -> None:
        assert names(ask("/reservations").body["items"]) == ALL
        named.write(Directory((Account(THIRD, "newcomer"),), {}, NOON, NOON), NOON + HOUR)
        found = names(ask("/reservations").body["items"])
        assert {name for _, name, _ in found} == {None, "newcomer"}


ASKED: dict[str, set[str]] = {
    "research-one": {OTHER},
    "Research-One": {OTHER},
    "research-*": {OTHER},
    "Research": {OTHER},
    "Research/Training": {OTHER},
    "training": {OTHER},
    "b*,Research": {HOME, OTHER},
    f"{THIRD},billing": {HOME, THIRD},
    "*": {HOME, OTHER},
    "nobody-*": set(),
}


@pytest.mark.usefixtures("api")
class TestQuestions:
    def test_accounts_are_asked_for_by_name_unit_or_glob(self, subtests: pytest.Subtests) -> None:
        for account, found in ASKED.items():
            with subtests.test(account):
                rows = ask("/reservations", account=account).body["items"]
                assert {row["account_id"] for row in rows} == found
                total = ask("/summary", account=account).body["total"]
                assert total["reservations"] == len(found)
                scopes = ask("/status", account=account).body["scopes"]
                assert {scope["account_id"] for scope in scopes} == found

    def test_events_are_asked_for_by_the_names_of_their_accounts(self, api: Api) -> None:
        api.clock.advance(HOUR)
        for account in (HOME, OTHER):
            row = an_odcr(f"cr-{account}", account_id=account, state="pending")
            api.collects(row, scope=Scope(account, "us-east-2"))
        found = {
            account: {it["account_id"] for it in ask("/events", account=account).body["items"]}
            for account in ("research-*", "billing", OTHER, "nobody-*")
        }
        assert found == {
            "research-*": {OTHER},
            "billing": {HOME},
            OTHER: {OTHER},
            "nobody-*": set(),
        }

    @pytest.mark.parametrize("path", ["/fleets", "/topology"])
    def test_what_is_beside_reservations_is_asked_for_by_name(self, path: str) -> None:
        assert ask(path, account="research-*").status == 200
        assert ask(path, account="resaerch-one").status == 400

    @pytest.mark.parametrize("path", ["/reservations", "/odcrs", "/summary", "/status", "/events"])
    def test_a_name_that_nothing_has_is_refused(self, path: str) -> None:
        answer = ask(path, account="resaerch-one")
        assert answer.status == 400
        assert answer.body["parameter"] == "account"
        assert "No account or unit has this name." in answer.body["allowed"]


def test_without_an_organization_accounts_have_ids_alone(
    stack: Stack, deploy: Callable[..., None], clock: Clock
) -> None:
    deploy(QuerySettings)
    Api(stack, clock).collects(an_odcr(), scope=Scope(HOME, "us-east-2"))
    (row,) = ask("/reservations").body["items"]
    assert (row["account_name"], row["organizational_unit"]) == (None, None)
    assert ask("/status").body["discovery"] is None
    assert ask("/reservations", account="billing").status == 400


# --- what is published ---------------------------------------------------------------------------


@pytest.fixture
def published(
    stack: Stack, named: DirectoryStore, deploy: Callable[..., None]
) -> Callable[[], tuple[dict[str, Any], dict[str, Any]]]:
    """Publishes an event of OTHER; its message and its attributes."""
    deploy(PublishSettings)
    assert stack.published

    def published_event() -> tuple[dict[str, Any], dict[str, Any]]:
        event = an_event(account_id=OTHER, reservation=an_odcr(account_id=OTHER))
        context: Any = FakeContext()
        publish.handler({"Records": [record(event)]}, context)
        (message,) = messages(stack.published)
        return json.loads(message["Body"]), message["MessageAttributes"]

    return published_event


def test_an_event_is_published_with_names(
    published: Callable[[], tuple[dict[str, Any], dict[str, Any]]],
) -> None:
    message, attributes = published()
    assert message["account_name"] == "research-one"
    assert message["organizational_unit"] == "Research/Training"
    assert message["reservation"]["account_name"] == "research-one"
    assert attributes["account_name"]["StringValue"] == "research-one"
    assert attributes["organizational_unit"]["StringValue"] == "Research/Training"


def test_an_event_is_published_without_names_where_they_cannot_be_read(
    published: Callable[[], tuple[dict[str, Any], dict[str, Any]]],
    wire: Callable[[str], Wire],
) -> None:
    wire("dynamodb").fails_before(client_error("InternalServerError"), "GetItem")
    message, attributes = published()
    assert message["account_name"] is None
    assert "account_name" not in attributes


def test_the_accounts_and_owners_of_groups_have_names() -> None:
    row = an_odcr(account_id=OTHER, owner_id=HOME, used_capacity=0)
    labels = {OTHER: Labels("research-one"), HOME: Labels("billing"), "111111111111": Labels("no")}
    span = Span(row, NOON, NOON + HOUR)
    values: dict[str, list[Any]] = {"since": [NOON], "until": [NOON + HOUR]}

    def named(*by: str) -> dict[str, str]:
        asked = to_usage_query({**values, "by": list(by)}, NOON + HOUR)
        found = answer(asked, [span], PriceBook(), labels=labels).others
        names: dict[str, str] = found["account_names"]
        return names

    assert named("account", "owner") == {OTHER: "research-one", HOME: "billing"}
    assert named("owner", "type") == {HOME: "billing"}
    assert named("type") == {}
