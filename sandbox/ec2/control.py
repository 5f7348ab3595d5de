"""The client of the simulator's control surface, for tests, the demo and benchmarks."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

from sandbox.ec2.dates import format_date, parse_absolute
from sandbox.ec2.faults import Fault, FaultKind, fault_from_json, fault_to_json

_OPENER = build_opener(ProxyHandler({}))
"""An opener that ignores the environment's proxies, since the simulator is on this machine."""


class ControlError(Exception):
    """The simulator rejected a request; the text is its reason."""


@dataclass(frozen=True, slots=True)
class Control:
    """Controls a simulator at a URL. Every method raises ControlError, or OSError without a
    simulator.

    Reservations are EC2-shaped JSON, dates RFC 3339 or relative as in a fleet file.
    """

    url: str
    timeout: float = 60.0

    def health(self) -> Mapping[str, Any]:
        """The account and the simulated time."""
        answer: Mapping[str, Any] = self.request("GET", "health")
        return answer

    def fleet(self) -> dict[str, Any]:
        """The present fleet, as a fleet file with absolute dates."""
        answer: dict[str, Any] = self.request("GET", "fleet")
        return answer

    def replace_fleet(self, fleet: Mapping[str, Any]) -> None:
        """Replace the fleet with the content of a fleet file."""
        self.request("PUT", "fleet", fleet)

    def set_billing_request(self, reservation_id: str, request: Mapping[str, Any] | None) -> None:
        """Set the last request to bill another account for unused capacity; None removes it."""
        self.request("PUT", f"billing-requests/{reservation_id}", request)

    def reservations(self, region: str | None = None) -> list[dict[str, Any]]:
        """All present reservations, or those of one region."""
        regions = self.fleet()["regions"]
        names = sorted(regions) if region is None else [region]
        return [item for name in names for item in regions[name]["CapacityReservations"]]

    def reservation(self, reservation_id: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.request("GET", f"reservations/{reservation_id}")
        return answer

    def add(self, region: str, reservation: Mapping[str, Any]) -> dict[str, Any]:
        """Add a reservation, or replace the one with its id; return it as shown by EC2."""
        body = {"region": region, "reservation": reservation}
        answer: dict[str, Any] = self.request("POST", "reservations", body)
        return answer

    def patch(self, reservation_id: str, **fields: Any) -> dict[str, Any]:
        """Set fields of a reservation, None removes one; return it as shown by EC2."""
        answer: dict[str, Any] = self.request("PATCH", f"reservations/{reservation_id}", fields)
        return answer

    def remove(self, reservation_id: str) -> None:
        self.request("DELETE", f"reservations/{reservation_id}")

    def set_block_status(self, region: str, block_id: str, **fields: Any) -> None:
        """Set fields of a block's health, such as ``InterconnectStatus="impaired"``."""
        self.request("PATCH", f"blocks/{region}/{block_id}", fields)

    def set_market(self, region: str, market: Sequence[Mapping[str, Any]]) -> None:
        """Set the capacity blocks that a region sells from now on: ``Market`` of a fleet file."""
        self.request("PUT", f"market/{region}", {"Market": list(market)})

    def now(self) -> datetime:
        return parse_absolute(self.request("GET", "clock")["now"])

    def set_clock(self, now: datetime) -> None:
        self.request("PUT", "clock", {"now": format_date(now)})

    def advance(self, distance: timedelta) -> datetime:
        """Advance the simulated time; return the new time."""
        body = {"advance_seconds": distance.total_seconds()}
        return parse_absolute(self.request("PUT", "clock", body)["now"])

    def faults(self) -> list[Fault]:
        return [fault_from_json(raw) for raw in self.request("GET", "faults")]

    def break_calls(
        self,
        kind: FaultKind,
        region: str = "*",
        operation: str = "*",
        *,
        account: str = "*",
        page: int | None = None,
        times: int | None = None,
        seconds: float = 30.0,
        code: str | None = None,
    ) -> None:
        """Make calls fail: see Fault."""
        fault = Fault(
            kind=kind,
            region=region,
            operation=operation,
            account=account,
            page=page,
            times=times,
            seconds=seconds,
            code=code,
        )
        self.request("POST", "faults", fault_to_json(fault))

    def clear_faults(self) -> None:
        """Remove all faults, including those of the fleet file."""
        self.request("DELETE", "faults")

    def mend(self, region: str) -> None:
        """End the faults that name this region; those of all regions stay."""
        self.request("DELETE", f"faults/{region}")

    def set_latency(self, milliseconds: float, region: str | None = None) -> None:
        """Set the latency of every call."""
        self.request("PUT", "latency", {"milliseconds": milliseconds, "region": region})

    def calls(self) -> dict[tuple[str, str], int]:
        """The number of EC2 calls so far by region and operation."""
        return {
            (item["region"], item["operation"]): item["count"]
            for item in self.request("GET", "calls")
        }

    def forget_calls(self) -> None:
        self.request("DELETE", "calls")

    def reset(self) -> None:
        """Restore the state in which the simulator started."""
        self.request("POST", "reset")

    def request(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON of the simulator's response. Raises ControlError with its reason."""
        content = json.dumps(body).encode() if body is not None else None
        request = Request(f"{self.url}/_sim/{path}", content, method=method)
        try:
            with _OPENER.open(request, timeout=self.timeout) as answer:
                return json.load(answer)
        except HTTPError as error:
            with error:
                raise ControlError(json.load(error)["error"]) from None
