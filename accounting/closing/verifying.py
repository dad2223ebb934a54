"""Verifying: sealed months computed again from the evidence of then, and the laws of the ledger (RULES, section 6)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from accounting.billing.statement import query_of, with_corrections
from accounting.errors import AcctError
from accounting.facts.sealed import Closing, closings, digest_of
from accounting.facts.statement_json import parse_statement, statement_json
from accounting.instants import Month
from accounting.ledger import Ledger
from accounting.model import Correction, Line, LineKey, Statement
from accounting.paths import shipped
from accounting.text import counted

SHOWN_ROWS = 3


@dataclass(frozen=True)
class Difference:
    """Where a sealed month differs from its evidence, or a law of the ledger is broken."""

    where: str
    what: str


def closings_of(ledger: Ledger, month: Month | None) -> list[Closing]:
    """The closing of one month, or all of them; AcctError for a month that is not closed."""
    chosen = [closing for closing in closings(ledger) if month in (None, closing.month)]
    if month is not None and not chosen:
        raise AcctError(f"month {month}", "is not closed", "see `acct status` for the months that are")
    return chosen


def verify(ledger: Ledger, chosen: Sequence[Closing], progress: Callable[[str], None]) -> Iterator[Difference]:
    """Compute sealed months again from what was recorded before their closings; gives each difference."""
    for closing in chosen:
        progress(f"computing {closing.month} again")
        yield from _of_month(ledger, closing)
    progress("checking the laws of the ledger")
    yield from _broken_laws(ledger)


def _of_month(ledger: Ledger, closing: Closing) -> Iterator[Difference]:
    rows = ledger.rows(
        "SELECT w.name, s.statement, s.digest FROM sealed_statements AS s JOIN workspaces AS w USING (workspace_id)"
        " WHERE s.month = ? ORDER BY w.name",
        [str(closing.month)],
    )
    sealed = {workspace: text for workspace, text, digest in rows if digest_of(text) == digest}
    for workspace, _, _ in rows:
        if workspace not in sealed:
            yield Difference(_where(closing, workspace), "the statement has another digest than it was sealed with")
    yield from _lines_apart(ledger, closing, {name: parse_statement(text) for name, text in sealed.items()})
    for statement in with_corrections(ledger, query_of(ledger, closing.month), list(sealed)):
        now = replace(statement, status="closed")
        if statement_json(now) != sealed[now.workspace]:
            then = parse_statement(sealed[now.workspace])
            yield Difference(_where(closing, now.workspace), _difference(then, now))


def _lines_apart(ledger: Ledger, closing: Closing, sealed: Mapping[str, Statement]) -> Iterator[Difference]:
    """The lines that corrections are reckoned from must be those of the statements."""
    rows = ledger.rows(
        "SELECT w.name, l.of_month, l.repository, l.format, l.package, l.state, l.byte_seconds::HUGEINT,"
        " l.amount_minor::HUGEINT FROM sealed_lines AS l JOIN workspaces AS w USING (workspace_id) WHERE l.month = ?",
        [str(closing.month)],
    )
    kept: dict[str, dict[tuple[Month, LineKey], tuple[int, int | None]]] = {}
    for workspace, of_month, *key, byte_seconds, amount in rows:
        kept.setdefault(workspace, {})[Month.parse(of_month), LineKey(*key)] = (byte_seconds, amount)
    for workspace, then in sealed.items():
        lines = {key: (line.byte_seconds, line.amount_minor) for key, line in _by_key(then).items()}
        if lines != kept.get(workspace, {}):
            yield Difference(_where(closing, workspace), "the sealed lines are not those of the sealed statement")


def _where(closing: Closing, workspace: str) -> str:
    return f"month {closing.month}, workspace {workspace}"


def _difference(then: Statement, now: Statement) -> str:
    """The first line or figure in which two statements differ."""
    sealed, computed = _by_key(then), _by_key(now)
    for key in dict.fromkeys([*sealed, *computed]):
        if sealed.get(key) != computed.get(key):
            of_month, line = key
            name = "/".join((line.repository or "–", line.format, line.package, line.state))
            figures = f"sealed {_figures(sealed.get(key))}, computed {_figures(computed.get(key))}"
            return f"the {'line' if of_month == now.month else f'correction of {of_month}'} {name}: {figures}"
    return f"the total: sealed {_figures(then)}, computed {_figures(now)}"


def _by_key(statement: Statement) -> dict[tuple[Month, LineKey], Line | Correction]:
    lines: dict[tuple[Month, LineKey], Line | Correction] = {(statement.month, ln.key): ln for ln in statement.lines}
    return lines | {(correction.month, correction.key): correction for correction in statement.corrections}


def _figures(figures: Statement | Line | Correction | None) -> str:
    if figures is None:
        return "nothing"
    return f"{counted(figures.byte_seconds, 'byte-second')} and {figures.amount_minor} in the minor unit"


def _broken_laws(ledger: Ledger) -> Iterator[Difference]:
    """A difference for each law of queries/checks/ that some row breaks."""
    for file in sorted((shipped("queries") / "checks").glob("*.sql")):
        rows = ledger.rows(file.read_text(encoding="utf-8"))
        if rows:
            shown = "; ".join(str(row) for row in rows[:SHOWN_ROWS])
            broken = f"is broken by {counted(len(rows), 'row')}, such as {shown}"
            yield Difference(f"law {file.stem.replace('_', ' ')}", broken)
