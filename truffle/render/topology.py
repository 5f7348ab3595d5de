"""The trees of ``truffle topology``: network nodes, and the reservations that end at them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from truffle.core.quoting.terminal import visible
from truffle.core.topology import Node, Placement, trees
from truffle.core.wording import counted, named_account
from truffle.render.style import Style

MOST_NAMED = 10
"""The maximum number of reservations without known nodes that are named."""


def render(placements: Sequence[Placement], style: Style) -> str:
    """A tree for each account and region, then the reservations whose nodes are unknown."""
    lines: list[str] = []
    names = {it.account_id: it.account_name for it in placements}
    for (account_id, region), root in trees(placements).items():
        where = region
        if account_id is not None:
            where += f", account {visible(named_account(account_id, names[account_id]))}"
        lines += [style.title(f"{where}: {counted(root.size, 'reservation')}"), "", *_below(root)]
        lines.append("")
    unknown = [it for it in placements if it.network_nodes is None]
    if unknown:
        named = [f"{it.reservation_id} ({it.state or 'unknown'})" for it in unknown[:MOST_NAMED]]
        rest = len(unknown) - len(named)
        more = f" and {rest:,} more (-o json has them all)" if rest else ""
        text = f"Network nodes unknown: {visible(', '.join(named))}{more}."
        lines += style.wrapped(text)
    return "\n".join(lines).rstrip("\n")


def _below(node: Node, indent: str = "") -> Iterator[str]:
    """The lines below a node; each reservation is shown at its lowest node."""
    entries: list[Node | Placement] = [*node.nodes.values(), *node.placements]
    for number, entry in enumerate(entries):
        is_last = number == len(entries) - 1
        branch, more = ("└── ", "    ") if is_last else ("├── ", "│   ")
        if isinstance(entry, Node):
            size = counted(entry.size, "reservation")
            yield f"{indent}{branch}{visible(entry.name)} ({size})"
            yield from _below(entry, indent + more)
        else:
            yield f"{indent}{branch}{visible(_text(entry))}"


def _text(placement: Placement) -> str:
    facts = (placement.instance_type, placement.availability_zone, placement.state)
    return "  ".join([placement.reservation_id, *(fact for fact in facts if fact)])
