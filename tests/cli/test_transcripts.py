"""What a user sees is what the transcripts say."""

from pathlib import Path

import pytest

from tests.cli.transcript import FOLDER, play


@pytest.mark.parametrize("transcript", sorted(FOLDER.glob("*.txt")), ids=lambda file: str(file.stem))
def test_transcript(transcript: Path, tmp_path: Path) -> None:
    assert play(transcript, tmp_path) == transcript.read_text(encoding="utf-8")
