"""What is charged at the end of a month, or of what is covered of it, and what it costs if all stays as it is then."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from accounting.billing.bills import Bill, MonthQuery
from accounting.billing.rating import included_units, tiered_cost
from accounting.explaining.explanation import total
from accounting.instants import Month
from accounting.model import Rate
from accounting.pages.page_facts import DAY_SECONDS, PackageAtEnd


@dataclass(frozen=True)
class Steady:
    """The charged bytes of a workspace, how they are shared, and the rate and the plan's quantity of then.

    `month_seconds` are those of the month that comes next.
    """

    share: str
    charged_bytes: Fraction
    month_seconds: int
    rate: Rate | None
    included: Fraction

    def month(self, size_bytes: Fraction) -> Fraction:
        """A whole month of so many bytes, less what is included."""
        if self.rate is None:
            return Fraction(0)
        return tiered_cost(self.rate, max(size_bytes / self.rate.unit_bytes - self.included, Fraction(0)), Fraction(1))

    def part_of_a_day(self, size_bytes: Fraction) -> Fraction | None:
        """What falls on so many of the charged bytes, in proportion, a day; None without a rate."""
        if self.rate is None:
            return None
        of_month = self.month(self.charged_bytes) * size_bytes / (self.charged_bytes or 1)
        return of_month * DAY_SECONDS / self.month_seconds

    def saved_a_month(self, size_bytes: int) -> Fraction | None:
        """What the month would cost less without so many of the charged bytes; None without a rate."""
        if self.rate is None:
            return None
        return self.month(self.charged_bytes) - self.month(self.charged_bytes - size_bytes)


def steady_from(query: MonthQuery, bill: Bill, packages: Sequence[PackageAtEnd]) -> Steady:
    """What is charged in the last second that was metered, of packages that hold something then."""
    last_second = max(query.until - 1, query.month.start)
    part = next(part for part in query.periods if part.start <= last_second < part.end)
    charged = total(each for package in packages if package.charged for each in package.carried_parts(part.rule.share))
    included = Fraction(0)
    if part.rate is not None:
        included = included_units(part.rate, last_second, last_second + 1, 1, bill.plans, bill.statement.workspace)
    return Steady(part.rule.share, charged, Month.holding(query.until).seconds, part.rate, included)
