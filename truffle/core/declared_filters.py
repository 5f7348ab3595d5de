"""The filters of a list of reservations, each declared once.

The API's parameters and their OpenAPI description, the command line's flags, the Python arguments
and their conversion to a ``Filter`` follow from this table. A new filter is a row here, a field and
a predicate in ``filters.py``, and its type in ``truffle.query.Filters``. The module is small, since
every start of the command line imports it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from truffle.core.regions import REGION_FORM, REGION_GLOB

_VISIBLE = r"[^ \\,\x00-\x1f]|\\[\\,]"
"""A character of a name except a space; backslashes and commas are escaped."""


class ValueKind(Enum):
    """The form of a filter's values."""

    TEXTS = auto()
    NAMES = auto()
    TYPES = auto()
    TAGS = auto()
    FLAG = auto()
    ACTIVE = auto()
    COUNT = auto()
    TIME = auto()

    @property
    def is_many(self) -> bool:
        """Whether several values are allowed."""
        return self in (ValueKind.TEXTS, ValueKind.NAMES, ValueKind.TYPES, ValueKind.TAGS)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredFilter:
    """A filter in all its forms.

    Attributes:
        parameter: name of the API's parameter.
        field: field of ``Filter``.
        argument: name of the Python argument, and of the flag with hyphens.
        kind: the form of its values.
        description: for the API.
        help: for the command line.
        allowed, pattern: for texts, the allowed values in an error, and a regular expression.
        alias: another name of the flag.
        metavar: name of the flag's value.
        column: field of a reservation that a table shows if the filter is used.
    """

    parameter: str
    field: str
    argument: str
    kind: ValueKind
    description: str
    help: str = ""
    allowed: str = ""
    pattern: str = ""
    alias: str | None = None
    metavar: str | None = None
    column: str | None = None


ACCOUNT_ALLOWED = (
    "It must be ids of 12 digits, names of accounts or organizational units, or globs such as "
    "research-*."
)
ACCOUNT_FORM = r"[0-9]{12}|[^,]*[^0-9,\s][^,]*"
"""A value that is not only digits is a name; only the deployed stack knows names."""

DECLARED: tuple[DeclaredFilter, ...] = (
    DeclaredFilter(
        parameter="type",
        field="types",
        argument="reservation_type",
        kind=ValueKind.TYPES,
        description="The type of reservation.",
    ),
    DeclaredFilter(
        parameter="instance_type",
        field="instance_types",
        argument="instance_types",
        kind=ValueKind.TEXTS,
        description="The instance type; globs are allowed.",
        help="Instance types or globs (p5*), comma-separated.",
        allowed="It must be an instance type such as p5.48xlarge, or a glob such as p5*.",
        pattern=r"[a-z0-9*?\[\]!-]+(\.[a-z0-9*?\[\]!-]+){0,2}",
        alias="instance-type",
    ),
    DeclaredFilter(
        parameter="region",
        field="regions",
        argument="regions",
        kind=ValueKind.TEXTS,
        description="The AWS region; globs are allowed.",
        allowed="It must be a region such as us-east-1, or a glob such as us-*.",
        pattern=f"{REGION_FORM}|{REGION_GLOB}",
    ),
    DeclaredFilter(
        parameter="availability_zone",
        field="availability_zones",
        argument="availability_zones",
        kind=ValueKind.TEXTS,
        description="The availability zone, by name.",
        help="Availability zones by name (us-east-1a), comma-separated.",
        allowed="It must be a zone such as us-east-1a.",
        pattern=rf"{REGION_FORM}((-[a-z]+-[0-9]+)?[a-z]|(-[a-z0-9]+)+-wlz-[0-9]+)",
        alias="availability-zone",
        metavar="ZONES",
        column="availability_zone",
    ),
    DeclaredFilter(
        parameter="name",
        field="names",
        argument="name",
        kind=ValueKind.NAMES,
        description="The tag Name; globs are allowed.",
        help="Names (the tag Name) or globs (train-*), comma-separated.",
        allowed="It must be a name or a glob such as train-*; write a comma as \\,.",
        pattern=f"({_VISIBLE})(({_VISIBLE}| )*({_VISIBLE}))?",
        metavar="GLOBS",
        column="tags",
    ),
    DeclaredFilter(
        parameter="account",
        field="accounts",
        argument="accounts",
        kind=ValueKind.TEXTS,
        description="Any account that sees the reservation, by id or name; globs are allowed.",
        help="Accounts that see the reservation, comma-separated: ids; from a deployed stack also "
        "names of accounts or organizational units, or globs (research-*).",
        allowed=ACCOUNT_ALLOWED,
        pattern=ACCOUNT_FORM,
        alias="account",
        metavar="ACCOUNTS",
        column="account_id",
    ),
    DeclaredFilter(
        parameter="owner",
        field="owners",
        argument="owners",
        kind=ValueKind.TEXTS,
        description="The account that owns it.",
        help="Accounts that own the reservation, comma-separated.",
        allowed="It must be 12 digits.",
        pattern="[0-9]{12}",
        alias="owner",
        metavar="ACCOUNTS",
        column="owner_id",
    ),
    DeclaredFilter(
        parameter="state",
        field="states",
        argument="states",
        kind=ValueKind.TEXTS,
        description="EC2's state.",
        help="States, comma-separated.",
        allowed="It must be a state such as active, scheduled or payment-failed.",
        pattern="[A-Za-z0-9][A-Za-z0-9_-]*",
        alias="state",
        column="state",
    ),
    DeclaredFilter(
        parameter="accelerator",
        field="accelerators",
        argument="gpu",
        kind=ValueKind.TEXTS,
        description="The accelerator's name; case-insensitive.",
        help="Accelerators by name (H100, Trainium2), comma-separated.",
        allowed="It must be an accelerator such as H100 or Trainium2.",
        pattern="[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}",
        alias="accelerator",
        column="accelerator",
    ),
    DeclaredFilter(
        parameter="gpu_only",
        field="gpu_only",
        argument="gpu_only",
        kind=ValueKind.FLAG,
        description="Only instance types with an accelerator.",
        help="Only types with a GPU, Trainium or Inferentia.",
        column="accelerator",
    ),
    DeclaredFilter(
        parameter="available_only",
        field="available_only",
        argument="available_only",
        kind=ValueKind.FLAG,
        description="Only reservations with available instances.",
        help="Only with available instances.",
        column="available_capacity",
    ),
    DeclaredFilter(
        parameter="active_only",
        field="active_only",
        argument="active_only",
        kind=ValueKind.ACTIVE,
        description="Only active ODCRs, and active or scheduled blocks.",
        help="Only active ODCRs, and active or scheduled blocks. "
        "[default: on for ODCRs, off for blocks, off with --states]",
    ),
    DeclaredFilter(
        parameter="min_capacity",
        field="min_capacity",
        argument="min_capacity",
        kind=ValueKind.COUNT,
        description="The minimum number of instances: available ones of an ODCR, all of a block.",
        help="At least N instances: available ones of an ODCR, all of a block.",
        metavar="N",
    ),
    DeclaredFilter(
        parameter="tag",
        field="tags",
        argument="tags",
        kind=ValueKind.TAGS,
        description="A tag; AND between keys, OR between the values of one key.",
        help="Tags; AND between keys, OR between the values of one key.",
        alias="tag",
        metavar="KEY=VALUE",
        column="tags",
    ),
    DeclaredFilter(
        parameter="starts_before",
        field="starts_before",
        argument="starts_before",
        kind=ValueKind.TIME,
        description="The start is before this time.",
        help="Only with a start before this time.",
        column="start_date",
    ),
    DeclaredFilter(
        parameter="starts_after",
        field="starts_after",
        argument="starts_after",
        kind=ValueKind.TIME,
        description="The start is at or after this time.",
        help="Only with a start at or after this time.",
        column="start_date",
    ),
    DeclaredFilter(
        parameter="ends_before",
        field="ends_before",
        argument="ends_before",
        kind=ValueKind.TIME,
        description="The end is before this time; a reservation without an end never matches.",
        help="Only with an end before this time.",
        column="end_date",
    ),
    DeclaredFilter(
        parameter="ends_after",
        field="ends_after",
        argument="ends_after",
        kind=ValueKind.TIME,
        description="The end is at or after this time, or there is no end.",
        help="Only with an end at or after this time, or with no end.",
        column="end_date",
    ),
)

BY_ARGUMENT = {declared.argument: declared for declared in DECLARED}
TIMES = tuple(declared.argument for declared in DECLARED if declared.kind is ValueKind.TIME)
