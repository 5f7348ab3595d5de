"""Clients for many regions: cheap, fast at parsing, and in everything else botocore's own."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import (
    DataNotFoundError,
    InvalidEndpointConfigurationError,
    NoCredentialsError,
    ProfileNotFound,
    UnknownServiceError,
)
from botocore.loaders import JSONFileLoader
from botocore.parsers import ResponseParserFactory
from botocore.session import Session

from truffle.ec2.clients import OPERATIONS, CallerClients
from truffle.ec2.parsing import FastEC2ParserFactory
from truffle.ec2.sessions import DEFAULT_REGION


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Nothing of the developer's own AWS; the configuration file is the one that is given."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    config = tmp_path / "config"
    config.write_text("")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return config


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")


A_PROFILE = """
[profile research]
region = eu-west-3
aws_access_key_id = AKIDRESEARCH
aws_secret_access_key = secret
aws_account_id = 123456789012
services = local
[services local]
ec2 =
  endpoint_url = http://localhost:4567
"""


@pytest.mark.usefixtures("keys")
class TestAClient:
    def test_has_only_the_operations_that_truffle_calls(self) -> None:
        model = CallerClients().of("us-east-2").meta.service_model

        assert set(model.operation_names) == set(OPERATIONS)

    def test_cannot_change_or_buy_anything(self) -> None:
        assert all(name.startswith("Describe") for name in OPERATIONS)
        with pytest.raises(AttributeError):
            CallerClients().of("us-east-2").purchase_capacity_block()

    @pytest.mark.parametrize("operation", OPERATIONS)
    def test_asks_and_is_answered_in_botocores_own_shapes(self, operation: str) -> None:
        own = boto3.client("ec2", region_name="us-east-2").meta.service_model
        model = CallerClients().of("us-east-2").meta.service_model

        for shapes in ("input_shape", "output_shape"):
            mine = getattr(model.operation_model(operation), shapes)
            botocores = getattr(own.operation_model(operation), shapes)
            assert {name: repr(shape) for name, shape in mine.members.items()} == {
                name: repr(shape) for name, shape in botocores.members.items()
            }

    def test_reads_nothing_any_more_in_the_thread_that_lists_with_it(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        clients = CallerClients()
        client = clients.of("us-east-2")
        read: list[str] = []
        files = clients.session.get_component("data_loader").file_loader
        monkeypatch.setattr(files, "load_file", read.append)

        client.get_paginator("describe_capacity_reservations")

        assert read == []

    def test_is_made_without_a_look_into_the_folders_of_all_services(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        looked_into: list[str] = []
        listdir = os.listdir

        def watched(path: str) -> list[str]:
            looked_into.append(str(path))
            return listdir(path)

        monkeypatch.setattr(os, "listdir", watched)

        CallerClients().of("us-east-2")

        services = {Path(path).name for path in looked_into if Path(path).parent.name == "data"}
        assert services == {"ec2"}

    def test_asks_its_region_at_the_endpoint_that_botocore_finds(self) -> None:
        client = CallerClients().of("eu-south-2")

        assert client.meta.region_name == "eu-south-2"
        assert client.meta.endpoint_url == "https://ec2.eu-south-2.amazonaws.com"

    @pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_EC2"])
    def test_asks_the_endpoint_of_the_environment(
        self, name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(name, "http://localhost:1234")

        assert CallerClients().of("us-east-2").meta.endpoint_url == "http://localhost:1234"

    def test_cannot_be_made_for_an_endpoint_that_is_not_a_url(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL_EC2", "nonsense")

        with pytest.raises(InvalidEndpointConfigurationError, match="nonsense"):
            CallerClients().of("us-east-2")

    def test_retries_in_the_standard_mode(self) -> None:
        retries = CallerClients().of("us-east-2").meta.config.retries

        assert retries["mode"] == "standard"

    def test_is_made_once_for_a_region(self) -> None:
        clients = CallerClients()

        assert clients.of("us-east-2") is clients.of("us-east-2")
        assert clients.of("us-east-2") is not clients.of("us-west-2")


class TestTheCaller:
    def test_is_the_environments(self, keys: None) -> None:
        clients = CallerClients()

        assert clients.session.get_credentials().access_key == "AKIDEXAMPLE"
        assert (clients.profile, clients.home) == (None, DEFAULT_REGION)

    def test_is_a_profile_with_its_region_and_its_endpoint(self, environment: Path) -> None:
        environment.write_text(A_PROFILE)

        clients = CallerClients("research")

        assert clients.session.get_credentials().access_key == "AKIDRESEARCH"
        assert (clients.profile, clients.home) == ("research", "eu-west-3")
        assert clients.of("us-east-1").meta.endpoint_url == "http://localhost:4567"
        assert clients.account_id() == "123456789012"

    def test_is_a_profile_that_does_not_exist(self) -> None:
        with pytest.raises(ProfileNotFound):
            CallerClients("nobody").account_id()

    def test_has_no_credentials(self) -> None:
        with pytest.raises(NoCredentialsError):
            CallerClients().account_id()

    def test_does_not_say_which_account_it_is(self, keys: None) -> None:
        assert CallerClients().account_id() is None

    def test_asks_the_first_region_that_it_was_given_where_none_is_configured(
        self, keys: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert CallerClients(first="cn-north-1").home == "cn-north-1"

        monkeypatch.setenv("AWS_DEFAULT_REGION", "cn-northwest-1")
        assert CallerClients(first="cn-north-1").home == "cn-northwest-1"

    def test_is_a_session_of_boto3(self, environment: Path) -> None:
        environment.write_text(A_PROFILE)
        given = boto3.Session(profile_name="research", region_name="us-west-2")

        clients = CallerClients(given)

        assert clients.session.get_credentials() is given.get_credentials()
        assert (clients.profile, clients.home) == ("research", "us-west-2")

    def test_is_a_session_of_botocore_with_its_settings(self) -> None:
        given = Session()
        given.set_config_variable("region", "us-west-1")
        given.set_credentials("AKIDGIVEN", "secret")
        given.set_default_client_config(Config(proxies={"http": "proxy:3128"}))

        clients = CallerClients(given)

        assert clients.home == "us-west-1"
        assert clients.session.get_credentials().access_key == "AKIDGIVEN"
        assert clients.of("us-west-1").meta.config.proxies == {"http": "proxy:3128"}

    def test_keeps_its_session_as_it_is(self, keys: None) -> None:
        given: Any = Session()

        CallerClients(given).of("us-east-2")

        factory = given.get_component("response_parser_factory")
        assert isinstance(factory, ResponseParserFactory)
        assert not isinstance(factory, FastEC2ParserFactory)
        assert "truffle" not in given.user_agent()

    def test_may_have_credentials_that_are_renewed_while_it_works(self) -> None:
        class Renewed(Credentials):  # type: ignore[misc]
            def get_frozen_credentials(self) -> Any:
                return Credentials("AKIDNEW", "secret", account_id="210987654321")

        given = boto3.Session(botocore_session=(inner := Session()))
        inner._credentials = Renewed("AKIDOLD", "secret")

        assert CallerClients(given).account_id() == "210987654321"


def test_a_model_of_ones_own_is_found_where_botocore_looks_for_it(
    keys: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_DATA_PATH", f"{tmp_path}{os.pathsep}~/models")

    loader = CallerClients().session.get_component("data_loader")

    assert loader.search_paths[:2] == [str(tmp_path), os.path.expanduser("~/models")]


class TestTheModels:
    @pytest.mark.usefixtures("keys")
    def test_of_another_service_is_read_once_for_all_regions_at_the_same_time(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        read: list[str] = []
        load = JSONFileLoader.load_file

        def counted(loader: JSONFileLoader, path: str) -> Any:
            if path.endswith(os.path.join("sagemaker", "2017-07-24", "service-2")):
                read.append(path)
                time.sleep(0.05)
            return load(loader, path)

        monkeypatch.setattr(JSONFileLoader, "load_file", counted)
        clients, regions = CallerClients(), ["us-east-1", "eu-west-3", "ap-south-1"]
        with ThreadPoolExecutor(len(regions)) as pool:
            made = list(pool.map(lambda it: clients.service_of(it)("sagemaker"), regions))
        assert [each.meta.region_name for each in made] == regions
        assert len(set(read)) == len(read)

    def test_know_every_service_of_botocores(self) -> None:
        """Those that credentials come from are among them: STS, IAM Identity Center."""
        services = CallerClients().session.get_available_services()

        assert {*Session().get_available_services()} <= {*services}

    def test_that_are_not_there_are_botocores_own_errors(self) -> None:
        session = CallerClients().session

        with pytest.raises(UnknownServiceError):
            session.get_service_data("ec3")
        with pytest.raises(DataNotFoundError):
            session.get_component("data_loader").load_service_model("ec2", "examples-9")
