"""Lifecycle events from a file of CloudEvents 1.0, JSON Lines or a JSON array, read by DuckDB's own reader.

The file is not read here: `relation` returns the SELECT that reads it, with the parts of each event and, if it cannot
be imported, the problem with it.
"""

from collections.abc import Iterable
from pathlib import Path

from accounting.collectors.files.json_lines import elements, is_array, objects
from accounting.instants import EPOCH_SECONDS, INSTANT
from accounting.model import FORMATS

VERBS = {
    "workspace": ("created", "deleted", "restored", "plan_changed"),
    "repository": ("created", "deleted", "restored"),
    "package": ("created", "linked", "deleted", "restored"),
}
_MEMBERS = ("type", "specversion", "id", "source", "subject", "time")


def relation(file: Path) -> str:
    """SELECT line_number, problem, foreign_type and the parts of each event (RULES, section 3).

    Raises AcctError if the file cannot be opened, and for an array without an end. One row per line that is not
    blank, or per element of a JSON array, with its number as `line_number`: event_source, event_id,
    occurred_at (epoch seconds), kind, verb, workspace, format and package (of a package event), slug (of a
    repository event its own, of a package event the linked one) and plan. `foreign_type` is true for types that do
    not begin with `registry.`.
    """
    read = elements(file) if is_array(file) else objects(file)
    formats = _list(FORMATS)
    types = _list(f"registry.{kind}.{verb}" for kind, verbs in VERBS.items() for verb in verbs)
    members = ", ".join(
        f"CASE WHEN json_type(event, '$.{name}') = 'VARCHAR' THEN event->>'$.{name}' END AS {name}" for name in _MEMBERS
    )
    return f"""
    WITH members AS (SELECT line_number, object AS event FROM ({read})),
    parts AS (
        SELECT line_number, event,
               {members},
               event->>'$.data.repository' AS repository, event->>'$.data.plan' AS plan,
               coalesce(json_type(event, '$.data.repository'), 'NULL') AS repository_type,
               coalesce(json_type(event, '$.data.plan'), 'NULL') AS plan_type
        FROM members
    ),
    named AS (
        SELECT *, split_part(type, '.', 2) AS kind, split_part(type, '.', 3) AS verb,
               split_part(subject, '/', 1) AS workspace,
               substr(subject, length(split_part(subject, '/', 1)) + 2) AS rest,
               CASE WHEN regexp_full_match(time, '{INSTANT}') THEN TRY_CAST(upper(time) AS TIMESTAMPTZ) END AS instant
        FROM parts
    )
    SELECT line_number, NOT starts_with(type, 'registry.') AS foreign_type,
           source AS event_source, id AS event_id, {EPOCH_SECONDS} AS occurred_at,
           kind, verb, workspace,
           CASE WHEN kind = 'package' THEN split_part(rest, '/', 1) END AS format,
           CASE WHEN kind = 'package' THEN substr(rest, length(split_part(rest, '/', 1)) + 2) END AS package,
           CASE WHEN kind = 'repository' THEN rest
                WHEN kind = 'package' AND verb IN ('created', 'linked') THEN repository END AS slug,
           CASE WHEN verb = 'plan_changed' THEN plan END AS plan,
           CASE
               WHEN event IS NULL THEN 'is not a JSON object'
               WHEN type IS NULL THEN 'the member type is missing'
               WHEN foreign_type THEN NULL
               WHEN specversion IS NULL THEN 'the member specversion is missing'
               WHEN specversion <> '1.0' THEN 'the specversion ''' || specversion || ''' is not 1.0'
               WHEN coalesce(id, '') = '' THEN 'the member id is missing'
               WHEN coalesce(source, '') = '' THEN 'the member source is missing'
               WHEN subject IS NULL THEN 'the member subject is missing'
               WHEN time IS NULL THEN 'the member time is missing'
               WHEN type NOT IN ({types}) THEN 'the event type ''' || type || ''' is unknown'
               WHEN instant IS NULL THEN 'the time ''' || time || ''' is not an ISO 8601 instant with an offset'
               WHEN workspace = '' OR CASE kind
                   WHEN 'workspace' THEN contains(subject, '/')
                   WHEN 'repository' THEN rest = '' OR contains(rest, '/')
                   ELSE format NOT IN ({formats}) OR package = '' END
                   THEN 'the subject ''' || subject || ''' does not name a ' || kind
               WHEN verb = 'plan_changed' AND (plan_type <> 'VARCHAR' OR plan = '')
                   THEN 'the member data.plan is missing'
               WHEN kind = 'package' AND repository_type NOT IN ('VARCHAR', 'NULL') OR repository = ''
                   THEN 'the member data.repository is not a slug'
           END AS problem
    FROM named"""


def _list(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)
