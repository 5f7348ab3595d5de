"""Destinations of every kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.lambdas.office import Office, put_secret

Open = Callable[..., Office]


@pytest.fixture
def opened(office: Office) -> Open:
    """Opens a destination of a kind, named after it; its secret has this content."""

    def put(kind: str, secret: Any = None, **fields: Any) -> Office:
        if secret is not None:
            put_secret(f"truffle/{kind}", secret)
            fields["secret"] = f"truffle/{kind}"
        office.opens(**{kind: {"kind": kind, **fields}})
        return office

    return put
