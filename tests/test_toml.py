"""Configurations and rate cards that no reader of TOML can take: one sentence, whatever it was that failed."""

from pathlib import Path

import pytest

from tests.support.cli_runner import run

DIGITS = "1" * 5_000
TOO_LONG = "contains an integer that does not fit into 64 bits. Correct the"
VALUES = [
    (DIGITS, TOO_LONG),
    (f"-{DIGITS}", TOO_LONG),
    (f"0x{DIGITS}", TOO_LONG),  # Python reads it, and cannot print it
    (f"0b{DIGITS * 4}", TOO_LONG),
    (f"[{{ a = {DIGITS} }}]", TOO_LONG),
    (str(2**63), TOO_LONG),
    ("[" * 100_000, "is nested too deeply. Correct the"),
    (f"[{{ {'a.' * 2_000}b = 1 }}]", "is nested too deeply. Correct the"),
]
CARD = """currency = "USD"
[[rate]]
effective_from = 2025-12-03
unit = "GB"
tiers = [{ price = "0.25" }]
[[rule]]
effective_from = 2025-12-03
retention_days = 30
share = "workspace"
"""
numbers = pytest.mark.parametrize(("value", "message"), VALUES, ids=range(len(VALUES)))


@numbers
def test_a_configuration(tmp_path: Path, value: str, message: str) -> None:
    for line in (f"ledger = {value}", f"unknown = {value}", f"[[source]]\nurl = {value}"):
        (tmp_path / "acct.toml").write_text(line)
        ended = run("status", cwd=tmp_path)
        assert ended.exit_code == 1
        assert ended.stderr == f"acct: acct.toml: {message} file.\n"


@numbers
@pytest.mark.parametrize("command", ["load", "check", "compare --month 2026-10"])
def test_a_rate_card(tmp_path: Path, value: str, message: str, command: str) -> None:
    for line in (f"retention_days = {value}", f"charged = {value}", f"x = {value}"):
        (tmp_path / "card.toml").write_text(CARD.replace("retention_days = 30\n", "") + line)
        ended = run("rates", *command.split(), "card.toml", cwd=tmp_path)
        assert ended.exit_code == 1
        assert ended.stderr == f"acct: card.toml: {message} card and load it again.\n"


def test_the_largest_integer_is_read_and_refused_for_what_it_says(tmp_path: Path) -> None:
    (tmp_path / "card.toml").write_text(CARD.replace("30", str(2**63 - 1)) + 'charged = ["live"]\n')
    ended = run("rates", "check", "card.toml", cwd=tmp_path)
    assert "retention_days 9223372036854775807 is not a whole number" in ended.stderr


def test_a_configuration_in_another_encoding(tmp_path: Path) -> None:
    (tmp_path / "acct.toml").write_bytes('ledger = "é"'.encode("latin-1"))
    assert run("status", cwd=tmp_path).stderr == "acct: acct.toml: is not encoded in UTF-8. Save it as UTF-8.\n"
