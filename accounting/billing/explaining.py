"""From a line of the bill to everything that made it: what queries/5xx say of pieces, put to the statement's figures.

The heavy work is relations; here are only the lines asked for, and of each as many blobs as are to be shown.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from accounting.billing.explanation import (
    NAMED,
    BlobPieces,
    Cause,
    Charge,
    Explanation,
    LineExplanation,
    Piece,
    Sighting,
    StateStretch,
    rate_steps,
    total,
)
from accounting.billing.late_evidence import explain_corrections
from accounting.billing.rating import rate_costs
from accounting.billing.sharing import LinePart, share_out
from accounting.billing.statement import asked_of, statement
from accounting.billing.usage import NO_PLAN, ask, parts_of, plans_of_scope, rule_at, scopes, usage_of_scope
from accounting.errors import AcctError
from accounting.instants import Month
from accounting.ledger import Ledger
from accounting.model import Line, LineKey, Part, Rate, RateCost, Rule, Share, Statement, WorkspaceUsage
from accounting.text import nearest_package

_KEPT = ("repository_deleted", "workspace_deleted", "expired")
_ALL = 2**63 - 1


def explain(ledger: Ledger, workspace: str, month: Month | None = None, package: str | None = None,
            blobs: int | None = None) -> Explanation:  # fmt: skip
    """How the statement of a workspace comes about, with all its lines and corrections or those of one package
    (FORMAT/NAME).

    Of each line the first `blobs` are taken apart, all unless told. Raises AcctError as `statement` does, and for a
    package that is not in the bill.
    """
    bill = statement(ledger, workspace, month)
    lines = _lines_asked(bill, package)
    asked = asked_of(ledger, bill.month)
    card, parts = asked.card, parts_of(bill.month, asked.card)
    usage, plans = WorkspaceUsage(workspace, 1, ()), NO_PLAN
    for _ in scopes(ledger, [workspace]):
        ask(ledger, parts, asked.until, card.rules, asked.record_until)
        plans = plans_of_scope(ledger).get(workspace, NO_PLAN)
        usage = next(usage_of_scope(ledger), usage)
    costs = rate_costs(usage, parts, bill.month.seconds, plans)
    found = _found(ledger, package, card.rules, _ALL if blobs is None else blobs)
    shares: dict[LineKey, list[Share]] = {}
    for share in usage.shares:
        shares.setdefault(share.key, []).append(share)
    return Explanation(
        bill,
        tuple(parts),
        rate_steps(costs, usage, parts, bill.month),
        tuple(_line(line, found[line.key], shares[line.key], usage.denominator, parts, costs) for line in lines),
        tuple(
            each
            for each in explain_corrections(ledger, workspace, bill.corrections, asked.record_until)
            if package in (None, package_name(each.correction.key))
        ),
    )


def package_name(key: LineKey) -> str:
    """A package as --package takes it."""
    return f"{key.format}/{key.package}"


def _lines_asked(bill: Statement, package: str | None) -> list[Line]:
    lines = [line for line in bill.lines if package in (None, package_name(line.key))]
    names = {package_name(line.key) for line in bill.lines} | {package_name(each.key) for each in bill.corrections}
    if package is not None and package not in names:
        raise _not_billed(bill, package, sorted(names))
    return lines


def _not_billed(bill: Statement, package: str, names: Sequence[str]) -> AcctError:
    near = nearest_package(package, names)
    hint = f"did you mean {near}?" if near else f"write FORMAT/NAME, such as {names[0]}" if names else ""
    what = f"is not in the bill of {bill.workspace} for {bill.month}"
    nothing = "nothing was stored in that month" if bill.metered_seconds else "nothing is known of that month"
    return AcctError(f"package {package}", what, hint or nothing)


class _Found(NamedTuple):
    """What the relations tell of one line; of the blobs that are not told one by one, how many and their sum."""

    states: tuple[StateStretch, ...]
    blobs: tuple[BlobPieces, ...]
    more_blobs: int
    more_byte_seconds: Fraction


def _found(ledger: Ledger, package: str | None, rules: Sequence[Rule], places: int) -> dict[LineKey, _Found]:
    """Every line of one package or of all that the month's relations hold; of each so many blobs one by one."""
    ledger.run(
        "CREATE OR REPLACE TEMP TABLE explained_packages AS SELECT package_id FROM scope_packages"
        " WHERE ? IS NULL OR format || '/' || name = ?",
        [package, package],
    )
    for name in ("510_deletion_changes", "520_stretch_events", "530_line_stretches",
                 "540_holder_spans", "550_holder_segments", "560_pieces", "570_busy_pieces"):  # fmt: skip
        ledger.define(name)
    busy = _busy_shares(ledger)
    ledger.define("580_ranked_blobs")
    ledger.define("590_sightings")
    states = _states(ledger, rules)
    blobs = _blobs(ledger, places, busy)
    more = _more(ledger, places, busy)
    lines = ledger.rows(
        "SELECT DISTINCT l.line_id, l.repository, k.format, k.name, l.state"
        " FROM line_stretches AS l JOIN scope_packages AS k USING (package_id)"
    )
    return {
        LineKey(*key): _Found(states[line_id], blobs.get(line_id, ()), *more.get(line_id, (0, Fraction(0))))
        for line_id, *key in lines
    }


def _busy_shares(ledger: Ledger) -> dict[int, Fraction]:
    """The exact byte-seconds of the pieces of busy blobs, by prefix sums; defines `busy_weights` to rank them by."""
    rows = ledger.rows("SELECT * FROM busy_pieces ORDER BY period_id, blob_id")
    stretches = {piece: LinePart(piece, None, "", "", "", 0) for _, _, piece, *_ in rows}
    shares = {
        share.part: Fraction(share.numerator, usage.denominator)
        for usage in share_out((), (("", *row) for row in rows), stretches)  # a piece takes a stretch's place
        for share in usage.shares
    }
    ledger.run("CREATE OR REPLACE TEMP TABLE busy_weights (piece_id BIGINT, weight DOUBLE)")
    ledger.run(
        "INSERT INTO busy_weights SELECT unnest(?::BIGINT[]), unnest(?::DOUBLE[])",
        [list(shares), [float(share) for share in shares.values()]],
    )
    return shares


def _states(ledger: Ledger, rules: Sequence[Rule]) -> dict[int, tuple[StateStretch, ...]]:
    """By line, the stretches of its state with the events that made it so."""
    causes = {
        position: Cause(*cause)
        for position, *cause in ledger.rows(
            "SELECT position, kind, verb, occurred_at, event_id, event_source FROM ordered_events"
        )
    }
    states: dict[int, list[StateStretch]] = {}
    for line_id, state, part, start, end, charged, linked_by, changed_by in ledger.rows(
        "SELECT line_id, state, period_id, state_from, state_until, charged = 1, link_position, change_position"
        " FROM line_stretches ORDER BY line_id, state_from"
    ):
        cause = causes.get(changed_by)
        kept_until = _kept_until(cause.occurred_at, rules) if cause and state in _KEPT else None
        stretch = StateStretch(part, start, end, charged, causes.get(linked_by), cause, kept_until)
        states.setdefault(line_id, []).append(stretch)
    return {line_id: tuple(stretches) for line_id, stretches in states.items()}


def _kept_until(deleted_at: int, rules: Sequence[Rule]) -> int:
    """The end of the retention period of a deletion."""
    return deleted_at + rule_at(rules, deleted_at).retention_days * 86_400


def _blobs(ledger: Ledger, places: int, busy: Mapping[int, Fraction]) -> dict[int, tuple[BlobPieces, ...]]:
    """By line, the first blobs, with their pieces and what tells of them."""
    sightings: dict[tuple[int, int], list[Sighting]] = {}
    for line_id, place, *sighting in ledger.rows(
        "SELECT s.line_id, r.place, s.version, s.source, s.present_from, s.first_seen_at, s.last_seen_at, s.hidden"
        " FROM sightings AS s JOIN ranked_blobs AS r USING (line_id, blob_id) WHERE r.place <= ? ORDER BY ALL",
        [places],
    ):
        sightings.setdefault((line_id, place), []).append(Sighting(*sighting))
    pieces = ledger.rows(
        "SELECT p.line_id, r.place, r.digest, r.size_bytes, p.piece_id, p.period_id, p.piece_from, p.piece_until,"
        " p.carries, p.busy, p.carriers, p.first_carriers, p.byte_seconds::HUGEINT,"
        " k.format || '/' || k.name AS package"
        " FROM pieces AS p JOIN ranked_blobs AS r USING (line_id, blob_id) JOIN scope_packages AS k USING (package_id)"
        " WHERE r.place <= ? ORDER BY p.line_id, r.place, p.piece_from",
        [places],
    )
    blobs: dict[int, list[BlobPieces]] = {}
    for (line_id, place, digest, size_bytes), rows in groupby(pieces, itemgetter(0, 1, 2, 3)):
        of_blob = tuple(_piece(row[4:], busy) for row in rows)
        seen = tuple(sightings.get((line_id, place), ()))
        blobs.setdefault(line_id, []).append(BlobPieces(digest, size_bytes, of_blob, seen))
    return {line_id: tuple(of_line) for line_id, of_line in blobs.items()}


def _piece(row: tuple[Any, ...], busy: Mapping[int, Fraction]) -> Piece:
    piece, part, start, end, carries, is_busy, carriers, first, byte_seconds, package = row
    others = carriers - 1 if carries else carriers
    named = tuple(name for name in first or () if name != package)[:NAMED]
    if is_busy:
        return Piece(part, start, end, True, None, others, named, busy[piece])
    return Piece(part, start, end, carries, carriers, others, named, Fraction(byte_seconds, carriers))


def _more(ledger: Ledger, places: int, busy: Mapping[int, Fraction]) -> dict[int, tuple[int, Fraction]]:
    """By line, how many blobs come after the first, and their byte-seconds."""
    sums: dict[int, list[Fraction]] = {}
    for line_id, carriers, byte_seconds, busy_pieces in ledger.rows(
        "SELECT p.line_id, p.carriers, (sum(p.byte_seconds) FILTER (NOT p.busy))::HUGEINT,"
        " list(p.piece_id) FILTER (p.busy)"
        " FROM pieces AS p JOIN ranked_blobs AS r USING (line_id, blob_id) WHERE r.place > ?"
        " GROUP BY p.line_id, p.carriers",
        [places],
    ):
        shares = [Fraction(byte_seconds or 0, carriers), *(busy[piece] for piece in busy_pieces or ())]
        sums.setdefault(line_id, []).extend(shares)
    counts = ledger.rows("SELECT line_id, count(*) FROM ranked_blobs WHERE place > ? GROUP BY ALL", [places])
    return {line_id: (count, total(sums[line_id])) for line_id, count in counts}


def _line(line: Line, found: _Found, shares: Sequence[Share], denominator: int, parts: Sequence[Part],
          costs: Mapping[Rate, RateCost]) -> LineExplanation:  # fmt: skip
    charged = dict.fromkeys(costs, 0)
    for share in shares:
        rate = parts[share.part].rate
        if share.charged and rate is not None:
            charged[rate] += share.numerator
    charges = tuple(
        Charge(rate, Fraction(numerator, denominator), costs[rate].cost * numerator / costs[rate].charged)
        for rate, numerator in charged.items()
        if numerator
    )
    return LineExplanation(
        line,
        *found,
        Fraction(sum(share.numerator for share in shares), denominator),
        charges,
        total(charge.cost for charge in charges) if costs else None,
    )
