"""``truffle alerts``: check, explain, test."""

from __future__ import annotations

import sys
from datetime import timedelta
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest

from tests.builders import HOUR, NOON, OHIO, an_event
from tests.cli.conftest import Run, calls_of
from tests.cli.deployed import Deployed
from tests.sandbox.worlds import World, running_now
from truffle.alerts.explanation import DeliveryStatus, ExplainedDelivery
from truffle.alerts.yaml_file import parse_alerts
from truffle.core.events import Severity

MINUTE = timedelta(minutes=1)
EVENT_ID = an_event().event_id

FILE = """
destinations:
  oncall:
    kind: slack
    secret: truffle/slack
    digest_above: 10
    daily_summary: {at: "08:00", time_zone: Europe/Berlin}
  pager: {kind: pagerduty, secret: truffle/pager}
routes:
  - {name: training, to: [oncall, pager], when: {severity: [warning, critical]}}
mutes:
  - {reason: planned drain, until: 2020-01-01, region: [us-west-2]}
"""
WRONG = """
destinations:
  oncall: {kind: slack, secret: https://hooks.slack.example/T0/B0/s3cr3t}
routes:
  - {name: all, to: [oncall], when: {severity: [urgent]}}
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "alerts.yaml"
    path.write_text(FILE)
    return str(path)


@pytest.fixture
def wrong(tmp_path: Path) -> str:
    path = tmp_path / "wrong.yaml"
    path.write_text(WRONG)
    return str(path)


class TestCheck:
    def test_a_valid_file_is_summarized(self, truffle: Run, file: str) -> None:
        found = truffle("alerts", "check", file)
        assert (found.status, found.err) == (0, "")
        lines = found.out.splitlines()
        assert lines[0] == f"{file} can be deployed: 2 destinations, 1 route, 1 mute."
        assert (
            "| oncall      | slack     | training | above 10 per run | 08:00 Europe/Berlin |"
            in lines
        )
        assert lines[-1] == "Expired mute, until 2020-01-02 00:00 UTC: planned drain"

    def test_a_wrong_file_names_every_problem_and_no_secret(self, truffle: Run, wrong: str) -> None:
        found = truffle("alerts", "check", wrong)
        assert (found.status, found.out) == (1, "")
        first, *problems = found.err.splitlines()
        assert first == f"Error: {wrong} cannot be deployed:"
        assert [problem.split()[0] for problem in problems] == [
            "destinations.oncall.secret:",
            "routes[0].when.severity[0]",
        ]
        assert "s3cr3t" not in found.err

    def test_json_of_a_good_file_has_its_settings(self, truffle: Run, file: str) -> None:
        output = truffle("alerts", "check", file, "-o", "json").json
        assert (output["ok"], output["problems"]) == (True, [])
        assert output["settings"]["routes"][0]["name"] == "training"

    def test_json_of_a_wrong_file_has_its_problems(self, truffle: Run, wrong: str) -> None:
        found = truffle("alerts", "check", wrong, "-o", "json")
        assert (found.status, found.err) == (1, "")
        assert (found.json["ok"], found.json["settings"]) == (False, None)
        assert len(found.json["problems"]) == 2

    def test_the_file_is_alerts_yaml_unless_named(
        self, truffle: Run, file: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(Path(file).parent)
        assert truffle("alerts", "check").out.startswith("alerts.yaml can be deployed")

    def test_invalid_yaml_is_reported_with_its_line(self, truffle: Run, tmp_path: Path) -> None:
        (tmp_path / "bad.yaml").write_text("destinations:\n  a: {kind: [}\n")
        found = truffle("alerts", "check", str(tmp_path / "bad.yaml"))
        assert found.status == 1
        assert "the file is not valid YAML: line 2" in found.err

    def test_a_hyphen_is_stdin(self, truffle: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(FILE.encode())))
        found = truffle("alerts", "check", "-")
        assert (found.status, found.out.splitlines()[0]) == (
            0,
            "stdin can be deployed: 2 destinations, 1 route, 1 mute.",
        )

    def test_what_is_wrong_in_stdin_is_named_so(
        self, truffle: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(b"routes: {")))
        found = truffle("alerts", "check", "-")
        assert found.status == 1
        assert found.err.startswith("Error: stdin cannot be deployed:")

    def test_an_empty_file_has_no_destination(self, truffle: Run, tmp_path: Path) -> None:
        (tmp_path / "empty.yaml").write_text("# nothing yet\n")
        found = truffle("alerts", "check", str(tmp_path / "empty.yaml"))
        assert "0 destinations, 0 routes, 0 mutes" in found.out


class TestExplain:
    @pytest.fixture(autouse=True)
    def stack_with_events(self, deployed: Deployed) -> None:
        deployed.collected(OHIO)
        deployed.events = [an_event()]
        deployed.alerts = parse_alerts(FILE)

    def test_who_gets_an_event_and_why(self, truffle: Run, api_url: str) -> None:
        found = truffle("alerts", "explain", EVENT_ID, "--api-url", api_url)
        assert found.status == 0
        assert found.out.splitlines() == [
            "2026-11-24 12:00  01234567  critical  state_changed      Capacity block cr-0abc "
            "(8 × p5.48xlarge, us-east-2) payment failed: the block is released.",
            "",
            "+-------------+-----------+---------+----------+",
            "| Destination | Kind      | Outcome | Routes   |",
            "+-------------+-----------+---------+----------+",
            "| oncall      | slack     | routed  | training |",
            "| pager       | pagerduty | routed  | training |",
            "+-------------+-----------+---------+----------+",
            "oncall: Matched by route training. No delivery is recorded; "
            "records are kept for 30 days.",
            "pager: Matched by route training. No delivery is recorded; "
            "records are kept for 30 days.",
            "Times are UTC.",
        ]

    @pytest.mark.parametrize(
        ("delivery", "outcome", "sentence"),
        [
            (
                ExplainedDelivery(DeliveryStatus.DELIVERED, NOON),
                "delivered",
                "Delivered 2026-11-24 12:00.",
            ),
            (
                ExplainedDelivery(
                    DeliveryStatus.DELIVERED, NOON, detail="In a digest of 12 events."
                ),
                "delivered",
                "Delivered 2026-11-24 12:00. In a digest of 12 events.",
            ),
            (
                ExplainedDelivery(DeliveryStatus.WAITING, NOON),
                "waiting for a digest",
                "Waiting since 2026-11-24 12:00 for the end of its run.",
            ),
            (
                ExplainedDelivery(
                    DeliveryStatus.RETRYING, NOON, 3, "it returned 403: no", NOON + 5 * MINUTE
                ),
                "retrying",
                "Attempt 3 failed 2026-11-24 12:00, next 2026-11-24 12:05: it returned 403: no",
            ),
            (
                ExplainedDelivery(DeliveryStatus.DEAD_LETTER, NOON, 288, "it returned 410: gone"),
                "dead letter",
                "Dead letter since 2026-11-24 12:00: it returned 410: gone",
            ),
            (
                ExplainedDelivery(DeliveryStatus.SKIPPED, NOON, detail="It was resolved."),
                "skipped",
                "Skipped 2026-11-24 12:00. It was resolved.",
            ),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_what_became_of_an_event(
        self,
        truffle: Run,
        deployed: Deployed,
        api_url: str,
        delivery: ExplainedDelivery,
        outcome: str,
        sentence: str,
    ) -> None:
        deployed.deliveries = {"oncall": delivery}
        out = truffle("alerts", "explain", EVENT_ID[:8], "--api-url", api_url).out
        assert f"| oncall      | slack     | {outcome:<20}".rstrip() in out
        assert f"oncall: Matched by route training. {sentence}" in out.splitlines()

    def test_a_file_says_nothing_of_deliveries(
        self, truffle: Run, deployed: Deployed, api_url: str, file: str
    ) -> None:
        deployed.deliveries = {"oncall": ExplainedDelivery(DeliveryStatus.DELIVERED, NOON)}
        command = ("alerts", "explain", EVENT_ID, "--api-url", api_url, "--file", file)
        out = truffle(*command).out
        assert "| routed " in out
        assert "Delivered" not in out

    def test_json_is_the_api_s_answer(self, truffle: Run, api_url: str) -> None:
        output = truffle("alerts", "explain", EVENT_ID, "--api-url", api_url, "-o", "json").json
        assert output["event"]["event_id"] == EVENT_ID
        assert [decision["outcome"] for decision in output["decisions"]] == ["routed", "routed"]

    def test_options_may_stand_before_the_command(self, truffle: Run, api_url: str) -> None:
        words = ("alerts", "-o", "json", "explain", EVENT_ID, "--api-url", api_url)
        assert truffle(*words).json == truffle("-o", "json", "alerts", *words[3:]).json

    def test_a_file_decides_here(
        self, truffle: Run, deployed: Deployed, api_url: str, file: str
    ) -> None:
        deployed.events = [an_event(severity=Severity.INFO)]
        deployed.alerts = parse_alerts("")
        command = ["alerts", "explain", EVENT_ID, "--api-url", api_url]
        assert "No destination receives it: none is configured." in truffle(*command).out
        out = truffle(*command, "--file", file).out
        assert "oncall: Route training: severity is info, not warning or critical." in out

    def test_an_unknown_event(self, truffle: Run, api_url: str) -> None:
        found = truffle("alerts", "explain", "f" * 32, "--api-url", api_url)
        assert (found.status, found.out) == (1, "")
        assert found.err == f"Error: No event has the id {'f' * 32}.\n"


class TestTest:
    @pytest.fixture(autouse=True)
    def stack_with_events(self, deployed: Deployed) -> None:
        deployed.alerts = parse_alerts(FILE)

    def test_the_sample_and_where_it_went(self, truffle: Run, api_url: str) -> None:
        found = truffle("alerts", "test", "--route", "training", "--api-url", api_url)
        assert found.status == 0
        assert "Sample: Capacity block cr-0123456789abcdef0 (8 × p5.48xlarge" in found.out
        assert "| oncall      | slack     | queued |" in found.out
        assert "| pager       | pagerduty | queued |" in found.out

    def test_a_destination_that_failed(
        self, truffle: Run, deployed: Deployed, api_url: str
    ) -> None:
        deployed.unreachable["pager"] = "AccessDenied"
        found = truffle("alerts", "test", "--route", "training", "--api-url", api_url)
        assert found.status == 1
        assert "not sent: AccessDenied" in found.out

    def test_json(self, truffle: Run, api_url: str) -> None:
        command = ["alerts", "test", "--route", "training", "--api-url", api_url, "-o", "json"]
        output = truffle(*command).json
        assert [sent["destination"] for sent in output["sent"]] == ["oncall", "pager"]

    def test_an_unknown_route_names_those_that_there_are(self, truffle: Run, api_url: str) -> None:
        found = truffle("alerts", "test", "--route", "trainig", "--api-url", api_url)
        assert (found.status, found.out) == (1, "")
        assert "The routes are training." in found.err

    def test_it_is_asked_once_however_it_fails(
        self, truffle: Run, deployed: Deployed, api_url: str
    ) -> None:
        deployed.broken = [(503, {"message": "later"})] * 5
        assert truffle("alerts", "test", "--route", "training", "--api-url", api_url).status == 1
        assert len(deployed.requests) == 1


class TestRepublish:
    @pytest.fixture(autouse=True)
    def stack_with_events(self, deployed: Deployed) -> None:
        deployed.collected(OHIO)
        an_hour_ago = running_now() - HOUR
        deployed.events = [an_event(event_id=it * 32, observed_at=an_hour_ago) for it in "abc"]
        deployed.published = ["b" * 32]

    def test_what_was_not_published_is(
        self, truffle: Run, deployed: Deployed, api_url: str
    ) -> None:
        found = truffle("alerts", "republish", "--since", "6h", "--api-url", api_url)
        assert (found.status, found.out) == (
            0,
            "Published 2 events; 1 already published.\n",
        )
        assert set(deployed.published) == {name * 32 for name in "abc"}

    def test_a_later_period_has_nothing(self, truffle: Run, api_url: str) -> None:
        words = ("alerts", "republish", "--since", "30m", "--api-url", api_url)
        assert truffle(*words, "-o", "json").json == {
            "published": 0,
            "already_published": 0,
            "failed": 0,
            "error": None,
            "next": None,
        }

    def test_an_event_that_cannot_be_published_is_reported_and_the_others_are_published(
        self, truffle: Run, deployed: Deployed, api_url: str
    ) -> None:
        deployed.unpublishable = ["c" * 32]
        found = truffle("alerts", "republish", "--since", "6h", "--api-url", api_url)
        assert found.status == 1
        assert found.out.splitlines()[:2] == [
            "Published 1 event; 1 already published.",
            "1 could not be published: ValueError.",
        ]


BAD = [
    (["check", "/nowhere/alerts.yaml"], "/nowhere/alerts.yaml cannot be read: No such file"),
    (["check", "-o", "csv"], "'csv'"),
    (["explain", "cr-0abc"], "EVENT_ID: invalid value 'cr-0abc'. It must be the event_id"),
    (["explain"], "EVENT_ID"),
    (["explain", EVENT_ID], "Events come from the deployed stack: set TRUFFLE_API_URL"),
    (["explain", EVENT_ID, "--file", "/nowhere.yaml"], "/nowhere.yaml cannot be read"),
    (["test"], "--route"),
    (["test", "--route", "My route"], "--route: invalid value 'My route'."),
    (["test", "--route", "training"], "Samples come from the deployed stack: set TRUFFLE_API_URL"),
    (["republish"], "--since"),
    (["republish", "--since", "soon"], "--since: invalid value 'soon'."),
    (["republish", "--since", "6h"], "Events come from the deployed stack: set TRUFFLE_API_URL"),
    (
        ["explian", EVENT_ID],
        "Did you mean explain? The commands are check, explain, republish, test.",
    ),
    (["chekc"], "Did you mean check?"),
]


@pytest.mark.parametrize(("arguments", "output"), BAD, ids=lambda part: " ".join(part))
def test_bad_usage(arguments: list[str], output: str, truffle: Run, world: World) -> None:
    before = calls_of(world)
    found = truffle("alerts", *arguments)
    assert (found.status, found.out) == (2, "")
    assert output in found.err
    assert len(found.err.splitlines()) == 1
    assert calls_of(world) == before


def test_an_invalid_file_is_reported_before_the_stack_is_asked(
    truffle: Run, deployed: Deployed, api_url: str, wrong: str
) -> None:
    found = truffle("alerts", "explain", EVENT_ID, "--file", wrong, "--api-url", api_url)
    assert (found.status, deployed.requests) == (2, [])
    assert 'routes[0].when.severity[0] = "urgent": use info, good, warning, critical' in found.err


def test_without_a_command_it_shows_the_help(truffle: Run) -> None:
    found = truffle("alerts")
    assert found.status == 2
    assert all(name in found.out + found.err for name in ("check", "explain", "test"))


def test_a_mute_that_still_holds_is_shown_as_one(truffle: Run, tmp_path: Path) -> None:
    until = (running_now() + timedelta(days=1)).isoformat()
    (tmp_path / "it.yaml").write_text(
        f"mutes: [{{reason: moving, until: '{until}', account: ['123456789012']}}]"
    )
    assert "\nMute, until " in truffle("alerts", "check", str(tmp_path / "it.yaml")).out
