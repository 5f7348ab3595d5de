"""The parts of botocore's models that the functions use, for their zip.

The Lambda runtime's own botocore may be months older, and silently drops fields that its model
lacks. The model in the zip is that of the pinned botocore.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from botocore.loaders import Loader

from truffle.core.kinds.registry import KINDS

EC2_LIST_ACTIONS = (
    "DescribeCapacityReservations",
    "DescribeCapacityBlocks",
    "DescribeCapacityBlockStatus",
    "DescribeCapacityBlockExtensionHistory",
    "DescribeCapacityBlockExtensionOfferings",
    "DescribeCapacityReservationBillingRequests",
    "DescribeCapacityReservationFleets",
    "DescribeCapacityReservationTopology",
    "DescribeInstanceTypes",
    "GetCapacityReservationUsage",
)
"""The operations of listing a scope."""

OPERATIONS = ("DescribeRegions", *EC2_LIST_ACTIONS)
"""The EC2 operations of collecting. Other accounts' roles must allow them."""

MARKET_ACTIONS = ("DescribeCapacityBlockOfferings", "DescribeInstanceTypes")
"""The EC2 operations of watches, only in the stack's own account."""

OTHER_OPERATIONS: Mapping[str, tuple[str, ...]] = {
    kind.listing.service: kind.operations for kind in KINDS.values() if kind.listing
}
"""Operations of the other services that list capacity, by service."""

STRANDED_ACTIONS = ("DescribeInstances",)
"""The additional EC2 operations of collecting if the setting ``stranded`` is on."""

ORGANIZATIONS_ACTIONS = (
    "ListAccounts",
    "ListAccountsForParent",
    "ListOrganizationalUnitsForParent",
    "ListRoots",
)
"""The operations of Organizations for finding accounts."""

_Json = Mapping[str, Any]

_USED: Mapping[str, tuple[str, ...]] = {
    "ec2": tuple(dict.fromkeys((*OPERATIONS, *MARKET_ACTIONS, *STRANDED_ACTIONS))),
    **OTHER_OPERATIONS,
    "organizations": ORGANIZATIONS_ACTIONS,
}


def write_models(directory: Path) -> None:
    """Write the models in botocore's layout: `<service>/<version>/service-2.json` and the
    paginators beside it."""
    loader = Loader()
    for service, operations in _USED.items():
        version = loader.determine_latest_version(service, "service-2")
        target = directory / service / version
        target.mkdir(parents=True)
        model = loader.load_service_model(service, "service-2", version)
        paginators = loader.load_service_model(service, "paginators-1", version)["pagination"]
        found = {name: paginators[name] for name in operations if name in paginators}
        _write(target / "service-2.json", used_model(model, operations))
        _write(target / "paginators-1.json", {"pagination": found})


def used_model(model: _Json, names: Iterable[str]) -> dict[str, Any]:
    """A service model with only these operations and the shapes that they need, without
    documentation."""
    operations = {name: model["operations"][name] for name in names}
    shapes = _reachable(model["shapes"], operations.values())
    used = {**model, "operations": operations, "shapes": shapes}
    undocumented: dict[str, Any] = _undocumented(used)
    return undocumented


def _reachable(shapes: _Json, operations: Iterable[_Json]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    waiting = [name for operation in operations for name in _shapes_in(operation)]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = shapes[name]
            waiting += _shapes_in(shapes[name])
    return dict(sorted(found.items()))


def _shapes_in(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        if isinstance(value.get("shape"), str):
            yield value["shape"]
        for item in value.values():
            yield from _shapes_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from _shapes_in(item)


def _undocumented(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            key: _undocumented(item)
            for key, item in value.items()
            if key != "documentation" or not isinstance(item, str)
        }
    return [_undocumented(item) for item in value] if isinstance(value, list) else value


def _write(file: Path, content: _Json) -> None:
    file.write_text(json.dumps(content, separators=(",", ":"), ensure_ascii=False), "utf-8")
