"""Cases with their expected bills, a folder each in `cases/`."""

import csv
import json
import os
import re
import shutil
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.model_of_rules import Case, Row, Snapshot
from tests.support.project import Books, Retire, Step, steps_of

REPO = Path(__file__).resolve().parents[2]
LEDGERS = "ACCT_TEST_LEDGERS"  # the folder in which the processes of one run share the ledgers of golden cases
KEPT = REPO / "tests" / "cases"

NAME = re.compile(
    r"\d+_(?P<source>.+)_(?P<day>\d{4}-\d\d-\d\d)T(?P<time>\d{6})(?P<fraction>\.\d+)?(?P<zone>Z|[+-]\d{4})\.csv"
)


@dataclass(frozen=True)
class GoldenCase:
    """One case folder: its files as they stand, the same as a `Case`, and what is expected."""

    name: str
    folder: Path
    case: Case
    expected: dict[str, Any]

    def snapshot_files(self) -> Iterator[tuple[Path, str, str]]:
        """File, source and instant of each snapshot in order."""
        yield from snapshot_files(self.folder)


def golden_cases() -> list[GoldenCase]:
    """Every case."""
    return cases_in(KEPT)


def cases_in(place: Path) -> list[GoldenCase]:
    """Every case of a folder."""
    return [load(expected.parent) for expected in sorted(place.glob("*/expected.json"))]


def named_cases(*names: str) -> list[GoldenCase]:
    """These cases, each of which must be there."""
    return [load(KEPT / name) for name in names]


@contextmanager
def golden_books(golden: GoldenCase) -> Iterator[Books]:
    """A ledger of its own that has taken a case's files as they stand; each case's is written once in a run."""
    with tempfile.TemporaryDirectory(prefix="acct-golden-") as folder:
        these = _GoldenBooks(Path(folder), golden)
        written = Path(os.environ[LEDGERS]) / f"{golden.name}.duckdb" if LEDGERS in os.environ else None
        if written is not None and written.exists() and golden.folder.parent == KEPT:
            shutil.copyfile(written, these.ledger)
        else:
            these.take(steps_of(golden.case))
            if written is not None and golden.folder.parent == KEPT:
                another = written.with_name(f"{golden.name}.{os.getpid()}")
                shutil.copyfile(these.ledger, another)
                another.replace(written)
        yield these


class _GoldenBooks(Books):
    def __init__(self, folder: Path, golden: GoldenCase) -> None:
        super().__init__(folder)
        snapshots = [file for file, _, _ in golden.snapshot_files()]
        self._files = iter([*snapshots, golden.folder / "events.jsonl", golden.folder / "card.toml"])

    def file_of(self, step: Step) -> Path:
        """The case's own file."""
        return super().file_of(step) if isinstance(step, Retire) else next(self._files)


def load(folder: Path) -> GoldenCase:
    """Read one case folder."""
    expected = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    events = (folder / "events.jsonl").read_text(encoding="utf-8").splitlines()
    card = folder / "card.toml"
    sources = sources_of(folder)
    case = Case(
        snapshots=tuple(
            Snapshot(source, at, rows(file), bool(sources.get(source, {}).get("served")))
            for file, source, at in snapshot_files(folder)
        ),
        events=tuple(json.loads(line) for line in events if line.strip()),
        card=tomllib.loads(card.read_text(encoding="utf-8")) if card.exists() else None,
        month=expected["month"],
        retired=tuple((name, shown["retired_at"]) for name, shown in sources.items() if "retired_at" in shown),
    )
    return GoldenCase(folder.name, folder, case, expected)


def sources_of(folder: Path) -> dict[str, dict[str, Any]]:
    """What a case says of its sources: `served`, `accept_sizes`, `retired_at`; nothing of most."""
    file = folder / "sources.json"
    return dict(json.loads(file.read_text(encoding="utf-8"))) if file.exists() else {}


def snapshot_files(folder: Path) -> Iterator[tuple[Path, str, str]]:
    """Source and instant are in the name, the instant without the colons that some file systems refuse."""
    for file in sorted((folder / "snapshots").glob("*.csv")):
        match = NAME.fullmatch(file.name)
        assert match, file.name
        clock, zone = match["time"], match["zone"]
        time = f"{clock[:2]}:{clock[2:4]}:{clock[4:]}{match['fraction'] or ''}"
        offset = zone if zone == "Z" else f"{zone[:3]}:{zone[3:]}"
        yield file, match["source"], f"{match['day']}T{time}{offset}"


def rows(file: Path) -> tuple[Row, ...]:
    """The references of a snapshot file."""
    with file.open(encoding="utf-8", newline="") as stream:
        return tuple(
            Row(**{**row, "size": int(row["size"]), "uploaded_at": row["uploaded_at"] or None})  # type: ignore[arg-type]
            for row in csv.DictReader(stream)
        )


def differences(got: dict[str, Any], expected: dict[str, Any], tolerance: int = 1) -> list[str]:
    """What a bill says otherwise: totals must be equal, lines within `tolerance` units of their last digit."""
    shown = [
        f"{name}: {got[name]} for {expected[name]}"
        for name in ("byte_seconds", "amount")
        if got[name] != expected[name]
    ]
    ours, theirs = lines_by_key(got["lines"]), lines_by_key(expected["lines"])
    for key in sorted(ours.keys() | theirs.keys(), key=str):
        # A line of which nothing is left after rounding is not shown; the other program's tie may have gone its way.
        figures, wanted = ours.get(key, (0, 0)), theirs.get(key, (0, 0))
        if any(abs(figure - want) > tolerance for figure, want in zip(figures, wanted, strict=True)):
            shown.append(f"{key}: {figures} for {wanted}")
    sums = [sum(column) for column in zip(*ours.values(), strict=True)] or [0, 0]
    if sums != [int(got["byte_seconds"]), minor_units(got["amount"])]:
        shown.append(f"the lines add up to {sums}")
    return shown


def lines_by_key(lines: list[dict[str, Any]]) -> dict[tuple[Any, ...], tuple[int, int]]:
    """Byte-seconds and minor units of each line."""
    keyed = {
        (line["repository"], line["format"], line["package"], line["state"]): (
            int(line["byte_seconds"]),
            minor_units(line["amount"]),
        )
        for line in lines
    }
    assert len(keyed) == len(lines), "a line stands twice"
    return keyed


def minor_units(amount: str) -> int:
    """An amount in whole units of its last digit."""
    return int(amount.replace(".", ""))
