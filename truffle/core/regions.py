"""The known regions of AWS, to detect a misspelt one before any call."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable

from truffle.core.suggest import nearest

REGION_FORM = r"[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}"
"""The form of every region's name, as a regular expression."""

REGION_GLOB = r"[a-z0-9-]*[*?][a-z0-9*?-]*"
"""The form of a glob of regions such as ``us-*``."""

KNOWN_REGIONS = (
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
    "cn-north-1",
    "cn-northwest-1",
    "eusc-de-east-1",
    "us-gov-east-1",
    "us-gov-west-1",
    "us-iso-east-1",
    "us-iso-west-1",
    "us-isob-east-1",
    "us-isob-west-1",
    "us-isof-east-1",
    "us-isof-south-1",
    "eu-isoe-west-1",
)
"""The regions of all partitions with EC2 (botocore 1.43, endpoints.json), commercial ones first."""

DEFAULT_REGIONS = (
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
)
"""The commercial regions that every account has enabled (AWS Account Management, "Enable or disable
AWS Regions in your account": those launched before March 20, 2019)."""

_PARTITIONS = {
    "cn-": "aws-cn",
    "us-gov-": "aws-us-gov",
    "eusc-": "aws-eusc",
    "us-iso-": "aws-iso",
    "us-isob-": "aws-iso-b",
    "us-isof-": "aws-iso-f",
    "eu-isoe-": "aws-iso-e",
}
"""The partitions by the prefix of their regions' names (botocore, partitions.json)."""


def partition_of(region: str) -> str:
    """The partition of a region, on which ARNs and the console's address depend."""
    found = (name for prefix, name in _PARTITIONS.items() if region.startswith(prefix))
    return next(found, "aws")


COMMERCIAL = tuple(name for name in KNOWN_REGIONS if partition_of(name) == "aws")
"""The regions of the ``aws`` partition."""

_WORDS = frozenset(word for name in KNOWN_REGIONS for word in name.split("-"))

_NUMBER = re.compile("-[0-9]+$")


def misspelt_region(name: str) -> str | None:
    """The region that an unknown name resembles; None for a known or possibly new region.

    AWS adds regions with new numbers, directions and countries: a name of such words is unknown to
    this release, but not invalid.
    """
    if name in KNOWN_REGIONS:
        return None
    if not re.fullmatch(REGION_FORM, name):
        return nearest(name, KNOWN_REGIONS)
    words = name.split("-")[:-1]
    is_country = len(words[0]) == 2 and words[0][::-1] not in _WORDS
    unknown = {*words} - _WORDS - ({words[0]} if is_country else set())
    return _nearly(name) if unknown else None


def _nearly(name: str) -> str | None:
    """The region with similar words, preferably with the same number."""
    by_words: dict[str, list[str]] = {}
    for known in KNOWN_REGIONS:
        by_words.setdefault(_NUMBER.sub("", known), []).append(known)
    words = nearest(_NUMBER.sub("", name), by_words)
    if words is None:
        return None
    same_number = words + name[name.rindex("-") :]
    return same_number if same_number in by_words[words] else by_words[words][0]


def is_glob(name: str) -> bool:
    return "*" in name or "?" in name


def unknown_regions(names: Iterable[str]) -> list[str]:
    """The names among these that this release does not know, without globs."""
    return [name for name in names if not is_glob(name) and name not in KNOWN_REGIONS]


def first_region(names: Iterable[str]) -> str | None:
    """A region that these names or globs probably include; None if there is none."""
    for name in names:
        matching = [name] if not is_glob(name) else fnmatch.filter(KNOWN_REGIONS, name)
        if matching:
            return matching[0]
    return None


def expanded(names: Iterable[str], enabled: Iterable[str]) -> list[str]:
    """The regions of names and globs, each once; globs match enabled regions."""
    regions = sorted(enabled)
    found = [
        region
        for name in names
        for region in (fnmatch.filter(regions, name) if is_glob(name) else [name])
    ]
    return list(dict.fromkeys(found))
