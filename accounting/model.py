"""The nouns, as frozen dataclasses: sources, rate cards, usage, statements.

Sizes are bytes, instants epoch seconds in UTC, money and quantities exact fractions (RULES, preamble).
"""

from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Literal

from accounting.instants import Month

FORMATS = ("container", "npm", "maven")
UNIT_BYTES = {"GB": 10**9, "GiB": 2**30}
STATES = ("live", "repository_deleted", "workspace_deleted", "package_deleted", "expired")
WORKSPACE = "{workspace}"

Status = Literal["provisional", "final", "closed", "unknown"]

# An interval in which a workspace has a plan (None: it has none): from, until, plan.
PlanInterval = tuple[int, int, str | None]


@dataclass(frozen=True)
class Source:
    """A configured source: where a registry keeps its blobs, in which layout, and where an inventory lists them; or its
    database and a query for it. `profile` and `region` are those of an AWS client.

    One segment of the url's path may be `{workspace}`: that segment of a key is its workspace, and `workspace` is None.
    Images whose name has no workspace belong to `top_level_workspace`.
    """

    name: str
    layout: str
    url: str
    workspace: str | None = None
    endpoint_url: str | None = None
    inventory: str | None = None
    query: str | None = None
    profile: str | None = None
    region: str | None = None
    top_level_workspace: str | None = None

    @property
    def listed_url(self) -> str:
        """The url to list: the whole, or the part before `{workspace}`.

        >>> Source("jars", "maven2", "s3://maven/{workspace}/releases").listed_url
        's3://maven/'
        """
        return self.url.partition(WORKSPACE)[0]


@dataclass(frozen=True)
class Rule:
    """A dated entry of a rate card: which states are charged, how blobs are shared, and the retention period."""

    effective_from: date
    retention_days: int
    charged: tuple[str, ...]
    share: str


@dataclass(frozen=True)
class Tier:
    """A price per unit-month for the usage below `up_to` units (None: no bound) and above the previous tier."""

    up_to: Fraction | None
    price: Fraction


@dataclass(frozen=True)
class Rate:
    """A dated entry of a rate card: the unit, its graduated tiers, and what each plan includes a month."""

    effective_from: date
    unit: Literal["GB", "GiB"]
    tiers: tuple[Tier, ...]
    included: dict[str, Fraction] | None = field(hash=False)

    @property
    def unit_bytes(self) -> int:
        return UNIT_BYTES[self.unit]


@dataclass(frozen=True)
class RateCard:
    """Rules and rates, each in the order of their dates; without rates nothing is billed."""

    currency: str | None
    minor_digits: int
    rules: tuple[Rule, ...]
    rates: tuple[Rate, ...]


@dataclass(frozen=True)
class RatePeriod:
    """An interval [start, end) of a month in which one rule and one rate are in force."""

    start: int
    end: int
    rule: Rule
    rate: Rate | None


@dataclass(frozen=True, order=True)
class LineKey:
    """What identifies a line of a bill. Sort by `sort_key`, which puts lines without a repository first."""

    repository: str | None
    format: str
    package: str
    state: str

    @property
    def sort_key(self) -> tuple[bool, str, str, str, str]:
        """The order of RULES, section 4: null first, then by code point."""
        return (self.repository is not None, self.repository or "", self.format, self.package, self.state)


@dataclass(frozen=True)
class Share:
    """The exact usage of a line in one part of the month: `numerator` / the workspace's denominator."""

    key: LineKey
    part: int
    charged: bool
    numerator: int


@dataclass(frozen=True)
class RateCost:
    """The cost of a workspace's charged usage under one rate, in force for a part of the month.

    `cost` is exact and in the major unit; `charged` is the sum of the charged shares' numerators;
    `included_byte_seconds` is what the plan includes and was subtracted.
    """

    cost: Fraction
    charged: int
    included_byte_seconds: Fraction


@dataclass(frozen=True)
class WorkspaceUsage:
    """All exact shares of a workspace, byte-seconds over one common denominator."""

    workspace: str
    denominator: int
    shares: tuple[Share, ...]


@dataclass(frozen=True)
class Line:
    """A line of a statement: whole byte-seconds, and the amount in minor units (None without a rate card).

    `charged` says whether its state was charged in any part of the month.
    """

    key: LineKey
    charged: bool
    byte_seconds: int
    amount_minor: int | None


@dataclass(frozen=True)
class Correction:
    """What a closed month's line would be now, minus what was sealed and already corrected (RULES, section 6)."""

    month: Month
    key: LineKey
    byte_seconds: int
    amount_minor: int | None


@dataclass(frozen=True)
class HeldName:
    """An image name that cannot be reused until `held_until` (RULES, section 3)."""

    name: str
    repository: str
    held_until: int


@dataclass(frozen=True)
class StoredState:
    """Bytes that a workspace stores in one state; `charging_stops_at` is the end of its retention period, if any."""

    workspace: str
    state: str
    charged: bool
    charging_stops_at: int | None
    blobs: int
    size_bytes: int


@dataclass(frozen=True)
class Statement:
    """One workspace's bill of one month.

    Byte-seconds are those of the lines; `amount_minor` is the sum of the lines' and the corrections' amounts.
    `included_byte_seconds` is the charged usage that the plan includes, `unit` that of the month's last rate.
    """

    workspace: str
    month: Month
    status: Status
    covered_until: int
    unit: Literal["GB", "GiB"]
    currency: str | None
    minor_digits: int
    byte_seconds: int
    charged_byte_seconds: int
    included_byte_seconds: int
    amount_minor: int | None
    lines: tuple[Line, ...]
    corrections: tuple[Correction, ...]
    held_names: tuple[HeldName, ...]

    @property
    def total_byte_seconds(self) -> int:
        """The byte-seconds of the lines and of the corrections."""
        return self.byte_seconds + sum(correction.byte_seconds for correction in self.corrections)

    @property
    def metered_seconds(self) -> int:
        """How many seconds of the month are covered by evidence."""
        return 0 if self.status == "unknown" else max(min(self.month.end, self.covered_until) - self.month.start, 0)
