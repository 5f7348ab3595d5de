"""Glue's tables and Athena's workgroup, held against the files that are really written."""

from __future__ import annotations

import re
from datetime import date

import pytest

from tests.infra.synthesized import Json, Resource, Synthesized, text_of
from truffle.core.layout import table_key
from truffle.core.saved_queries import CUR_TABLE, SAVED_QUERIES
from truffle.core.tables import TABLES


@pytest.fixture(scope="module")
def tables(stack: Synthesized) -> dict[str, Json]:
    found = [one["TableInput"] for one in stack.of_type("Glue::Table")]
    return {table["Name"]: table for table in found}


def test_the_database_is_named_after_the_stack(stack: Synthesized) -> None:
    (database,) = stack.of_type("Glue::Database")
    assert database["DatabaseInput"]["Name"] == "truffle"


def test_every_table_is_there_with_its_columns(tables: dict[str, Json]) -> None:
    columns = {
        name: [(one["Name"], one["Type"]) for one in table["StorageDescriptor"]["Columns"]]
        for name, table in tables.items()
    }
    assert columns == {
        name: [(column.name, column.type) for column in table.columns]
        for name, table in TABLES.items()
    }
    assert dict(columns["snapshots"])["tags"] == "map<string,string>"


@pytest.mark.parametrize("name", TABLES)
def test_the_projection_finds_the_file_of_a_day(tables: dict[str, Json], name: str) -> None:
    parameters = tables[name]["Parameters"]
    assert [key["Name"] for key in tables[name]["PartitionKeys"]] == ["dt"]
    assert parameters["projection.enabled"] == "true"
    assert parameters["projection.dt.type"] == "date"
    java = parameters["projection.dt.format"]
    written = java.replace("yyyy", "%Y").replace("MM", "%m").replace("dd", "%d")
    day = date(2026, 11, 4).strftime(written)
    template = text_of(parameters["storage.location.template"])
    key = re.sub(r"^s3://[^/]+/", "", template).replace("${dt}", day)
    assert table_key(name, date(2026, 11, 4)) == f"{key}part-0.parquet"
    first, last = parameters["projection.dt.range"].split(",")
    assert (first, last) == ("2026-01-01", "NOW")


def test_a_query_scans_no_more_than_the_limit(stack: Synthesized) -> None:
    (group,) = stack.of_type("Athena::WorkGroup")
    choices = group["WorkGroupConfiguration"]
    assert choices["EnforceWorkGroupConfiguration"] is True
    assert choices["BytesScannedCutoffPerQuery"] == 10 * 1024**3
    output = text_of(choices["ResultConfiguration"]["OutputLocation"])
    assert output.endswith("/query-results/")


def test_every_question_is_saved_but_that_of_a_table_of_yours(stack: Synthesized) -> None:
    saved: list[Resource] = stack.of_type("Athena::NamedQuery")
    expected = {one.sql for one in SAVED_QUERIES if CUR_TABLE not in one.sql}
    assert {query["QueryString"] for query in saved} == expected
    assert {query["WorkGroup"] for query in saved} == {"truffle"}


def test_duckdb_is_in_the_layer_of_one_function_alone(stack: Synthesized) -> None:
    with_layers = [one for one in stack.of_type("Lambda::Function") if "Layers" in one.properties]
    assert [one["Handler"] for one in with_layers] == ["lambdas.compact.handler"]
    (layer,) = stack.of_type("Lambda::LayerVersion")
    assert layer["CompatibleArchitectures"] == ["arm64"]
    assert (stack.layer / "python" / "duckdb" / "__init__.py").is_file()
    assert not (stack.asset / "duckdb").exists()


def test_the_layer_is_of_lambdas_processor(stack: Synthesized) -> None:
    (library,) = (stack.layer / "python").glob("_duckdb*.so")
    machine = library.read_bytes()[18:20]
    assert int.from_bytes(machine, "little") == 183, "ELF's EM_AARCH64"
