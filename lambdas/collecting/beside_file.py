"""The copies in the bucket of the items beside the listings, as of the last closed run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lambdas.store.beside import BesideStore
from lambdas.store.beside_copy import BesideCopy, beside_key


@dataclass(frozen=True, slots=True)
class BesideFile:
    """The copy of one kind, which a cold query reads instead of the items of each unit."""

    store: BesideStore
    copy: BesideCopy

    @property
    def name(self) -> str:
        return beside_key(self.copy.kind)

    def publish(self, *_: Any) -> None:
        """Write the copy if items were written since. Raises what DynamoDB and S3 do."""
        kind, known = self.copy.kind, self.copy.read()
        versions = self.store.versions(kind)
        if versions != {unit: it.version for unit, it in known.items()}:
            self.copy.write(self.store.of_units(kind, versions, known))
