"""The one error of the project: where it is, what is wrong, and what to do about it."""

from typing import Self

from accounting.text import shortened, visible

CHECK_PATH = "check its name and its permissions"


class AcctError(Exception):
    """A refusal that a user can act on; the command line prints it and exits with 1 or, where only time helps, with 3.

    `where` names the file, line, key, source or workspace concerned; `what` says what is wrong with it, and `hint`
    what to do about it. The message shows control characters as escapes and cuts long names, and adds the full stops.

    >>> str(AcctError("events.jsonl, line 3", "the member time is missing", "add it and import again"))
    'events.jsonl, line 3: the member time is missing. Add it and import again.'
    """

    exit_status = 1

    def __init__(self, where: str, what: str, hint: str = "") -> None:
        self.where = where
        self.what = what
        self.hint = hint
        where, what, hint = (shortened(visible(part)) for part in (where, what, hint))
        super().__init__(" ".join([f"{where}:", _ended(what), *([_ended(_capitalised(hint))] if hint else [])]))

    def __reduce__(self) -> tuple[type[Self], tuple[str, str, str]]:
        """Makes an error from another process arrive with all three parts."""
        return type(self), (self.where, self.what, self.hint)


def _ended(sentence: str) -> str:
    return sentence if sentence.endswith((".", "?", "!")) else f"{sentence}."


def _capitalised(sentence: str) -> str:
    """With a capital first letter, unless the first word is a literal, such as a path, a flag or a file name.

    >>> [_capitalised(hint) for hint in ("check it", "acct.toml names it", "--wait is too short", "retired, or not")]
    ['Check it', 'acct.toml names it', '--wait is too short', 'Retired, or not']
    """
    word = sentence.partition(" ")[0].rstrip(",:;")
    return sentence[:1].upper() + sentence[1:] if word.isascii() and word.isalpha() else sentence
