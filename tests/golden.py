"""Cases with their expected bills: a folder each, kept in `cases/`, and more in a folder beside the repo."""

import csv
import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.model_of_rules import Case, Row, Snapshot

REPO = Path(__file__).resolve().parent.parent
KEPT = REPO / "tests" / "cases"
SHARED = REPO.parent / "shared" / "golden"  # more cases, where someone has put them beside the checkout

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
    """Every case, once by its name; the kept ones win."""
    folders: dict[str, Path] = {}
    for place in (SHARED, KEPT):
        if place.is_dir():
            folders |= {expected.parent.name: expected.parent for expected in place.glob("*/expected.json")}
    return [load(folders[name]) for name in sorted(folders)]


def named_case(name: str) -> GoldenCase:
    """A kept case."""
    return load(KEPT / name)


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
