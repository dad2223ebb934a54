"""Snapshots into the ledger: a new snapshot is merged with the open rows, so the work grows with what has changed."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from accounting.errors import CHECK_PATH, AcctError
from accounting.facts.unbilled import Unbilled
from accounting.instants import format_instant
from accounting.ledger import Ledger, reading
from accounting.text import counted, size

if TYPE_CHECKING:
    import polars as pl

_MERGE = "merge/"
_DIGEST_ROWS = 100_000
_NO_TAG = ", NULL::VARCHAR AS content_tag"


@dataclass(frozen=True)
class Resized:
    """A digest, the size that a snapshot gives it and that the ledger did not know, and a size that it knew before."""

    workspace: str
    digest: str
    size_bytes: int
    known_size_bytes: int


@dataclass(frozen=True)
class Taken:
    """The changes of a snapshot; `repeated` if it was already in the ledger.

    `loss` says what is gone if that is so much that it looks like a mistake, such as "3 of 5 packages are gone".
    """

    references: int
    opened: int
    closed: int
    repeated: bool = False
    loss: str | None = None
    resized: tuple[Resized, ...] = ()


@dataclass(frozen=True)
class Offer:
    """A snapshot that a source offers, and the relation with its rows.

    `rows` is a SELECT as in collectors.snapshot_file.relation, or a Polars frame with the same columns except
    `problem`; a frame may have `content_tag` too (collectors.stored_files). `position` is the place of a row, for
    errors. `served`: it shows what an API serves, not what is stored (RULES, section 2). `unbilled_accepted`: so much
    is unbilled that it had to be accepted. `accepted` are words of --accept: without `loss` a snapshot that lacks more
    than half of the previous one is refused, without `sizes` one that gives a digest another size. `last_record` is the
    number of the last transaction before it was taken; None if that does not matter.
    """

    source: str
    taken_at: int
    content_digest: str
    rows: "str | pl.DataFrame"
    position: Callable[[int], str]
    file: Path | None = None
    unbilled: Unbilled = field(default_factory=Unbilled)
    unbilled_accepted: bool = False
    served: bool = False
    accepted: frozenset[str] = frozenset({"loss"})
    last_record: int | None = None


def digest_of_file(file: Path) -> str:
    """The SHA-256 of a file's bytes; AcctError if it cannot be read."""
    try:
        with file.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()
    except OSError as error:
        raise AcctError(str(file), f"cannot be read: {error.strerror}", CHECK_PATH) from error


def digest_of_frame(frame: "pl.DataFrame") -> str:
    """The SHA-256 of a frame's rows in their order."""
    digest = hashlib.sha256()
    for rows in frame.iter_slices(_DIGEST_ROWS):  # in slices, because text takes several times the memory of a frame
        digest.update(rows.write_csv(include_header=False).encode())
    return digest.hexdigest()


def last_record_of(path: Path) -> int:
    """The number of the last transaction that recorded facts in the ledger at that path; 0 if there is none."""
    if not path.exists():
        return 0
    with reading(path, before_writing=True) as ledger:
        ((last,),) = ledger.rows("SELECT coalesce(max(record_id), 0) FROM records")
    return int(last)


def ever_filled(ledger: Ledger, source: str) -> bool:
    """Whether any snapshot of a source had a reference."""
    return bool(
        ledger.rows(
            "SELECT 1 FROM snapshots JOIN sources USING (source_id) WHERE name = ? AND reference_count > 0 LIMIT 1",
            [source],
        )
    )


def take_in(ledger: Ledger, offer: Offer) -> Taken:
    """Record one snapshot (RULES, section 2).

    The same content at the same instant changes nothing; nor does a snapshot that is not later than one recorded while
    it was taken. Raises AcctError for other content at a known instant, an instant before the source's latest, a
    retired source, a source of the other kind, a malformed row, two sizes of one digest in a workspace, and for
    anything that is not `accepted`.
    """
    snapshots = _snapshots(ledger, offer.source)
    known = _known(offer, snapshots)
    if known:
        return known
    _define_merged(ledger, offer)
    if snapshots and snapshots[0].content_digest == offer.content_digest:
        taken = Taken(snapshots[0].references, 0, 0)  # the same rows as the previous one: nothing to merge
    else:
        taken = _merge(ledger, offer)
    ledger.run(
        "INSERT INTO snapshots SELECT source_id, taken_at, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM merged",
        [
            offer.content_digest,
            taken.references,
            *astuple(offer.unbilled),
            offer.unbilled_accepted,
            ledger.record_id(),
        ],
    )
    return taken


def _merge(ledger: Ledger, offer: Offer) -> Taken:
    """Close the references that the offer lacks, and open those that are new."""
    _define_offered(ledger, offer)
    for name, table in (("20_new_workspaces", "workspaces"), ("21_new_packages", "packages"),
                        ("22_new_versions", "versions")):  # fmt: skip
        ledger.define(_MERGE + name)
        ledger.run(f"INSERT INTO {table} BY NAME SELECT * FROM {name[3:]} ORDER BY ALL")
    resized = _new_blobs(ledger, offer)
    ledger.define(_MERGE + "25_changed_content_tags")
    ledger.run(
        "UPDATE blobs AS b SET content_tag = c.content_tag FROM changed_content_tags AS c WHERE b.blob_id = c.blob_id"
    )
    for name in ("30_offered_references", "31_differences", "32_opened_references"):
        ledger.define(_MERGE + name)
    before = _totals(ledger)
    _apply(ledger)
    loss = _loss(ledger, before)
    if loss and "loss" not in offer.accepted:
        raise AcctError(
            f"source {offer.source}",
            f"{loss} since the previous snapshot",
            "check the url of the source; if that is right, collect with --accept loss",
        )
    (references, opened, closed), *_ = ledger.rows(
        "SELECT (SELECT count(*) FROM reference_intervals r JOIN merged m USING (source_id)"
        "        WHERE r.valid_until IS NULL),"
        " (SELECT count(*) FROM opened_references), (SELECT count(closed_version_id) FROM differences)"
    )
    return Taken(references, opened, closed, loss=loss, resized=resized)


class _Snapshot(NamedTuple):
    """A snapshot of a source in the ledger."""

    taken_at: int
    content_digest: str
    references: int
    retired_at: int | None
    record_id: int
    served: bool


def _snapshots(ledger: Ledger, source: str) -> list[_Snapshot]:
    """The snapshots of a source, the latest first."""
    rows = ledger.rows(
        "SELECT n.taken_at, n.content_digest, n.reference_count, s.retired_at, n.record_id, s.served"
        " FROM sources s JOIN snapshots n USING (source_id) WHERE s.name = ? ORDER BY n.taken_at DESC",
        [source],
    )
    return [_Snapshot(*row) for row in rows]


def _known(offer: Offer, snapshots: Sequence[_Snapshot]) -> Taken | None:
    """The snapshot, if it is already recorded for this source and instant; AcctError if it cannot follow the others."""
    where = f"source {offer.source}"
    overtaken = offer.last_record is not None and any(n.record_id > offer.last_record for n in snapshots)
    if overtaken and offer.taken_at <= snapshots[0].taken_at:
        return Taken(snapshots[0].references, 0, 0, repeated=True)
    if snapshots and snapshots[0].served != offer.served:
        kind, other = ("stored", "served") if offer.served else ("served", "stored")
        raise AcctError(
            where,
            f"shows what is {kind}, but this snapshot shows what is {other}",
            "import it for another source; the kind of a source never changes",
        )
    for snapshot in snapshots:
        if snapshot.taken_at != offer.taken_at:
            continue
        if snapshot.content_digest == offer.content_digest:
            return Taken(snapshot.references, 0, 0, repeated=True)
        raise AcctError(
            where,
            f"already has a snapshot of {format_instant(snapshot.taken_at)} with different content",
            "give the instant at which it was really taken (the same rows in another order are different content)",
        )
    if not snapshots:
        return None
    latest = snapshots[0]
    if latest.retired_at is not None:
        raise AcctError(
            where,
            f"was retired at {format_instant(latest.retired_at)}",
            "remove it from acct.toml, or name another source for new snapshots",
        )
    if offer.taken_at < latest.taken_at:
        raise AcctError(
            where,
            f"has a snapshot of {format_instant(latest.taken_at)}, later than {format_instant(offer.taken_at)}",
            "import snapshots in the order of their instants",
        )
    return None


def _define_merged(ledger: Ledger, offer: Offer) -> None:
    """Define `merged`: the source, and the instants of its previous snapshot and of this one."""
    ledger.run(
        "INSERT INTO sources (source_id, name, served) SELECT coalesce(max(source_id), 0) + 1, $1, $2 FROM sources"
        " HAVING NOT EXISTS (SELECT 1 FROM sources WHERE name = $1)",
        [offer.source, offer.served],
    )
    ledger.run(
        "CREATE OR REPLACE TEMP TABLE merged AS"
        " SELECT s.source_id, max(n.taken_at) AS taken_before, $2::BIGINT AS taken_at"
        " FROM sources AS s LEFT JOIN snapshots AS n USING (source_id) WHERE s.name = $1 GROUP BY s.source_id",
        [offer.source, offer.taken_at],
    )


def _define_offered(ledger: Ledger, offer: Offer) -> None:
    """Define `offered`; AcctError for an invalid row."""
    if isinstance(offer.rows, str):
        ledger.run(f"CREATE OR REPLACE TEMP VIEW offered_rows AS SELECT *{_NO_TAG} FROM ({offer.rows})")
    else:
        ledger.register("offered_frame", offer.rows.to_arrow())
        more = "" if "content_tag" in offer.rows.columns else _NO_TAG
        ledger.run(
            f"CREATE OR REPLACE TEMP VIEW offered_rows AS SELECT *, NULL::VARCHAR AS problem{more} FROM offered_frame"
        )
    with ledger.reads(offer.file):
        ledger.define(_MERGE + "10_offered")
    if ledger.rows("SELECT 1 FROM offered WHERE has_problem LIMIT 1"):
        row, problem = ledger.rows(
            "SELECT n, problem FROM (SELECT row_number() OVER () AS n, problem FROM offered_rows)"
            " WHERE problem IS NOT NULL ORDER BY n LIMIT 1"
        )[0]
        raise AcctError(offer.position(row), problem, "correct the row and import the file again")


def _new_blobs(ledger: Ledger, offer: Offer) -> tuple[Resized, ...]:
    """Record the offer's new blobs; returns the digests that the ledger knows with another size."""
    for name in ("23_new_blobs", "24_two_sizes"):
        ledger.define(_MERGE + name)
    where = str(offer.file or f"source {offer.source}")
    two = ledger.rows("SELECT digest, size_bytes, other_size_bytes FROM two_sizes ORDER BY ALL LIMIT 1")
    if two:
        digest, size, other = two[0]
        raise AcctError(
            where,
            f"gives {digest} two sizes in one workspace, {size} and {other} bytes",
            "find out which size is right, and correct the file",
        )
    resized = tuple(
        Resized(*row)
        for row in ledger.rows(
            "SELECT w.name, n.digest, n.size_bytes, n.known_size_bytes FROM new_blobs AS n"
            " JOIN workspaces AS w USING (workspace_id) WHERE n.known_size_bytes IS NOT NULL ORDER BY ALL"
        )
    )
    if resized and "sizes" not in offer.accepted:
        first = resized[0]
        raise AcctError(
            where,
            f"gives {first.digest} of {first.workspace} the size {first.size_bytes} bytes, but the ledger knows it with"
            f" {first.known_size_bytes} bytes",
            "find out which size is right; if the content was replaced, import with --accept sizes, and the new size is"
            " another blob",
        )
    if resized:
        ledger.run(
            "UPDATE blobs AS b SET resized = true FROM new_blobs AS n"
            " WHERE n.known_size_bytes IS NOT NULL AND b.workspace_id = n.workspace_id AND b.digest = n.digest"
        )
    ledger.run(
        "INSERT INTO blobs BY NAME SELECT blob_id, workspace_id, digest, size_bytes,"
        " known_size_bytes IS NOT NULL AS resized, content_tag FROM new_blobs ORDER BY blob_id"
    )
    return resized


def _totals(ledger: Ledger) -> tuple[int, int, int]:
    """How many packages, holdings and bytes the source's latest snapshot shows."""
    (totals,) = ledger.rows(
        "SELECT count(DISTINCT h.package_id), count(*), coalesce(sum(h.size_bytes::HUGEINT), 0)"
        " FROM holdings AS h JOIN merged AS m USING (source_id) WHERE h.valid_until IS NULL"
    )
    return totals[0], totals[1], totals[2]


def _loss(ledger: Ledger, before: tuple[int, int, int]) -> str | None:
    """What is gone since `before`, if it is so much that the prefix may be wrong or the listing incomplete; else None.

    That is more than half of the packages, or of all holdings or bytes together. Holdings that were replaced or renamed
    are not gone.
    """
    (gone,) = ledger.rows(
        "SELECT count(DISTINCT c.package_id) FROM changed_holdings AS c WHERE c.is_closed AND c.package_id NOT IN"
        " (SELECT h.package_id FROM holdings AS h JOIN merged AS m USING (source_id) WHERE h.valid_until IS NULL)"
    )[0]
    packages, holdings, size_bytes = before
    _, holdings_now, bytes_now = _totals(ledger)
    if 2 * gone > packages:
        return f"{gone:,} of {counted(packages, 'package')} {'is' if packages == 1 else 'are'} gone"
    if 2 * holdings_now < holdings:
        return f"only {holdings_now:,} of {counted(holdings, 'blob')} in packages are left"
    if 2 * bytes_now < size_bytes:
        return f"only {size(bytes_now)} of {size(size_bytes)} are left"
    return None


def _apply(ledger: Ledger) -> None:
    """Close and open references, then the holdings that they affect; mark newly shared blobs, and record when versions
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
        " c.opened_from, m.taken_at, NULL, ?, NULL"
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
