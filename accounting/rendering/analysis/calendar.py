"""A workspace's retention calendar as text, JSON and iCalendar."""

import json
import uuid
from datetime import UTC, datetime

from accounting.analysis.retention import RetentionCalendar, RetentionEnd
from accounting.instants import LAST, format_instant, shown_instant
from accounting.rendering.common import coverage
from accounting.tables import json_text, table
from accounting.text import counted, visible

_NONE = "No retention period ends after this date"


def calendar_text(calendar: RetentionCalendar, width: int | None = None) -> str:
    """The dates as a table, or a sentence if there are none."""
    rows = [
        [shown_instant(end.happens_at), end_words(calendar.workspace, end), shown_instant(end.deleted_at)]
        for end in calendar.ends
    ]
    head = f"Workspace {visible(calendar.workspace)}\n{coverage(calendar.covered_until)}\n\n"
    return head + (table(["on", "event", "deleted on"], rows, width=width) if rows else f"{_NONE}.\n")


def calendar_json(calendar: RetentionCalendar) -> str:
    """The schema `acct.calendar/1`."""
    return json_text(
        {
            "schema": "acct.calendar/1",
            "workspace": calendar.workspace,
            "covered_until": format_instant(calendar.covered_until),
            "dates": [
                {
                    "at": format_instant(end.happens_at),
                    "what": end.what,
                    "repository": end.repository,
                    "name": end.name,
                    "packages": end.packages,
                    "deleted_at": format_instant(end.deleted_at),
                }
                for end in calendar.ends
            ],
        }
    )


def calendar_ics(calendar: RetentionCalendar) -> str:
    """The dates as events without a duration (RFC 5545). Making the file again gives them the same identities.

    If there are no dates, a journal entry says so: a calendar needs at least one component (section 3.6), and strict
    readers refuse one without, while a journal entry takes no time in the calendar (section 3.6.3).
    """
    from icalendar import Calendar, Event, Journal

    shown = Calendar()
    shown.add("prodid", "-//acct//acct calendar//EN")
    shown.add("version", "2.0")
    shown.add("x-wr-calname", f"Package storage of {visible(calendar.workspace)}")
    for end in calendar.ends:
        event = Event()
        event.add("uid", _uid(calendar.workspace, end))
        event.add("dtstamp", _time(end.deleted_at))  # not the clock, so that the same dates give the same file
        event.add("dtstart", _time(end.happens_at))
        event.add("summary", f"{visible(calendar.workspace)}: {end_words(calendar.workspace, end)}")
        event.add("description", f"Deleted on {shown_instant(end.deleted_at)} (UTC).")
        event.add("transp", "TRANSPARENT")
        shown.add_component(event)
    if not calendar.ends:
        note = Journal()
        note.add("uid", _uuid(calendar.workspace, "nothing"))
        note.add("dtstamp", _time(calendar.covered_until))
        note.add("dtstart", _time(calendar.covered_until))
        note.add("summary", f"{visible(calendar.workspace)}: {_NONE}")
        shown.add_component(note)
    return str(shown.to_ical(), "utf-8")


def end_words(workspace: str, end: RetentionEnd) -> str:
    """What happens, in words."""
    if end.what == "name_free":
        return f"image name {visible(end.name or '')} can be used again"
    packages = counted(end.packages, "package")
    if end.what == "charging_stops":
        return f"charging for repository {visible(end.repository or '')} ends ({packages})"
    return f"the deleted contents of workspace {visible(workspace)} expire ({packages})"


def _uid(workspace: str, end: RetentionEnd) -> str:
    """The identity of an event, whatever its date."""
    return _uuid(workspace, end.what, end.repository, end.name, end.deleted_at)


def _uuid(*named: object) -> str:
    """As RFC 7986 recommends."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, json.dumps(["acct.calendar/1", *named])))


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(min(seconds, LAST), UTC)
