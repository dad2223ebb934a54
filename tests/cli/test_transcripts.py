"""What a user sees is what the transcripts say."""

from pathlib import Path

import pytest

from tests.cli.transcript import FOLDER, main, play


@pytest.mark.parametrize("transcript", sorted(FOLDER.glob("*.txt")), ids=lambda file: str(file.stem))
def test_transcript(transcript: Path, tmp_path: Path) -> None:
    assert play(transcript, tmp_path) == transcript.read_text(encoding="utf-8")


def test_transcripts_are_written_anew_only_by_force(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tests.cli.transcript.FOLDER", tmp_path)
    (tmp_path / "one.txt").write_text("$ acct names\nonce upon a time\n")
    assert main([]) == 1
    assert "\n-once upon a time\n" in capsys.readouterr().out
    assert (tmp_path / "one.txt").read_text() == "$ acct names\nonce upon a time\n"
    assert main(["--force"]) == 0
    assert main([]) == 0
