"""A bucket's listing, several prefixes in parallel, because each page waits for a round trip to the server.

A prefix is listed flat. If its first page is not the last and most workers are idle, its folders are listed instead and
given to the workers. Keys may come in any order (some servers list by folder, not by byte), so a prefix is never split
by a key to start after.
"""

import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime

import polars as pl

from accounting.collectors.places.bucket_page import CHECK_SERVER, Page
from accounting.collectors.places.store import Listing, Progress, listed
from accounting.errors import AcctError
from accounting.text import counted

WORKERS = 16
FOLDER_PAGES = 5  # a prefix with more pages of folders is listed flat
CLOCK_SECONDS = 300

# Starts a request for a page, given: where it is (for errors), a prefix, whether to list its folders, and a token.
Ask = Callable[[str, str, bool, str], Future[Page]]


@dataclass
class Chain:
    """The pages of one prefix, one after the other.

    A chain of folders runs `instead_of` a flat one, whose first page is kept in case the folders are of no use.
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
    """One listing. Only the thread that runs it handles the answers, so no state here is shared between threads."""

    def __init__(self, source: str, place: str, source_prefix: str, ask: Ask, progress: Progress) -> None:
        self._source = source
        self._place = place
        self._source_prefix = source_prefix
        self._ask = ask
        self._progress = progress
        self._waiting = deque([Chain(source_prefix)])
        self._requests: dict[Future[Page], Chain] = {}
        self._frames: list[pl.DataFrame] = []
        self._keys = 0
        self._taken_at = 0
        self._begun = time.monotonic()

    def listing(self, request_seconds: float, listing_seconds: float) -> Listing:
        """Raises the first error, and AcctError if a page or the whole listing takes too long."""
        while self._waiting or self._requests:
            while self._waiting and len(self._requests) < WORKERS:
                self._begin(self._waiting.popleft(), request_seconds)
            soonest = min(self._requests.values(), key=lambda chain: chain.deadline)
            done, _ = wait(self._requests, max(0, soonest.deadline - time.monotonic()), FIRST_COMPLETED)
            if not done:
                said = f"the answer took more than {counted(round(request_seconds), 'second')}"
                raise AcctError(self._where(soonest), said, CHECK_SERVER)
            for future in done:
                self._take(self._requests.pop(future), future.result())
            if time.monotonic() > self._begun + listing_seconds:
                said = f"the listing took more than {counted(round(listing_seconds / 3600), 'hour')}"
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
        request = self._ask(self._where(chain), chain.prefix, chain.instead_of is not None, chain.token)
        self._requests[request] = chain

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
        idle = WORKERS - len(self._requests) - len(self._waiting)
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
        undecoded = any("\ufffd" in folder for folder in page.folders)  # such a prefix would not match its keys
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
            for group in groups if beside.height else ():  # a group contains every key that begins with it
                beside = beside.filter(~pl.col("key").str.starts_with(group.removeprefix(self._source_prefix)))
            self._keep(beside)
            self._waiting.extend(Chain(group) for group in groups)

    def _keep(self, *frames: pl.DataFrame) -> None:
        self._frames += frames
        self._keys += sum(frame.height for frame in frames)
        rate = self._keys / max(time.monotonic() - self._begun, 1e-3)
        self._progress(f"{self._source}: {counted(self._keys, 'key')} listed, {rate:,.0f}/s")


def _groups(folders: list[str]) -> list[str]:
    """Prefixes that cover these folders, at most about twice as many as workers: the common prefix plus one letter.

    >>> _groups(["a/1/", "a/2/"])
    ['a/1/', 'a/2/']
    >>> _groups([f"a/{number:02x}/" for number in range(256)])[8:12]
    ['a/8', 'a/9', 'a/a', 'a/b']
    """
    if len(folders) <= 2 * WORKERS:
        return folders
    ends = zip(min(folders), max(folders), strict=False)  # the common prefix of these two is that of all
    stem = next(number for number, (low, high) in enumerate(ends) if low != high)
    return sorted({folder[: stem + 1] for folder in folders})


def _date(where: str, header: str | None) -> int:
    """The server's clock in epoch seconds; AcctError if this machine's clock differs too much."""
    try:
        date = int(parsedate_to_datetime(header or "").timestamp())
    except ValueError as error:
        raise AcctError(where, "has no valid Date header", CHECK_SERVER) from error
    if abs(date - time.time()) > CLOCK_SECONDS:
        said = f"the server's clock and this machine's are {counted(round(abs(date - time.time())), 'second')} apart"
        raise AcctError(where, said, "set the clock that is wrong, then collect again")
    return date
