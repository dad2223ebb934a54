"""Several snapshot files in one call, by the instants in their names; and instants that lie in the future."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import accounting
from accounting.errors import AcctError
from accounting.facts.snapshot_files import offer_of, take_in_files
from accounting.facts.snapshots import Taken
from accounting.instants import parse_instant
from accounting.ledger import writing
from tests.support.cli_runner import Result, run

HEADER = "workspace,format,package,version,digest,size,uploaded_at\n"
NAMES = {  # by the instant, and not in the order of the names
    "c_2026-09-01T000000Z.csv": "2026-09-01T00:00:00Z",
    "b_2026-09-02T053000+0530.csv": "2026-09-02T00:00:00Z",
    "a_2026-09-02T220000.500-02:00.jsonl": "2026-09-03T00:00:00Z",
    "images_of_2026_2026-10-01t00:00:00z.parquet": "2026-10-01T00:00:00Z",
}


def write(folder: Path, name: str, packages: int, size: str = "1000000000") -> Path:
    """A file of so many packages, in the kind of its ending."""
    import polars as pl

    rows = [f"acme,container,p{number},1,sha256:{number:02},{size}," for number in range(packages)]
    file = folder / name
    text = HEADER + "\n".join(rows) + "\n"
    if file.suffix == ".csv":
        file.write_text(text)
        return file
    frame = pl.read_csv(text.encode(), schema_overrides={"version": pl.String, "uploaded_at": pl.String})
    if file.suffix == ".parquet":
        frame.write_parquet(file)
    else:
        frame.with_columns(pl.col("size").cast(pl.String)).write_ndjson(file)
    return file


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for packages, name in enumerate(NAMES, 1):
        write(tmp_path, name, packages)
    return tmp_path


def take_in(folder: Path, *names: str) -> Result:
    return run("import", "snapshot", *names, "--source", "images", cwd=folder)


def snapshots(folder: Path) -> list[tuple[str, int]]:
    with accounting.open(folder / "acct.duckdb") as ledger:
        frame = ledger.snapshots()
        instants = frame["taken_at"].dt.strftime("%Y-%m-%dT%H:%M:%SZ").to_list()
        return list(zip(instants, frame["references"].to_list(), strict=True))


def test_they_are_taken_in_the_order_of_their_instants(folder: Path) -> None:
    taken = take_in(folder, *sorted(NAMES))
    assert taken.exit_code == 0, taken.stderr
    assert snapshots(folder) == [(at, packages) for packages, at in enumerate(NAMES.values(), 1)]
    lines = taken.stderr.splitlines()
    assert lines[0] == "c_2026-09-01T000000Z.csv, images: 1 reference, 1 new, 0 gone"
    assert "c_2026-09-01T000000Z.csv, images: a new source" in taken.stderr
    assert taken.stderr.count("a new source") == 1
    with accounting.open(folder / "acct.duckdb") as ledger:
        assert ledger.sql("SELECT count(*) FROM records").item() == 1


def test_they_bill_what_they_bill_one_by_one(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    assert take_in(folder, *NAMES).exit_code == 0
    apart = shutil.copytree(folder, tmp_path_factory.mktemp("apart"), dirs_exist_ok=True)
    (apart / "acct.duckdb").unlink()
    for name, at in NAMES.items():
        assert run("import", "snapshot", name, "--source", "images", "--taken-at", at, cwd=apart).exit_code == 0
    bills = [
        run("report", "-w", "acme", "--month", "2026-09", "--format", "json", cwd=each) for each in (folder, apart)
    ]
    assert bills[0].exit_code == 0
    assert bills[0].stdout == bills[1].stdout


def test_those_that_are_known_are_skipped(folder: Path) -> None:
    first, *_, last = NAMES
    assert take_in(folder, first, last).exit_code == 0
    before = (folder / "acct.duckdb").read_bytes()
    assert take_in(folder, first, last).stderr.count("already in the ledger; nothing changed") == 2
    assert (folder / "acct.duckdb").read_bytes() == before
    write(folder, "d_2026-10-02T000000Z.csv", 2)
    assert take_in(folder, "d_2026-10-02T000000Z.csv", first, last).exit_code == 0
    assert [at for at, _ in snapshots(folder)] == [NAMES[first], NAMES[last], "2026-10-02T00:00:00Z"]


@pytest.mark.parametrize(
    ("name", "packages", "size", "words"),
    [
        ("d_2026-10-02T000000Z.csv", 1, "many", "d_2026-10-02T000000Z.csv, line 2: the size 'many'"),
        ("d_2026-09-15T000000Z.csv", 1, "2", "d_2026-09-15T000000Z.csv: gives sha256:00 of acme the size 2"),
        ("d_2026-09-01T000000Z.csv", 2, "1000000000",
         "d_2026-09-01T000000Z.csv, source images: already has a snapshot of 2026-09-01T00:00:00Z"),
        ("d_2136-10-16T000000Z.csv", 1, "1000000000",
         "d_2136-10-16T000000Z.csv, the instant 2136-10-16T00:00:00Z: is in the future"),
        ("d_2026-13-01T000000Z.csv", 1, "1000000000", "d_2026-13-01T000000Z.csv: its name ends in an instant"),
        ("d_2026-10-03T000000Z.txt", 0, "1", "d_2026-10-03T000000Z.txt: does not end in .csv, .jsonl or .parquet"),
        ("missing_2026-10-03T000000Z.csv", 0, "1", "missing_2026-10-03T000000Z.csv: cannot be read"),
    ],
)  # fmt: skip
def test_one_that_is_refused_refuses_all(folder: Path, name: str, packages: int, size: str, words: str) -> None:
    first, *others = NAMES
    assert take_in(folder, first).exit_code == 0
    if packages:
        write(folder, name, packages, size)
    elif name.endswith(".txt"):
        (folder / name).write_text(HEADER)
    before = (folder / "acct.duckdb").read_bytes()
    refused = take_in(folder, *others, name)
    assert refused.exit_code == 1
    assert words in refused.stderr
    assert (folder / "acct.duckdb").read_bytes() == before


def test_an_instant_before_the_latest_names_its_file(folder: Path) -> None:
    first, second, *_, last = NAMES
    assert take_in(folder, first, last).exit_code == 0
    refused = take_in(folder, first, second, last)
    assert (refused.exit_code, f"{second}, source images: has a snapshot of 2026-10-01" in refused.stderr) == (1, True)


def test_one_file_by_its_name(folder: Path) -> None:
    """What is said by --taken-at counts more than the name."""
    name = "c_2026-09-01T000000Z.csv"
    assert take_in(folder, name).exit_code == 0
    assert run("import", "snapshot", name, "--source", "other", "--taken-at", "2026-09-05T00:00:00Z",
               cwd=folder).exit_code == 0  # fmt: skip
    assert [at for at, _ in snapshots(folder)] == ["2026-09-01T00:00:00Z", "2026-09-05T00:00:00Z"]


def test_usage_errors(folder: Path) -> None:
    write(folder, "today.csv", 1)
    write(folder, "2026-09-01.csv", 1)
    names = list(NAMES)
    for arguments, words in (
        ((*names, "--taken-at", "2026-10-01T00:00:00Z"), "--taken-at is for one file"),
        (("today.csv",), "Give --taken-at INSTANT"),
        ((names[0], "2026-09-01.csv"), "Rename it, or import it alone with --taken-at"),
        ((names[0], "--accept", "loss"), "--accept"),
    ):
        wrong = take_in(folder, *arguments)
        assert (wrong.exit_code, " ".join(words.split()) in " ".join(wrong.stderr.split())) == (2, True), wrong.stderr
    assert not (folder / "acct.duckdb").exists()


def test_many_files_are_one_copy_of_the_ledger(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert take_in(folder, "c_2026-09-01T000000Z.csv").exit_code == 0
    copies: list[object] = []
    copy: Callable[..., object] = shutil.copyfile

    def counted_copy(*files: object) -> object:
        copies.append(files)
        return copy(*files)

    monkeypatch.setattr(shutil, "copyfile", counted_copy)
    names = [write(folder, f"hourly_2026-09-02T{hour:02}0000Z.csv", 2).name for hour in range(24)]
    assert take_in(folder, *names).exit_code == 0
    assert len(copies) == 1
    assert len(snapshots(folder)) == 25


# The future


def test_an_instant_in_the_future_is_refused_until_it_is_accepted(folder: Path) -> None:
    """A mistyped year would keep every later snapshot of the source out."""
    file = ("import", "snapshot", "c_2026-09-01T000000Z.csv", "--source", "images", "--taken-at")
    refused = run(*file, "2136-10-15T00:00:00Z", cwd=folder)
    assert refused.exit_code == 1
    assert "the instant 2136-10-15T00:00:00Z: is in the future" in refused.stderr
    assert "--accept future" in refused.stderr
    assert not (folder / "acct.duckdb").exists()
    accepted = run(*file, "2136-10-15T00:00:00Z", "--accept", "future", cwd=folder)
    assert accepted.exit_code == 0
    assert "its instant 2136-10-15T00:00:00Z is in the future; no earlier snapshot can follow it" in accepted.stderr
    again = run(*file, "2136-10-15T00:00:00Z", cwd=folder)
    assert (again.exit_code, "nothing changed" in again.stderr) == (0, True)


def test_a_word_that_is_not_needed_changes_nothing(folder: Path) -> None:
    plain = take_in(folder, *NAMES)
    (folder / "acct.duckdb").unlink()
    assert take_in(folder, *NAMES, "--accept", "future", "--accept", "sizes") == plain


def test_clocks_may_be_five_minutes_apart(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = parse_instant("2026-10-15T12:00:00Z")
    monkeypatch.setattr(time, "time", lambda: float(now))
    with writing(folder / "acct.duckdb", readable=[folder / "c_2026-09-01T000000Z.csv"]) as ledger:

        def taken(at: int) -> list[Taken]:
            offer = offer_of("images", folder / "c_2026-09-01T000000Z.csv", at, False, frozenset())
            return take_in_files(ledger, [offer], lambda words: None)

        assert [each.references for each in taken(now + 300)] == [1]
        with pytest.raises(AcctError, match="is in the future"):
            taken(now + 301)
