"""Snapshots into the ledger: what is offered is merged against what is open, so work grows with what changed."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from accounting.errors import CHECK_PATH, AcctError
from accounting.instants import format_instant
from accounting.ledger import Ledger, reading

if TYPE_CHECKING:
    import polars as pl

_MERGE = "merge/"
_DIGEST_ROWS = 100_000
LOSS_REFERENCES = 100  # of a source with fewer, anything may be gone


@dataclass(frozen=True)
class Taken:
    """What a snapshot brought: `repeated` where it was in the ledger already."""

    references: int
    opened: int
    closed: int
    repeated: bool = False


@dataclass(frozen=True)
class Offer:
    """A snapshot that a source offers, by the relation that gives its rows.

    `rows` is a SELECT as in collectors.snapshot_file.relation, or a Polars frame with the same columns except
    `problem`. `position` tells where a row stands, for errors. `accepted` are the words of --accept. `last_record` is
    the number of the last transaction that was known when it was taken: None where that does not matter.
    """

    source: str
    taken_at: int
    content_digest: str
    rows: "str | pl.DataFrame"
    position: Callable[[int], str]
    file: Path | None = None
    unreachable_blobs: int = 0
    unreachable_bytes: int = 0
    accepted: frozenset[str] = frozenset({"loss"})
    last_record: int | None = None


def digest_of_file(file: Path) -> str:
    """The SHA-256 of a file's bytes; AcctError where it cannot be read."""
    try:
        with file.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()
    except OSError as error:
        raise AcctError(str(file), f"cannot be read: {error.strerror}", CHECK_PATH) from error


def digest_of_frame(frame: "pl.DataFrame") -> str:
    """The SHA-256 of a frame's rows in their order."""
    digest = hashlib.sha256()
    for rows in frame.iter_slices(_DIGEST_ROWS):  # as text a frame is several times its size
        digest.update(rows.write_csv(include_header=False).encode())
    return digest.hexdigest()


def last_record_of(path: Path) -> int:
    """The number of the last transaction that brought facts to the ledger at that path; 0 where there is none."""
    if not path.exists():
        return 0
    with reading(path, before_writing=True) as ledger:
        ((last,),) = ledger.rows("SELECT coalesce(max(record_id), 0) FROM records")
    return int(last)


def ever_filled(ledger: Ledger, source: str) -> bool:
    """Whether any snapshot of a source held a reference."""
    return bool(
        ledger.rows(
            "SELECT 1 FROM snapshots JOIN sources USING (source_id) WHERE name = ? AND reference_count > 0 LIMIT 1",
            [source],
        )
    )


def lost_most(before: int, lost: int) -> bool:
    """Whether a snapshot lacks so much of what the one before held that it looks like a mistake.

    >>> lost_most(100, 51), lost_most(100, 50), lost_most(99, 99)
    (True, False, False)
    """
    return before >= LOSS_REFERENCES and 2 * lost > before


def take_in(ledger: Ledger, offer: Offer) -> Taken:
    """Record one snapshot (RULES, section 2).

    The same content at the same instant changes nothing, nor does what is no later than a snapshot that was recorded
    while this one was taken. Raises AcctError for other content at an instant that
    is there already, an instant before the source's latest, a retired source, a malformed row, and for two
    sizes of one digest in a workspace.
    """
    snapshots = _snapshots(ledger, offer.source)
    known = _known(offer, snapshots)
    if known:
        return known
    _define_merged(ledger, offer)
    if snapshots and snapshots[0].content_digest == offer.content_digest:
        taken = Taken(snapshots[0].references, 0, 0)  # the very rows of the one before: nothing to merge
    else:
        taken = _merge(ledger, offer, snapshots[0].references if snapshots else 0)
    ledger.run(
        "INSERT INTO snapshots SELECT source_id, taken_at, ?, ?, ?, ?, ? FROM merged",
        [offer.content_digest, taken.references, offer.unreachable_blobs, offer.unreachable_bytes, ledger.record_id()],
    )
    return taken


def _merge(ledger: Ledger, offer: Offer, references_before: int) -> Taken:
    """Close what the offer lacks, open what it brings."""
    _define_offered(ledger, offer)
    for name, table in (("20_new_workspaces", "workspaces"), ("21_new_packages", "packages"),
                        ("22_new_versions", "versions")):  # fmt: skip
        ledger.define(_MERGE + name)
        ledger.run(f"INSERT INTO {table} BY NAME SELECT * FROM {name[3:]} ORDER BY ALL")
    ledger.define(_MERGE + "23_new_blobs")
    _refuse_two_sizes(ledger, offer)
    ledger.run("INSERT INTO blobs BY NAME SELECT * EXCLUDE (other_size_bytes) FROM new_blobs ORDER BY blob_id")
    for name in ("30_offered_references", "31_differences", "32_opened_references"):
        ledger.define(_MERGE + name)
    if "loss" not in offer.accepted:
        _refuse_loss(ledger, offer, references_before)
    _apply(ledger)
    counts = ledger.rows(
        "SELECT (SELECT count(*) FROM reference_intervals r JOIN merged m USING (source_id)"
        "        WHERE r.valid_until IS NULL),"
        " (SELECT count(*) FROM opened_references), (SELECT count(closed_version_id) FROM differences)"
    )
    return Taken(*counts[0])


class _Snapshot(NamedTuple):
    """A snapshot that the ledger has of a source."""

    taken_at: int
    content_digest: str
    references: int
    retired_at: int | None
    record_id: int


def _snapshots(ledger: Ledger, source: str) -> list[_Snapshot]:
    """Those of a source, the latest first."""
    rows = ledger.rows(
        "SELECT n.taken_at, n.content_digest, n.reference_count, s.retired_at, n.record_id"
        " FROM sources s JOIN snapshots n USING (source_id) WHERE s.name = ? ORDER BY n.taken_at DESC",
        [source],
    )
    return [_Snapshot(*row) for row in rows]


def _known(offer: Offer, snapshots: Sequence[_Snapshot]) -> Taken | None:
    """What was recorded for this source and instant already; refuses what cannot follow."""
    where = f"source {offer.source}"
    overtaken = offer.last_record is not None and any(n.record_id > offer.last_record for n in snapshots)
    if overtaken and offer.taken_at <= snapshots[0].taken_at:
        return Taken(snapshots[0].references, 0, 0, repeated=True)
    for snapshot in snapshots:
        if snapshot.taken_at != offer.taken_at:
            continue
        if snapshot.content_digest == offer.content_digest:
            return Taken(snapshot.references, 0, 0, repeated=True)
        raise AcctError(
            where,
            f"has other content for {format_instant(snapshot.taken_at)} in the ledger already",
            "give the instant at which it was really taken; the same rows in another order are other content",
        )
    if not snapshots:
        return None
    latest = snapshots[0]
    if latest.retired_at is not None:
        raise AcctError(
            where,
            f"was retired at {format_instant(latest.retired_at)}",
            "take it out of acct.toml, or name another source for new snapshots",
        )
    if offer.taken_at < latest.taken_at:
        raise AcctError(
            where,
            f"has a snapshot of {format_instant(latest.taken_at)}, later than {format_instant(offer.taken_at)}",
            "import snapshots in the order of their instants",
        )
    return None


def _define_merged(ledger: Ledger, offer: Offer) -> None:
    """Define `merged`: the source, and the instants of its snapshot before and of this one."""
    ledger.run(
        "INSERT INTO sources (source_id, name, served) SELECT coalesce(max(source_id), 0) + 1, $1, false FROM sources"
        " HAVING NOT EXISTS (SELECT 1 FROM sources WHERE name = $1)",
        [offer.source],
    )
    ledger.run(
        "CREATE OR REPLACE TEMP TABLE merged AS"
        " SELECT s.source_id, max(n.taken_at) AS taken_before, $2::BIGINT AS taken_at"
        " FROM sources AS s LEFT JOIN snapshots AS n USING (source_id) WHERE s.name = $1 GROUP BY s.source_id",
        [offer.source, offer.taken_at],
    )


def _define_offered(ledger: Ledger, offer: Offer) -> None:
    """Define `offered`; refuse rows that cannot be taken."""
    if isinstance(offer.rows, str):
        ledger.run(f"CREATE OR REPLACE TEMP VIEW offered_rows AS {offer.rows}")
    else:
        ledger.register("offered_frame", offer.rows.to_arrow())
        ledger.run("CREATE OR REPLACE TEMP VIEW offered_rows AS SELECT *, NULL::VARCHAR AS problem FROM offered_frame")
    ledger.define_reading(_MERGE + "10_offered", offer.file)
    if ledger.rows("SELECT 1 FROM offered WHERE has_problem LIMIT 1"):
        row, problem = ledger.rows(
            "SELECT n, problem FROM (SELECT row_number() OVER () AS n, problem FROM offered_rows)"
            " WHERE problem IS NOT NULL ORDER BY n LIMIT 1"
        )[0]
        raise AcctError(offer.position(row), problem, "mend the row and import the file again")


def _refuse_two_sizes(ledger: Ledger, offer: Offer) -> None:
    found = ledger.rows(
        "SELECT digest, size_bytes, other_size_bytes FROM new_blobs WHERE size_bytes <> other_size_bytes"
        " UNION ALL"
        " SELECT digest, other_size_bytes, size_bytes FROM offered WHERE other_size_bytes IS NOT NULL LIMIT 1"
    )
    if found:
        digest, size, other = found[0]
        raise AcctError(
            str(offer.file or f"source {offer.source}"),
            f"gives {digest} the size {other}, elsewhere in its workspace it has {size}",
            "one digest has one size in a workspace: find out which is right",
        )


def _refuse_loss(ledger: Ledger, offer: Offer, before: int) -> None:
    """Refuse what looks like a wrong prefix, or a listing that failed in disguise."""
    (lost,) = ledger.rows("SELECT count(closed_version_id) FROM differences")[0]
    if lost_most(before, lost):
        raise AcctError(
            f"source {offer.source}",
            f"lacks {lost:,} of the {before:,} references that its snapshot before held",
            "check the source's url, or collect with --accept loss if that is true",
        )


def _apply(ledger: Ledger) -> None:
    """Close and open references, then the holdings that they touch; mark blobs that are shared now, and when versions
    were uploaded."""
    ledger.run(
        "UPDATE reference_intervals AS r SET valid_until = m.taken_before FROM differences AS d, merged AS m"
        " WHERE r.source_id = m.source_id AND r.valid_until IS NULL"
        " AND r.version_id = d.closed_version_id AND r.blob_id = d.closed_blob_id"
    )
    ledger.run(
        "INSERT INTO reference_intervals SELECT m.source_id, o.version_id, o.blob_id, o.valid_from, NULL"
        " FROM opened_references AS o CROSS JOIN merged AS m ORDER BY o.version_id, o.blob_id"
    )
    for name in ("40_changed_holdings", "41_newly_shared_blobs"):
        ledger.define(_MERGE + name)
    ledger.run(
        "UPDATE holdings AS h SET valid_until = m.taken_before, closed_record_id = ?"
        " FROM changed_holdings AS c, merged AS m"
        " WHERE h.source_id = m.source_id AND h.valid_until IS NULL AND c.is_closed"
        " AND h.package_id = c.package_id AND h.blob_id = c.blob_id",
        [ledger.record_id()],
    )
    ledger.run(
        "UPDATE holdings SET shared = true WHERE NOT shared AND blob_id IN (SELECT blob_id FROM newly_shared_blobs)"
    )
    ledger.run(
        "INSERT INTO holdings SELECT m.source_id, c.package_id, c.blob_id, b.size_bytes, s.blob_id IS NOT NULL,"
        " c.opened_from, NULL, ?, NULL"
        " FROM changed_holdings AS c CROSS JOIN merged AS m JOIN blobs AS b USING (blob_id)"
        " LEFT JOIN newly_shared_blobs AS s USING (blob_id) WHERE c.opened_from IS NOT NULL"
        " ORDER BY c.package_id, c.blob_id",
        [ledger.record_id()],
    )
    ledger.define(_MERGE + "42_uploaded_versions")
    ledger.run(
        "UPDATE versions AS v SET uploaded_at = u.uploaded_at FROM uploaded_versions AS u"
        " WHERE v.version_id = u.version_id"
    )
