"""The project as the laws see it: evidence goes in step by step, bills come out in the model's shape.

By the command line, as users do it, or by the modules that the commands call, which is several times faster.
"""

import csv
import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from itertools import count
from pathlib import Path
from typing import Any

from accounting.billing import statement
from accounting.collectors.files import event_file, snapshot_file
from accounting.errors import AcctError
from accounting.facts import cards, sources, statement_json
from accounting.facts.events import record
from accounting.facts.snapshots import Offer, digest_of_file, take_in
from accounting.instants import Month, parse_instant
from accounting.ledger import reading, writing
from accounting.rendering import common as render
from tests.support.cli_runner import run
from tests.support.model_of_rules import Bill, Case, HeldName, Line, Refusal, Snapshot, epoch

COLUMNS = ("workspace", "format", "package", "version", "digest", "size", "uploaded_at")


@dataclass(frozen=True)
class Events:
    """Events that come in one file."""

    events: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class Card:
    """A rate card to load."""

    card: dict[str, Any]
    retroactive: bool = False


@dataclass(frozen=True)
class Retire:
    """A source that brings no more snapshots."""

    source: str
    at: str


Step = Snapshot | Events | Card | Retire


def steps_of(case: Case) -> list[Step]:
    """The plain order: snapshots as they were taken, then events, the card, and who is retired."""
    steps: list[Step] = [*case.snapshots, Events(case.events)]
    if case.card is not None:
        steps.append(Card(case.card))
    return steps + [Retire(source, at) for source, at in case.retired]


def bill(case: Case, steps: Sequence[Step] | None = None) -> dict[str, Bill | Refusal]:
    """Every workspace's bill, from a new ledger that took these steps."""
    with books(case, steps) as these:
        return these.bills(case)


@contextmanager
def books(case: Case, steps: Sequence[Step] | None = None, by_commands: bool = False) -> Iterator["Books"]:
    """A new ledger that has taken a case's evidence, in the plain order unless told otherwise."""
    with tempfile.TemporaryDirectory(prefix="acct-laws-") as folder:
        these = CommandBooks(Path(folder)) if by_commands else Books(Path(folder))
        these.take(steps_of(case) if steps is None else steps)
        yield these


class Books:
    """A ledger by the modules that the commands call."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ledger = folder / "ledger.duckdb"
        self._numbers = count(1)

    def take(self, steps: Sequence[Step]) -> None:
        """Take steps in their order, in one transaction."""
        some = [(step, self.file_of(step)) for step in steps]
        with writing(self.ledger, readable=[file for _, file in some]) as ledger:
            for step, file in some:
                if isinstance(step, Snapshot):
                    at, digest = parse_instant(step.taken_at), digest_of_file(file)
                    rows = snapshot_file.relation(file)
                    accepted = frozenset({"loss", "sizes"})
                    offer = Offer(step.source, at, digest, rows, str, file, served=step.served, accepted=accepted)
                    take_in(ledger, offer)
                elif isinstance(step, Events):
                    record(ledger, file, event_file.relation(file))
                elif isinstance(step, Card):
                    cards.load_card(ledger, file.read_text(encoding="utf-8"), step.retroactive)
                else:
                    sources.retire(ledger, step.source, parse_instant(step.at))

    def file_of(self, step: Step) -> Path:
        """The file that a user would import."""
        if isinstance(step, Snapshot):
            file = self.folder / f"{next(self._numbers)}.csv"
            with file.open("w", encoding="utf-8", newline="") as stream:
                writer = csv.writer(stream, lineterminator="\n")
                writer.writerow(COLUMNS)
                writer.writerows([getattr(row, column) for column in COLUMNS] for row in step.rows)
        elif isinstance(step, Events):
            file = self.folder / f"{next(self._numbers)}.jsonl"
            lines = [json.dumps(event, ensure_ascii=False) + "\n" for event in step.events]
            file.write_text("".join(lines), encoding="utf-8", newline="")
        else:
            file = self.folder / f"{next(self._numbers)}.toml"
            file.write_text(toml_of(step.card) if isinstance(step, Card) else "", encoding="utf-8")
        return file

    def bills(self, case: Case) -> dict[str, Bill | Refusal]:
        """The bill of every workspace that the evidence names: all at once, or each by itself where one is refused."""
        with reading(self.ledger) as ledger:
            try:
                stated = {each.workspace: each for each in statement.statements(ledger, Month.parse(case.month))}
            except AcctError:
                return {workspace: self.bill(workspace, case.month) for workspace in case.workspaces()}
        assert stated.keys() == set(case.workspaces())
        return {
            workspace: bill_of(json.loads(statement_json.statement_json(stated[workspace])))
            for workspace in case.workspaces()
        }

    def bill(self, workspace: str, month: str) -> Bill | Refusal:
        """One workspace's bill."""
        shown = self.report(workspace, month)
        return Refusal(workspace) if shown is None else bill_of(json.loads(shown))

    def held_names(self, workspace: str, instant: str) -> tuple[HeldName, ...]:
        """The names of a workspace that are held at an instant."""
        return held_of(workspace, json.loads(self.names(workspace, instant)))

    def report(self, workspace: str, month: str) -> str | None:
        """What `acct report --format json` prints; None where it refuses."""
        with reading(self.ledger) as ledger:
            try:
                shown = statement.statement(ledger, workspace, Month.parse(month))
            except AcctError:
                return None
            return statement_json.statement_json(shown)

    def names(self, workspace: str, instant: str) -> str:
        """What `acct names --format json` prints."""
        with reading(self.ledger) as ledger:
            return render.names_json(statement.names_held(ledger, workspace, parse_instant(instant)))


class CommandBooks(Books):
    """A ledger by the command line."""

    def acct(self, *args: object, refusable: bool = False) -> str | None:
        """What a call prints; None where it refuses and may."""
        result = run("--ledger", self.ledger, *args, cwd=self.folder)
        if refusable and result.exit_code == 1:
            return None
        assert result.exit_code == 0, (args, result)
        return result.stdout

    def bills(self, case: Case) -> dict[str, Bill | Refusal]:
        """One call a workspace."""
        return {workspace: self.bill(workspace, case.month) for workspace in case.workspaces()}

    def take(self, steps: Sequence[Step]) -> None:
        """One call a step."""
        for step in steps:
            file = self.file_of(step)
            if isinstance(step, Snapshot):
                options = ["--accept", "future", "--accept", "sizes", *(["--served"] if step.served else [])]
                self.acct("import", "snapshot", file, "--source", step.source, "--taken-at", step.taken_at, *options)
            elif isinstance(step, Events):
                self.acct("import", "events", file)
            elif isinstance(step, Card):
                self.acct("rates", "load", file)
            else:
                self.acct("source", "retire", step.source, "--at", step.at)

    def report(self, workspace: str, month: str) -> str | None:
        """None where it refuses."""
        return self.acct("report", "--workspace", workspace, "--month", month, "--format", "json", refusable=True)

    def names(self, workspace: str, instant: str) -> str:
        """As it is printed."""
        return self.acct("names", "--workspace", workspace, "--at", instant, "--format", "json") or ""


def bill_of(report: dict[str, Any]) -> Bill:
    """A JSON report in the model's shape."""
    return Bill(
        workspace=report["workspace"],
        month=report["month"],
        status=report["status"],
        covered_until=epoch(report["covered_until"]),
        currency=report["currency"],
        byte_seconds=int(report["total"]["byte_seconds"]),
        charged_byte_seconds=int(report["total"]["charged_byte_seconds"]),
        amount=report["total"]["amount"],
        lines=tuple(
            Line(
                repository=line["repository"],
                format=line["format"],
                package=line["package"],
                state=line["state"],
                byte_seconds=int(line["byte_seconds"]),
                amount=line["amount"],
            )
            for line in report["lines"]
        ),
        held_names=held_of(report["workspace"], report["held_names"]),
    )


def held_of(workspace: str, names: list[dict[str, str]]) -> tuple[HeldName, ...]:
    """Held names in the model's shape."""
    return tuple(HeldName(workspace, name["name"], name["repository"], epoch(name["held_until"])) for name in names)


def toml_of(card: dict[str, Any]) -> str:
    """A card as TOML; whatever a case's card holds, and no more."""
    return "".join(
        f"{name} = {toml_value(value)}\n" for name, value in card.items() if not isinstance(value, list)
    ) + "".join(
        f"\n[[{name}]]\n" + "".join(f"{key} = {toml_value(value)}\n" for key, value in entry.items())
        for name, entries in card.items()
        if isinstance(entries, list)
        for entry in entries
    )


def toml_value(value: Any) -> str:
    """A TOML value on one line."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {toml_value(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(toml_value(item) for item in value) + "]"
    if isinstance(value, date):
        return value.isoformat()
    return json.dumps(value, ensure_ascii=False)
