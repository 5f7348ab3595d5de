"""Credentials as the AWS command line has them, and the error if there are none."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ec2.sts import STS
from truffle.credentials import sign_in
from truffle.ec2.sessions import open_session
from truffle.errors import (
    ConfigurationError,
    ExpiredCredentialsError,
    MissingCredentialsError,
    TruffleError,
    UnknownProfileError,
    UnreachableError,
)

KEYS = "aws_access_key_id = AKIDBASE\naws_secret_access_key = secret\n"
ROLE = "role_arn = arn:aws:iam::123456789012:role/ops\n"


@pytest.fixture
def sts() -> Iterator[STS]:
    with STS() as sts:
        yield sts


@pytest.fixture(autouse=True)
def config(sts: STS, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The configuration file; nothing of the developer's own AWS."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    config = tmp_path / "config"
    config.write_text("")
    variables = {
        "HOME": str(tmp_path),
        "AWS_CONFIG_FILE": str(config),
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL_STS": sts.url,
        "NO_PROXY": "*",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return config


class TestRegion:
    @pytest.mark.parametrize(
        ("region", "default", "expected"),
        [
            ("us-gov-west-1", None, "us-gov-west-1"),
            ("us-gov-west-1", "us-east-1", "us-gov-west-1"),
            (None, "us-east-1", "us-east-1"),
            ("", "us-east-1", "us-east-1"),
            ("", "", "eu-west-3"),
            (None, None, "eu-west-3"),
        ],
    )
    def test_is_that_of_the_environment_before_the_profiles(
        self,
        region: str | None,
        default: str | None,
        expected: str,
        config: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        config.write_text("[default]\nregion = eu-west-3\n")
        for name, value in (("AWS_REGION", region), ("AWS_DEFAULT_REGION", default)):
            if value is not None:
                monkeypatch.setenv(name, value)

        assert open_session().get_config_variable("region") == expected


class TestCredentials:
    def test_of_a_role_are_asked_for_once(self, config: Path, sts: STS) -> None:
        config.write_text(f"[profile ops]\n{ROLE}source_profile = base\n[profile base]\n{KEYS}")

        keys = {sign_in(open_session("ops")).access_key for _ in range(2)}

        assert (keys, sts.codes) == ({"ASIAROLE"}, [None])

    @pytest.mark.parametrize("damaged", ["not json", "[]", "{}", '{"Credentials": {}}'])
    def test_of_a_damaged_cache_are_asked_for_again(
        self, damaged: str, config: Path, sts: STS, tmp_path: Path
    ) -> None:
        config.write_text(f"[profile ops]\n{ROLE}source_profile = base\n[profile base]\n{KEYS}")
        sign_in(open_session("ops"))
        (cached,) = (tmp_path / ".aws" / "cli" / "cache").iterdir()
        cached.write_text(damaged)

        assert sign_in(open_session("ops")).access_key == "ASIAROLE"
        assert json.loads(cached.read_text())["Credentials"]["AccessKeyId"] == "ASIAROLE"

    def test_are_as_good_where_they_cannot_be_cached(
        self, config: Path, sts: STS, tmp_path: Path
    ) -> None:
        config.write_text(f"[profile ops]\n{ROLE}source_profile = base\n[profile base]\n{KEYS}")
        (tmp_path / ".aws").write_text("no folder")

        assert sign_in(open_session("ops")).access_key == "ASIAROLE"

    def test_of_a_program(self, config: Path, tmp_path: Path) -> None:
        answer = tmp_path / "answer"
        answer.write_text('{"Version": 1, "AccessKeyId": "AKIDVAULT", "SecretAccessKey": "s"}')
        config.write_text(f"[profile vault]\ncredential_process = cat {answer}\n")

        assert sign_in(open_session("vault")).access_key == "AKIDVAULT"


class TestWhatGoesWrong:
    @pytest.mark.parametrize(
        ("profile", "kind", "advice"),
        [
            (f"{ROLE}source_profile = nobody", ConfigurationError, '"nobody"'),
            (f"{ROLE}source_profile = p", ConfigurationError, "Infinite loop"),
            (ROLE, ConfigurationError, "source_profile or credential_source"),
            ("credential_process = /nowhere/vault", ConfigurationError, "/nowhere/vault"),
            ("credential_process = echo hello", ConfigurationError, "Version"),
            ("credential_process = echo []", ConfigurationError, "Version"),
            ('credential_process = echo "', ConfigurationError, "credential_process"),
            ("credential_process = false", MissingCredentialsError, "credential_process"),
            (f"{ROLE}web_identity_token_file = /nowhere/token", ConfigurationError, "/nowhere"),
            (
                "sso_start_url = https://x.awsapps.com/start\nsso_region = us-east-1\n"
                "sso_account_id = 123456789012\nsso_role_name = r",
                MissingCredentialsError,
                "`aws sso login --profile p`",
            ),
            ("sso_session = s\nsso_account_id = 1\nsso_role_name = r", ConfigurationError, '"s"'),
        ],
    )
    def test_with_a_profile(
        self, profile: str, kind: type[TruffleError], advice: str, config: Path
    ) -> None:
        config.write_text(f"[profile p]\n{profile}\n")

        with pytest.raises(kind) as caught:
            sign_in(open_session("p"))

        assert advice in str(caught.value)

    def test_with_an_empty_name_of_a_profile(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_PROFILE", "")

        with pytest.raises(UnknownProfileError, match="unset AWS_PROFILE"):
            sign_in(open_session())

    @pytest.mark.parametrize("name", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"])
    def test_with_a_ca_bundle_that_is_not_there(
        self, name: str, config: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        config.write_text(f"[default]\n{KEYS}")
        monkeypatch.setenv(name, "/nowhere/ca.pem")

        with pytest.raises(ConfigurationError, match=f"{name} names /nowhere/ca.pem"):
            sign_in(open_session())

    def test_with_sts_out_of_reach(self, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9")
        config.write_text(f"[profile ops]\n{ROLE}source_profile = base\n[profile base]\n{KEYS}")

        with pytest.raises(UnreachableError, match="cannot be reached"):
            sign_in(open_session("ops"))

    def test_with_a_role_whose_source_has_expired(
        self, config: Path, sts: STS, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        config.write_text(f"[profile ops]\n{ROLE}source_profile = base\n[profile base]\n{KEYS}")
        monkeypatch.setattr(sts, "answer", lambda form: (403, sts.refusal("ExpiredToken")))

        with pytest.raises(ExpiredCredentialsError):
            sign_in(open_session("ops"))

    def test_a_fault_of_truffles_own_is_raised(self) -> None:
        with pytest.raises(AttributeError):
            sign_in(object())
