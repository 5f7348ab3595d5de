"""moto at half its cost: what it computes anew with every call, though it never changes, once.

A test of the functions makes up to a hundred calls, and moto takes most of their time. Nothing of
what moto answers changes.
"""

from __future__ import annotations

import copy
from abc import ABCMeta
from collections.abc import Iterator
from functools import cache
from random import Random
from string import ascii_letters, digits
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from moto import backend_index
from moto.core import base_backend, responses, serialize, utils
from moto.dynamodb import models as dynamodb
from moto.dynamodb.parsing.ast_nodes import Node
from moto.moto_api._internal.moto_random import MotoRandom
from moto.sns import models as sns_models
from moto.sns import responses as sns_responses
from moto.sqs import models as sqs_models

USED = ("dynamodb", "sqs", "sns", "scheduler", "secretsmanager", "sts", "s3")
"""The services of the functions, of which none answers at another's address."""


def lower(patch: pytest.MonkeyPatch) -> None:
    """Lower the cost of moto's calls for as long as the patch is in place."""
    _compute_once(patch)
    _pick_attributes_by_type(patch)
    _copy_tables_once(patch)
    _check_types_in_c()
    patch.setattr(MotoRandom, "get_random_string", _random_string)
    _sign_only_payloads(patch)
    first = [
        each for name in USED for each in backend_index.backend_url_patterns if each[0] == name
    ]
    rest = [each for each in backend_index.backend_url_patterns if each not in first]
    patch.setattr(backend_index, "backend_url_patterns", [*first, *rest])


def _compute_once(patch: pytest.MonkeyPatch) -> None:
    """Names of methods and of attributes, and the addresses of a service."""
    patch.setattr(responses, "method_names_from_class", cache(responses.method_names_from_class))
    words = cache(utils.camelcase_to_underscores)
    for module in (responses, sqs_models, sns_models, sns_responses):
        patch.setattr(module, "camelcase_to_underscores", words)
    urls = base_backend.BaseBackend.urls.fget
    by_class: dict[type, Any] = {}

    def of(backend: Any) -> Any:
        if type(backend) not in by_class:
            by_class[type(backend)] = urls(backend)
        return by_class[type(backend)]

    patch.setattr(base_backend.BaseBackend, "urls", property(of))


def _pick_attributes_by_type(patch: pytest.MonkeyPatch) -> None:
    """Under which names an attribute of a response may be found: by type, attribute and shape."""
    picker = serialize.XFormedAttributePicker
    names, known = picker.get_possible_keys, dict[tuple[type, str, Any], tuple[str, ...]]()

    def possible_keys(self: Any, context: Any) -> tuple[str, ...]:
        key = type(context.obj), context.key, context.shape
        if key not in known:
            known[key] = tuple(dict.fromkeys(names(self, context)))
        return known[key]

    patch.setattr(picker, "get_possible_keys", possible_keys)


def _copy_tables_once(patch: pytest.MonkeyPatch) -> None:
    """A transaction copies its table for each of its items, before it changes any."""
    copies: dict[int, Any] = {}
    transact = dynamodb.DynamoDBBackend.transact_write_items

    def once(value: Any) -> Any:
        if not isinstance(value, dynamodb.Table):
            return copy.deepcopy(value)
        if id(value) not in copies:
            copies[id(value)] = copy.deepcopy(value)
        return copies[id(value)]

    def transact_write_items(self: Any, items: Any) -> None:
        copies.clear()
        transact(self, items)

    patch.setattr(dynamodb, "copy", SimpleNamespace(deepcopy=once))
    patch.setattr(dynamodb.DynamoDBBackend, "transact_write_items", transact_write_items)


class _Plain(ABCMeta):
    """Classes whose instances are those of their subclasses, without any registered ones."""

    __instancecheck__ = type.__instancecheck__


def _check_types_in_c() -> None:
    """The nodes of parsed expressions are abstract classes, whose checks are slow."""
    for node in _with_subclasses(Node):
        node.__class__ = _Plain


def _with_subclasses(kind: Any) -> Iterator[Any]:
    yield kind
    for each in kind.__subclasses__():
        yield from _with_subclasses(each)


def _sign_only_payloads(patch: pytest.MonkeyPatch) -> None:
    """moto believes any signature. Those of S3 declare how a payload is encoded."""
    sign = SigV4Auth.add_auth

    def add_auth(self: Any, request: Any) -> None:
        if self.credentials is None or self._service_name == "s3":
            sign(self, request)
            return
        scope = f"{self.credentials.access_key}/20260101/{self._region_name}/{self._service_name}"
        request.headers["Authorization"] = f"AWS4-HMAC-SHA256 Credential={scope}/aws4_request"

    patch.setattr(SigV4Auth, "add_auth", add_auth)


def _random_string(
    self: Random, length: int = 20, include_digits: bool = True, lower_case: bool = False
) -> str:
    pool = ascii_letters + (digits if include_digits else "")
    made = "".join(self.choices(pool, k=length))
    return made.lower() if lower_case else made
