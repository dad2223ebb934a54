"""A bucket's listing, prefix by prefix side by side, as between one page and the next lies the way to the server.

A prefix is listed flat. Where its first page is not the last, and most of the workers have nothing to do, it is asked
for its folders instead, and these are handed out. Keys may come in any order (some servers list by folder, not by
byte), so a prefix is never split by a key to start after.
"""

import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime

import polars as pl

from accounting.collectors.bucket_page import CHECK_SERVER, Page
from accounting.collectors.store import Listing, Progress, listed
from accounting.errors import AcctError
from accounting.text import counted

WORKERS = 16
FOLDER_PAGES = 5  # a prefix that has more of them is listed flat
CLOCK_SECONDS = 300

# Begins to ask for a page, told where to say it is, a prefix, whether its folders, and a token.
Ask = Callable[[str, str, bool, str], Future[Page]]


@dataclass
class Chain:
    """The pages of one prefix, one after the other.

    A chain of folders stands `instead_of` a flat one, whose first page is kept if the folders are of no use.
    """

    prefix: str
    instead_of: "Chain | None" = None
    pages: int = 0
    token: str = ""
    tokens: set[str] = field(default_factory=set)
    objects: list[pl.DataFrame] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    deadline: float = 0


class SideBySide:
    """One listing. What threads answer is taken up in the thread that runs it, so that nothing here is shared."""

    def __init__(self, source: str, place: str, source_prefix: str, ask: Ask, progress: Progress) -> None:
        self._source = source
        self._place = place
        self._source_prefix = source_prefix
        self._ask = ask
        self._progress = progress
        self._waiting = deque([Chain(source_prefix)])
        self._asked: dict[Future[Page], Chain] = {}
        self._frames: list[pl.DataFrame] = []
        self._keys = 0
        self._taken_at = 0
        self._begun = time.monotonic()

    def listing(self, request_seconds: float, listing_seconds: float) -> Listing:
        """Raises the first refusal, and AcctError where a page or the whole takes longer than it may."""
        while self._waiting or self._asked:
            while self._waiting and len(self._asked) < WORKERS:
                self._begin(self._waiting.popleft(), request_seconds)
            soonest = min(self._asked.values(), key=lambda chain: chain.deadline)
            done, _ = wait(self._asked, max(0, soonest.deadline - time.monotonic()), FIRST_COMPLETED)
            if not done:
                said = f"the answer takes more than {counted(round(request_seconds), 'second')}"
                raise AcctError(self._where(soonest), said, CHECK_SERVER)
            for future in done:
                self._take(self._asked.pop(future), future.result())
            if time.monotonic() > self._begun + listing_seconds:
                said = f"the listing takes more than {counted(round(listing_seconds / 3600), 'hour')}"
                raise AcctError(self._place, said, CHECK_SERVER)
        objects = pl.concat(self._frames)
        twice = objects.filter(pl.col("key").is_duplicated())
        if not twice.is_empty():
            raise AcctError(
                f"{self._place}, key {self._source_prefix}{twice['key'][0]}", "is listed twice", CHECK_SERVER
            )
        return listed(self._taken_at, objects)

    def _begin(self, chain: Chain, request_seconds: float) -> None:
        chain.deadline = time.monotonic() + request_seconds
        asked = self._ask(self._where(chain), chain.prefix, chain.instead_of is not None, chain.token)
        self._asked[asked] = chain

    def _where(self, chain: Chain) -> str:
        of = "" if chain.prefix == self._source_prefix else f", prefix {chain.prefix}"
        kind = ", folders" if chain.instead_of else ""
        return f"{self._place}{of}{kind}, page {chain.pages + 1}"

    def _take(self, chain: Chain, page: Page) -> None:
        self._taken_at = self._taken_at or _date(self._where(chain), page.date)
        if page.token in chain.tokens:
            raise AcctError(self._where(chain), "repeats the token of an earlier page", CHECK_SERVER)
        chain.tokens |= {page.token} - {""}
        chain.token = page.token
        chain.pages += 1
        if chain.instead_of:
            self._take_folders(chain, chain.instead_of, page)
        else:
            self._take_objects(chain, page)

    def _take_objects(self, chain: Chain, page: Page) -> None:
        idle = WORKERS - len(self._asked) - len(self._waiting)
        if chain.pages == 1 and page.token and idle >= WORKERS * 3 / 4:
            chain.objects.append(page.objects)
            self._waiting.append(Chain(chain.prefix, instead_of=chain))
            return
        self._keep(page.objects)
        if page.token:
            self._waiting.appendleft(chain)

    def _take_folders(self, chain: Chain, flat: Chain, page: Page) -> None:
        chain.objects.append(page.objects)
        chain.folders = list(dict.fromkeys(chain.folders + page.folders))
        more = bool(page.token)
        undecoded = any("\ufffd" in folder for folder in page.folders)  # its keys would not be found by it
        if not chain.folders or undecoded or (more and chain.pages == FOLDER_PAGES):
            self._keep(*flat.objects)
            self._waiting.append(flat)
        elif more:
            self._waiting.append(chain)
        elif len(chain.folders) == 1:
            self._waiting.append(Chain(chain.folders[0], instead_of=flat, objects=chain.objects))
        else:
            groups = _groups(chain.folders)
            beside = pl.concat(chain.objects)
            for group in groups if beside.height else ():  # a group has all that begins like it
                beside = beside.filter(~pl.col("key").str.starts_with(group.removeprefix(self._source_prefix)))
            self._keep(beside)
            self._waiting.extend(Chain(group) for group in groups)

    def _keep(self, *frames: pl.DataFrame) -> None:
        self._frames += frames
        self._keys += sum(frame.height for frame in frames)
        rate = self._keys / max(time.monotonic() - self._begun, 1e-3)
        self._progress(f"{self._source}: {counted(self._keys, 'key')} listed, {rate:,.0f}/s")


def _groups(folders: list[str]) -> list[str]:
    """Not many more prefixes than workers that cover these folders, by the letter that follows what all begin with.

    >>> _groups(["a/1/", "a/2/"])
    ['a/1/', 'a/2/']
    >>> _groups([f"a/{number:02x}/" for number in range(256)])[8:12]
    ['a/8', 'a/9', 'a/a', 'a/b']
    """
    if len(folders) <= 2 * WORKERS:
        return folders
    ends = zip(min(folders), max(folders), strict=False)  # all begin with what these two begin with
    stem = next(number for number, (low, high) in enumerate(ends) if low != high)
    return sorted({folder[: stem + 1] for folder in folders})


def _date(where: str, header: str | None) -> int:
    """The server's clock in epoch seconds, refused where this machine's is far from it."""
    try:
        date = int(parsedate_to_datetime(header or "").timestamp())
    except ValueError as error:
        raise AcctError(where, "has no Date header that can be read", CHECK_SERVER) from error
    if abs(date - time.time()) > CLOCK_SECONDS:
        said = f"the server's clock and this machine's are {counted(round(abs(date - time.time())), 'second')} apart"
        raise AcctError(where, said, "set the clock that is wrong, then collect again")
    return date
