"""`acct demo`: from collecting to a bill on a sample registry."""

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from accounting.commands.context import say, showing_progress
from accounting.errors import AcctError
from accounting.text import counted

if TYPE_CHECKING:
    from accounting.instants import Month
    from accounting.sample import Sample

_HISTORY_STEP_SECONDS = 2 * 86_400


def add_to(app: typer.Typer) -> None:
    app.command()(demo)


def demo(
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder to create; it must not exist.")] = Path(
        "acct-demo"
    ),
) -> None:
    """Collect, import and bill a sample registry.

    Example: acct demo --out /tmp/acct-demo
    """
    from accounting.instants import Month
    from accounting.sample import WORKSPACE, sample_of

    if out.exists():
        raise AcctError(str(out), "already exists", "remove it, or give another folder with --out")
    now = int(time.time())
    month = Month.holding(now).before
    sample = sample_of(month)
    say(f"Writing a sample registry, with its history since {month.before}, to {out}:")
    with showing_progress("writing the sample"):
        snapshots = _write(out, now, sample)
    config = ["--config", str(out / "acct.toml")]
    with showing_progress("importing two months of snapshots"):
        _import(out / "acct.duckdb", snapshots)
    say(f"  $ acct import snapshot {out / 'snapshots'}/… --source … --taken-at …  ({counted(len(snapshots), 'file')})")
    _acct([*config, "import", "events", str(out / "events.jsonl")])
    _acct([*config, "rates", "load", str(out / "rates.toml")])
    _acct([*config, "collect", "images"])
    report = [*config, "report", "--workspace", WORKSPACE, "--month", str(month)]
    page = out / f"{WORKSPACE}-{month}.html"
    _acct([*report, "--output", str(page)])
    _acct(report)
    _what_to_see(page, month)


def _write(out: Path, now: int, sample: "Sample") -> list[tuple[str, int, Path]]:
    """Write everything that the demo reads; returns the snapshot files as (source, instant, file), in their order."""
    from accounting import sample as parts
    from accounting.instants import format_instant

    (out / "snapshots").mkdir(parents=True)
    parts.write_registry(sample, out / "registry")
    (out / "rates.toml").write_text(parts.RATES, encoding="utf-8")
    (out / "acct.toml").write_text(parts.CONFIG, encoding="utf-8")
    events = "".join(json.dumps(event) + "\n" for event in parts.events_of(sample))
    (out / "events.jsonl").write_text(events, encoding="utf-8")
    instants = sorted({*range(sample.month.before.start, now, _HISTORY_STEP_SECONDS), sample.month.end})
    files = []
    for source, formats in (("images", ("container",)), ("files", ("npm", "maven"))):
        for taken_at in instants:
            file = out / "snapshots" / f"{source}-{format_instant(taken_at)[:10]}.csv"
            parts.write_snapshot(sample, formats, taken_at, file)
            files.append((source, taken_at, file))
    return files


def _import(ledger_path: Path, snapshots: list[tuple[str, int, Path]]) -> None:
    """Do what `acct import snapshot` does, for many files in one transaction."""
    from accounting.collectors.files import snapshot_file
    from accounting.facts.snapshots import Offer, digest_of_file, take_in
    from accounting.ledger import writing

    with writing(ledger_path, readable=[file for _, _, file in snapshots]) as ledger:
        for source, taken_at, file in snapshots:
            rows = snapshot_file.relation(file)
            take_in(ledger, Offer(source, taken_at, digest_of_file(file), rows, str, file))


def _acct(arguments: list[str]) -> None:
    """Show one command and run it as a user would."""
    from accounting.commands import main

    say(f"  $ acct {' '.join(arguments)}")
    status = main(arguments)
    if status:
        raise typer.Exit(status)


def _what_to_see(page: Path, month: "Month") -> None:
    from accounting.sample import WORKSPACE

    say(
        f"""
What to look at (also as a page: {page}):
- old-site: its repository was deleted, so it is charged for 30 more days, and its image name is held.
- trial: it was deleted before its repository, so it is free although it was still stored.
- workspace deleted: the whole workspace was deleted for four days, and everything in it was free.
- web and team/api share a base layer: each is charged for half of it.
- images: the collector found a blob that nothing references; it is counted but not billed.

What to try next, in {page.parent}:
  acct calendar --workspace {WORKSPACE}                     # docs was deleted too: when charging for it ends
  acct whatif delete-repository {WORKSPACE}/shop            # what each way of deleting would cost
  acct advise --workspace {WORKSPACE}                       # what would save the most
  acct explain --workspace {WORKSPACE} --month {month} --package container/web"""
    )
