"""The one error of the project: where it is, what is wrong, and what to do about it."""

from typing import Self

from accounting.text import shortened, visible

CHECK_PATH = "check its name and who may read it"


class AcctError(Exception):
    """A refusal that a user can act on; the command line prints it as one sentence and exits with 1 or,
    where it is a matter of time, with 3.

    `where` names the file, line, key, source or workspace concerned; `what` says what is wrong with it,
    and `hint` what to do about it. The message has them as they can be shown and read.

    >>> str(AcctError("events.jsonl, line 3", "the member time is missing", "add it and import again"))
    'events.jsonl, line 3: the member time is missing; add it and import again'
    """

    exit_status = 1

    def __init__(self, where: str, what: str, hint: str = "") -> None:
        self.where = where
        self.what = what
        self.hint = hint
        where, what, hint = (shortened(visible(part)) for part in (where, what, hint))
        super().__init__(f"{where}: {what}" + (f"; {hint}" if hint else ""))

    def __reduce__(self) -> tuple[type[Self], tuple[str, str, str]]:
        """So that it comes whole out of another process."""
        return type(self), (self.where, self.what, self.hint)
