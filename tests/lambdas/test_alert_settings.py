"""Where the functions find the settings of alerts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lambdas import deployed_json
from lambdas.alert_settings import FILE_VARIABLE, load
from truffle.alerts.settings import AlertSettings, SettingsError
from truffle.alerts.settings_json import settings_to_json
from truffle.alerts.settings_parser import parse_settings

SETTINGS = parse_settings(
    {
        "destinations": {"oncall": {"kind": "slack", "secret": "truffle/slack"}},
        "routes": [{"name": "all", "to": ["oncall"]}],
    }
)


def test_the_file_lies_in_the_root_of_the_zip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Path(deployed_json.__file__).parent.parent == deployed_json.ZIP_ROOT
    monkeypatch.setattr(deployed_json, "ZIP_ROOT", tmp_path)
    (tmp_path / "alerts.json").write_text(json.dumps(settings_to_json(SETTINGS)))
    assert load() == SETTINGS


def test_a_variable_names_another_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "other.json"
    file.write_text(json.dumps(settings_to_json(SETTINGS)))
    monkeypatch.setenv(FILE_VARIABLE, str(file))
    assert load() == SETTINGS


def test_no_file_and_an_empty_object_mean_no_destinations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FILE_VARIABLE, str(tmp_path / "none.json"))
    assert load() == AlertSettings()
    (tmp_path / "none.json").write_text("{}")
    assert load() == AlertSettings()


def test_a_file_that_is_wrong_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bad.json").write_text('{"destination": {}}')
    monkeypatch.setenv(FILE_VARIABLE, str(tmp_path / "bad.json"))
    with pytest.raises(SettingsError, match="did you mean destinations"):
        load()
