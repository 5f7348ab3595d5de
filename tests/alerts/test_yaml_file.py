"""Settings of alerts as YAML."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from truffle.alerts.settings import AlertSettings, DailySummary, SettingsError, When
from truffle.alerts.yaml_file import parse_alerts, read_alerts

FILE = """
destinations:
  oncall: {kind: slack, secret: truffle/slack}
routes:
  - {name: all, to: oncall, when: {account: [123456789012, "012345678901"]}}
mutes:
  - {reason: drain, until: 2026-12-01T02:00:00+02:00, since: 2026-11-01, region: us-east-1}
thresholds:
  starting_soon: [2h]
"""


def test_yaml_s_own_dates_and_numbers_are_understood() -> None:
    settings = parse_alerts(FILE)
    (mute,) = settings.mutes
    assert mute.until == datetime(2026, 12, 1, tzinfo=UTC)
    assert mute.since == datetime(2026, 11, 1, tzinfo=UTC)
    assert settings.routes[0].when == When(accounts=("123456789012", "012345678901"))
    assert settings.thresholds.starting_soon == (timedelta(hours=2),)


def test_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "alerts.yaml").write_text(FILE)
    assert read_alerts(tmp_path / "alerts.yaml") == parse_alerts(FILE)


@pytest.mark.parametrize("text", ["", "# nothing\n", "{}", "---\n"])
def test_an_empty_file_has_no_destination(text: str) -> None:
    assert parse_alerts(text) == AlertSettings()


def test_json_is_yaml_too() -> None:
    text = '{"destinations": {"a": {"kind": "amazon-q", "daily_summary": {"at": "08:00"}}}}'
    assert parse_alerts(text).destinations[0].daily_summary == DailySummary(
        datetime(2026, 1, 1, 8).time()  # noqa: DTZ001
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("destinations: {", "the file is not valid YAML: line 1, column 16"),
        ("a: b: c", "the file is not valid YAML: line 1, column 5"),
        ("destinations: {}\ndestinations: {}", "line 2, column 1: duplicate key 'destinations'"),
        ("destinations: {a: {kind: sqs}, a: {kind: sqs}}", "duplicate key 'a'"),
        ("a: !!python/object:os.system x", "the file is not valid YAML: line 1"),
        (
            "mutes: [{reason: drain, until: 2026-13-45, region: us-east-1}]",
            'mutes[0].until = "2026-13-45": use a time',
        ),
        *[
            (
                f"routes: [{{name: r, to: [a], when: {{tag: {{Stage: {word}}}}}}}]",
                f"when.tag.Stage = {shown}: use text, in quotes: without them this is {kind}",
            )
            for word, shown, kind in (
                ("yes", "true", "a boolean"),
                ("off", "false", "a boolean"),
                ("0123", "83", "a number"),
                ("1.5", "1.5", "a number"),
                ("2026-12-01", '"2026-12-01"', "a date"),
                ("2026-12-01T08:00:00Z", '"2026-12-01T08:00:00+00:00"', "a time"),
            )
        ],
        (
            "destinations: {a: {kind: off}}",
            "pagerduty, opsgenie, in quotes: without them this is a boolean",
        ),
        ("destinations: {yes: {kind: amazon-q}}", "the key true: use lower-case letters"),
        (f"routes: {'[' * 2_000}{']' * 2_000}", "the file is nested too deeply"),
        ("- a", 'the file = ["a"]: use an object'),
        ("{? [1]: 2}", "the file is not valid YAML: line 1"),
        ("routes: &x {a: *x}", "routes = …: use a list"),
        ("\x00", "the file is not valid YAML"),
    ],
)
def test_each_problem_is_reported_with_its_location(text: str, found: str) -> None:
    with pytest.raises(SettingsError) as raised:
        parse_alerts(text)
    assert found in str(raised.value)


def test_a_short_file_that_expands_without_end_is_reported_at_once() -> None:
    levels = [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 20)]
    with pytest.raises(SettingsError, match="destinations = "):
        parse_alerts("\n".join(["l0: &l0 [a]", *levels, "destinations: *l19"]))


def test_bytes_that_are_no_text_are_no_yaml() -> None:
    with pytest.raises(SettingsError, match="not valid YAML"):
        parse_alerts(b"\xff\xfe\xfa\x00\xd8")


def test_the_text_of_the_file_is_not_shown() -> None:
    with pytest.raises(SettingsError) as raised:
        parse_alerts("a: {secret: https://hooks.example/s3cr3t")
    assert "s3cr3t" not in str(raised.value)


def test_a_file_that_is_not_there_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_alerts(tmp_path / "none.yaml")
