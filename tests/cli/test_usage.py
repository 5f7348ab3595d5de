"""Bad usage: exit 2, what is allowed, the nearest match, and no call to AWS."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Run, calls_of
from tests.cli.deployed import Deployed
from tests.sandbox.worlds import World

OFFERINGS = ["offerings", "--instance-type", "p5.48xlarge"]
VALIDATE = ["validate", "--instance-type", "p5.48xlarge", "--count"]

BAD: list[tuple[list[str], list[str]]] = [
    (
        ["capacity", "--regions", "us-esat-1"],
        ["--regions", "'us-esat-1'", "Did you mean us-east-1?", "eu-west-1"],
    ),
    (["capacity", "--regions", "us-east-1,moon"], ["'moon'"]),
    (["capacity", "-r", "us-east-1a"], ["Did you mean us-east-1?"]),
    (["capacity", "-r", ""], ["--regions"]),
    (
        ["capacity", "--instance-types", "p5.48xlarg"],
        ["--instance-types", "Did you mean p5.48xlarge?"],
    ),
    (["capacity", "--instance-types", "P5.48xlarge"], ["Did you mean p5.48xlarge?"]),
    (["capacity", "--instance-types", "p5"], ["Did you mean p5.*?"]),
    (["capacity", "--instance-types", "p5 48xlarge"], ["such as p5.48xlarge"]),
    (["capacity", "--states", "activ"], ["--states", "Did you mean active?"]),
    (["capacity", "--states", "payment_failed"], ["Did you mean payment-failed?"]),
    (["capacity", "--instance-types", "tnr1.32xlarge"], ["Did you mean trn1.32xlarge?"]),
    (["capacity", "--instance-types", "H100"], ["is an accelerator", "p5.48xlarge"]),
    (["capacity", "--gpu", "Trainum2"], ["--gpu", "Did you mean Trainium2?"]),
    (["capacity", "-r", "us-esat-*,us-esat-9"], ["Did you mean us-east-1?"]),
    (
        ["validate", "--instance-type", "h100", "--count", "8", "--days", "7"],
        ["'h100'", "is an accelerator", "p5.48xlarge"],
    ),
    (["capacity", "--states", "Active!"], ["--states", "scheduled"]),
    (["capacity", "--accounts", "123"], ["--accounts", "12 digits"]),
    (["capacity", "--owners", "me"], ["--owners", "12 digits"]),
    (
        ["capacity", "--availability-zones", "us-esat-1a"],
        ["--availability-zones", "Did you mean us-east-1a?"],
    ),
    (["capacity", "--availability-zones", "us-east-1"], ["such as us-east-1a"]),
    (["capacity", "--starts-after", "some day"], ["--starts-after", "tomorrow or a weekday"]),
    (["capacity", "--starts-before", "2026-13-01"], ["--starts-before", "'2026-13-01'"]),
    (["capacity", "--ends-after", "2026-12-01T11:30:00"], ["--ends-after", "RFC 3339"]),
    (["capacity", "--ends-before", ""], ["--ends-before"]),
    (["capacity", "--tags", "team"], ["--tags", "'team'", "key=value"]),
    (["capacity", "--tags", "team=a,b"], ["'b'"]),
    (["capacity", "--min-capacity", "-1"], ["--min-capacity", "from 0"]),
    (["capacity", "--min-capacity", "ten"], ["'ten'"]),
    (["capacity", "--limit"], ["--limit", "'truffle capacity --help'"]),
    (["capacity", "--limit", "0"], ["--limit", "from 1 to 1000"]),
    (["capacity", "--limit", "1001"], ["from 1 to 1000"]),
    (["capacity", "--sort", "availble_capacity"], ["--sort", "Did you mean available_capacity?"]),
    (["capacity", "--sort", "-stat"], ["Did you mean -state?"]),
    (["capacity", "-o", "jsn"], ["'jsn'", "Did you mean json?", "yaml"]),
    (["capacity", "--timeout", "0"], ["--timeout", "3600"]),
    (["capacity", "--timeout", "-5"], ["--timeout"]),
    (["capacity", "--timeout", "soon"], ["'soon'"]),
    (["capacity", "--timeout", "3601"], ["3600"]),
    (["capacity", "--source", "lve"], ["Did you mean live?"]),
    (["capacity", "--source", "api"], ["TRUFFLE_API_URL"]),
    (["capacity", "--api-url", "example.com"], ["--api-url", "https://"]),
    (["capacity", "--reigons", "us-east-1"], ["--reigons", "--regions"]),
    (["capacity", "us-east-1"], ["us-east-1"]),
    (["capacity", "-r", "us-east-1", "us-west-2"], ["us-west-2", "with commas"]),
    (["capcity"], ["Did you mean capacity?", "offerings"]),
    ([*OFFERINGS], ["--days"]),
    ([*OFFERINGS, "--days", "2", "--duration-hours", "48"], ["either in days or in hours"]),
    ([*OFFERINGS, "--days", "0"], ["--days", "182"]),
    ([*OFFERINGS, "--days", "183"], ["'183'", "182 days"]),
    ([*OFFERINGS, "--duration-hours", "4369"], ["--duration-hours", "4368"]),
    ([*OFFERINGS, "--days", "2", "--count", "65"], ["--count", "1 to 64"]),
    ([*OFFERINGS, "--days", "2", "--count", "many"], ["--count", "'many'", "1 to 64"]),
    ([*OFFERINGS, "--duration-hours", "long"], ["--duration-hours", "'long'", "4368"]),
    ([*OFFERINGS, "--days", "2", "--start-after", "2026-13-01"], ["--start-after", "2026-12-01"]),
    (
        [*OFFERINGS, "--days", "2", "--end-by", "2020-01-01"],
        ["--end-by", "'2020-01-01'", "in the future"],
    ),
    ([*OFFERINGS, "--days", "2", "--sort", "cost"], ["--sort", "price"]),
    ([*OFFERINGS, "--days", "2", "-r", "us-esat-1"], ["Did you mean us-east-1?"]),
    (
        ["offerings", "--instance-type", "p5*", "--days", "2"],
        ["--instance-type", "one instance type"],
    ),
    (["offerings", "--days", "2"], ["--instance-type"]),
    ([*VALIDATE, "0", "--days", "7"], ["--count", "from 1"]),
    ([*VALIDATE, "eight", "--days", "7"], ["--count", "'eight'", "from 1 to"]),
    ([*VALIDATE, "8.5", "--days", "7"], ["--count", "'8.5'", "whole number"]),
    ([*VALIDATE, "8", "--days", "week"], ["--days", "'week'", "above 0"]),
    (
        ["validate", "--instance-type", "p5", "--count", "8", "--days", "7"],
        ["--instance-type", "'p5'", "p5.48xlarge"],
    ),
    (
        ["validate", "--instance-type", "u-p6e-gb200x72", "--count", "1", "--days", "7"],
        ["--instance-type", "18 × p6e-gb200.36xlarge"],
    ),
    (["capacity", "-r", "mars-1"], ["'mars-1'", "us-east-1"]),
    ([*VALIDATE, "8", "--days", "-7"], ["--days"]),
    ([*VALIDATE, "8", "--days", "nan"], ["--days"]),
    (
        ["validate", "--instance-type", "p5.48xlarg", "--count", "8", "--days", "7"],
        ["--instance-type", "Did you mean p5.48xlarge?", "one instance type"],
    ),
    ([*VALIDATE, "8"], ["--days"]),
    (
        [*VALIDATE, "8", "--days", "7", "--start-by", "2020-01-01"],
        ["--start-by", "'2020-01-01'", "in the future"],
    ),
    ([*VALIDATE, "8", "--days", "7", "--start-by", "2026-11-24T11:30"], ["--start-by", "RFC 3339"]),
    (["recommend"], ["--purpose", "training"]),
    (["recommend", "--purpose", "trainig"], ["Did you mean training?"]),
    (["recommend", "--purpose", "training", "--start", "soon"], ["--start"]),
    (
        ["recommend", "--purpose", "training", "--start", "2020-01-01"],
        ["--start", "today or later"],
    ),
    (["recommend", "--purpose", "training", "--start", "0001-01-01"], ["--start"]),
    (["recommend", "--purpose", "training", "--days", "nan"], ["--days", "above 0"]),
    (["recommend", "--purpose", "training", "--days", "inf"], ["--days"]),
    (["recommend", "--purpose", "training", "--count", "0"], ["--count", "from 1"]),
    (["use", "p5", "--for", "karpenter"], ["ID", "cr-"]),
    (["use", "cr-1"], ["--for", "karpenter"]),
    (["use", "cr-1", "--for", "karpentr"], ["Did you mean karpenter?"]),
    (["events"], ["TRUFFLE_API_URL"]),
    (["history", "cr-1"], ["TRUFFLE_API_URL"]),
    (["status"], ["TRUFFLE_API_URL"]),
    (["completion", "bsh"], ["Did you mean bash?"]),
    (["capacity", "--instance-types", "file://types.json"], ["file://types.json", "p5.48xlarge"]),
    (["capacity", "-o", "csv", "--columns", "regoin"], ["--columns", "Did you mean region?"]),
    (["capacity", "-o", "csv", "--columns", "az"], ["--columns", "'az'", "availability_zone"]),
    (["capacity", "-o", "json", "--columns", "region"], ["--columns", "omit -o json"]),
]


@pytest.mark.parametrize(("arguments", "output"), BAD, ids=lambda part: " ".join(part))
def test_bad_usage(arguments: list[str], output: list[str], truffle: Run, world: World) -> None:
    before = calls_of(world)
    found = truffle(*arguments)
    assert (found.status, found.out) == (2, "")
    assert [part for part in output if part not in found.err] == []
    assert len(found.err.splitlines()) == 1
    assert calls_of(world) == before


@pytest.mark.parametrize(
    ("arguments", "output"),
    [
        (["events", "--type", "state_chnged"], "Did you mean state_changed?"),
        (["events", "--severity", "bad"], "--severity"),
        (["events", "--since", "long ago"], "a length such as 36h or 7d"),
        (["events", "--limit", "0"], "--limit"),
        (["events", "--limit", "all"], "invalid value 'all'. It must be a whole number from 1"),
        (["events", "--follow", "--interval", "0.5"], "from 1 to 3600"),
        (["events", "--follow", "-o", "csv"], "--follow"),
        (["events", "--follow", "--until", "2026-12-01"], "--until"),
        (["history", "p5.48xlarge"], "ID"),
    ],
)
def test_bad_usage_of_the_stack(
    arguments: list[str], output: str, truffle: Run, deployed: Deployed, api_url: str
) -> None:
    found = truffle(*arguments, "--api-url", api_url)
    assert (found.status, found.out) == (2, "")
    assert output in found.err
    assert deployed.requests == []


def test_options_may_stand_before_the_command(truffle: Run) -> None:
    assert truffle("-o", "json", "--region=us-east-2", "capacity").json == []
    assert truffle("--debug", "capacity", "--limit", "0").status == 2
    assert truffle("--source", "live", "capacity", "-o", "json").json == []


def test_help_is_a_command_too(truffle: Run) -> None:
    assert truffle("help").out == truffle("--help").out
    assert truffle("help", "capacity").out.startswith("Usage: truffle capacity")


@pytest.mark.parametrize("argument", ["--help", "-h"])
def test_help_names_every_command(argument: str, truffle: Run) -> None:
    output = truffle(argument).out
    assert all(name in output for name in ("capacity", "offerings", "validate", "recommend", "use"))


def test_without_arguments_it_shows_the_help(truffle: Run) -> None:
    found = truffle()
    assert (found.status, found.out) == (2, "")
    assert found.err.startswith("Usage: truffle [OPTIONS] COMMAND [ARGS]...\n")
    assert "\n  capacity    List your ODCRs" in found.err
