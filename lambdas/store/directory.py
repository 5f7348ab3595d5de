"""The last known accounts of the organization and regions of each account, in the table."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from lambdas.store.documents import DocumentStore, Head
from lambdas.store.table import Client
from truffle.core.coverage import AccountRegions, regions_from_json, regions_to_json
from truffle.core.organization import (
    Directory,
    Labels,
    directory_from_json,
    directory_to_json,
    error_from_json,
    error_to_json,
)
from truffle.core.times import format_time, parse_time

_DIRECTORY = "directory"
_REGIONS = "regions"


@dataclass(frozen=True, slots=True)
class DirectoryStore:
    """Both documents, with a boto3 DynamoDB client."""

    client: Client
    table: str

    def directory(self) -> Directory:
        """The directory as last written; an empty one before that."""
        head = self._documents.head(_DIRECTORY)
        return Directory() if head is None else self.read(head)

    def head(self) -> Head | None:
        """The directory's head: its version, times and error."""
        return self._documents.head(_DIRECTORY)

    def read(self, head: Head) -> Directory:
        """The directory of a head. Raises Incomplete."""
        return dated(directory_from_json(self._documents.content(_DIRECTORY, head)), head)

    def write(self, directory: Directory, at: datetime) -> None:
        error, seen = directory.error, directory.observed_at
        units_seen = directory.units_observed_at
        facts = {
            "observed_at": seen and format_time(seen),
            "units_observed_at": units_seen and format_time(units_seen),
            "error": error and error_to_json(error),
        }
        self._documents.write(_DIRECTORY, directory_to_json(directory), facts, at)

    def regions(self) -> dict[str, AccountRegions]:
        """The known regions of each account."""
        head = self._documents.head(_REGIONS)
        return {} if head is None else regions_from_json(self._documents.content(_REGIONS, head))

    def write_regions(self, known: dict[str, AccountRegions], at: datetime) -> None:
        self._documents.write(_REGIONS, regions_to_json(known), {}, at)

    @property
    def _documents(self) -> DocumentStore:
        return DocumentStore(self.client, self.table)


def dated(directory: Directory, head: Head) -> Directory:
    """A directory's accounts with the times and the error of a head."""

    def moment(name: str) -> datetime | None:
        return parse_time(head.facts[name]) if head.facts[name] else None

    error: Any = head.facts["error"]
    return replace(
        directory,
        observed_at=moment("observed_at"),
        units_observed_at=moment("units_observed_at"),
        error=error and error_from_json(error),
    )


@dataclass(slots=True)
class DirectoryCache:
    """The directory in a function's memory: a small read checks whether it is current."""

    store: DirectoryStore
    _version: str | None = None
    _directory: Directory = field(default_factory=Directory)
    _labels: dict[str, Labels] = field(default_factory=dict)

    def directory(self) -> Directory:
        """The present directory. Raises what DynamoDB does, and Incomplete."""
        head = self.store.head()
        if head is None:
            return self._directory
        if head.version != self._version:
            self._directory = self.store.read(head)
            self._labels = self._directory.labels()
            self._version = head.version
        else:
            self._directory = dated(self._directory, head)
        return self._directory

    def labels(self) -> dict[str, Labels]:
        """The present label of each account."""
        self.directory()
        return self.last_labels

    @property
    def last_labels(self) -> dict[str, Labels]:
        """The label of each account as of the last read of the directory."""
        return self._labels
