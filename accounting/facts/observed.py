"""From what a database shows at one instant to the events that it brings: a small state machine for each subject.

A subject is a workspace, a repository or a package, named as events name it. A database shows each once, or several
times where it was deleted and made again; the events of the collections before say what is known.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from accounting.errors import AcctError

_KINDS = ("workspace", "repository", "package")


class Row(NamedTuple):
    """A row of a database's answer: a package, a repository where it names none, a workspace where it names neither."""

    workspace: str
    repository: str | None
    format: str | None
    package: str | None
    deleted_at: int | None
    created_at: int | None


class Known(NamedTuple):
    """An event that a collection before has recorded."""

    subject: str
    kind: str
    workspace: str
    format: str | None
    package: str | None
    slug: str | None
    verb: str
    occurred_at: int
    event_id: str


class Event(NamedTuple):
    """An event that a collection brings; `slug` is a repository's own, or the one that a package is linked to."""

    event_id: str
    occurred_at: int
    kind: str
    verb: str
    workspace: str
    format: str | None
    package: str | None
    slug: str | None


class _Shown(NamedTuple):
    slug: str | None
    created_at: int | None


class _Brought(NamedTuple):
    """New of a subject, in the order of the deletion that ends its life (None: it is there) and of its step."""

    life: int | None
    step: int
    verb: str
    occurred_at: int
    slug: str | None

    @property
    def order(self) -> tuple[bool, int, int]:
        return (self.life is None, self.life or 0, self.step)


@dataclass
class _Subject:
    """What is known of a subject, what is shown of it by instant of deletion (None: it is there), and what is new."""

    kind: str
    workspace: str
    format: str | None
    package: str | None
    own_slug: str | None
    known: list[Known] = field(default_factory=list)
    shown: dict[int | None, _Shown] = field(default_factory=dict)
    brought: list[_Brought] = field(default_factory=list)
    vanished: bool = False

    @property
    def was_there(self) -> bool:
        states = [(each.occurred_at, each.event_id, each.verb) for each in self.known if each.verb != "linked"]
        return bool(states) and max(states)[2] != "deleted"


@dataclass
class Observation:
    """A database's rows at `observed_at`, and what the collections up to `observed_before` (None: none) recorded."""

    observed_at: int
    observed_before: int | None
    subjects: dict[str, _Subject] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Iterable[Row], known: Iterable[Known], observed_at: int, observed_before: int | None,
           source: str) -> "Observation":  # fmt: skip
        """Raises AcctError where two rows link one package to different repositories."""
        found = cls(observed_at, observed_before)
        for event in known:
            own = event.slug if event.kind == "repository" else None
            made = _Subject(event.kind, event.workspace, event.format, event.package, own)
            found.subjects.setdefault(event.subject, made).known.append(event)
        for row in sorted(rows, key=lambda row: tuple(str(value or "") for value in row)):
            found._show(row, source)
        for name in sorted(found.subjects):
            _bring_lives(found.subjects[name], found)
        return found

    @property
    def were_there(self) -> int:
        """How many subjects were there by the events of the collections before."""
        return sum(subject.was_there for subject in self.subjects.values())

    @property
    def vanished(self) -> int:
        """How many of them have no row any more."""
        return sum(subject.vanished for subject in self.subjects.values())

    def events(self) -> Iterator[Event]:
        """The new events. At one instant the ids put repositories before the packages that link to them."""
        links = {name: link for name in self.subjects if (link := self._link_of(name))}
        for name, subject in sorted(self.subjects.items()):
            brought = sorted(subject.brought, key=lambda each: each.order)
            brought += [links[name]] if name in links else []
            for number, each in enumerate(brought, 1 + len(subject.known)):
                event_id = f"{1 + _KINDS.index(subject.kind)}-{number:06} {each.verb} {name}"
                slug = subject.own_slug or (each.slug if subject.kind == "package" else None)
                yield Event(event_id, each.occurred_at, subject.kind, each.verb, subject.workspace, subject.format,
                            subject.package, slug)  # fmt: skip

    def _show(self, row: Row, source: str) -> None:
        kind = "package" if row.package is not None else "repository" if row.repository is not None else "workspace"
        names = [row.workspace, row.repository if kind == "repository" else None, row.format, row.package]
        name = "/".join(each for each in names if each is not None)
        own = row.repository if kind == "repository" else None
        subject = self.subjects.setdefault(name, _Subject(kind, row.workspace, row.format, row.package, own))
        # What is to be deleted after the instant of the collection is there.
        deleted_at = row.deleted_at if row.deleted_at is not None and row.deleted_at <= self.observed_at else None
        created = [] if row.created_at is None else [row.created_at, self.observed_at]
        before = subject.shown.get(deleted_at, _Shown(None, None))
        slugs = sorted({before.slug, row.repository} - {None}, key=str)
        if len(slugs) > 1:
            raise AcctError(
                f"source {source}",
                f"two rows link {name} to different repositories, {slugs[0]} and {slugs[1]}",
                "correct the query of the source",
            )
        created += [] if before.created_at is None else [before.created_at]
        created += [deleted_at] if created and deleted_at is not None else []
        subject.shown[deleted_at] = _Shown(slugs[0] if slugs else None, min(created, default=None))

    def _link_of(self, name: str) -> _Brought | None:
        """The link of a package where it is another one than its events say.

        A link counts from the collection that shows it; but what was created in a repository that was created again
        goes to the new one as soon as that is there.
        """
        subject = self.subjects[name]
        if subject.kind != "package" or not subject.shown:
            return None
        slug = subject.shown[_latest(subject.shown)].slug
        if slug is None:
            return None
        links = [
            (each.occurred_at, 1, each.event_id, (True, 0, 0), each.slug or "") for each in subject.known if each.slug
        ]
        created = [each for each in subject.brought if each.verb == "created" and each.slug]
        links += [(each.occurred_at, 2, "", each.order, each.slug or "") for each in created]
        known = max(links)[4] if links else None
        repository = self.subjects.get(f"{subject.workspace}/{slug}")
        again = [each.occurred_at for each in (repository.brought if repository else ()) if each.verb == "created"
                 and each.step > 1]  # fmt: skip
        if known != slug:
            return _Brought(None, 5, "linked", self.observed_at, slug)
        if created and self.observed_before is not None and again and max(links)[0] < max(again):
            return _Brought(None, 5, "linked", max(again), slug)
        return None


def _latest(shown: dict[int | None, _Shown]) -> int | None:
    return None if None in shown else max(deleted_at for deleted_at in shown if deleted_at is not None)


def _bring_lives(subject: _Subject, observation: Observation) -> None:
    """Of a subject seen for the first time its creation, then each deletion that no collection has seen, and before a
    deletion of what is deleted already what brought it back in between: else the first deletion would count (RULES,
    section 3). At the end, what puts right that it is there or is not."""
    deleted = sorted(deleted_at for deleted_at in subject.shown if deleted_at is not None)
    states = [(e.occurred_at, 2, e.event_id, e.verb) for e in subject.known if e.verb != "linked"]
    if not subject.known:
        first = subject.shown[deleted[0] if deleted else None]
        # Not there at the collection before; or, at the first collection, there all along.
        since = first.created_at if first.created_at is not None else observation.observed_before or 0
        created_at = min([since, *deleted[:1]])
        subject.brought.append(_Brought(created_at, 1, "created", created_at, first.slug))
        states.append((created_at, 1, "", "created"))
    seen = {each.occurred_at for each in subject.known if each.verb == "deleted"}
    new = [deleted_at for deleted_at in deleted if deleted_at not in seen]
    timeline = sorted([*states, *((deleted_at, 3, "", "deleted") for deleted_at in new)])
    for before, (deleted_at, origin, _, _) in zip([None, *timeline], timeline, strict=False):
        if origin == 3 and before is not None and before[3] == "deleted":
            subject.brought.append(_return(subject, before[0], deleted_at, deleted_at, 2))
        if origin == 3:
            subject.brought.append(_Brought(deleted_at, 3, "deleted", deleted_at, None))
    _put_right(subject, observation, bool(new))


def _put_right(subject: _Subject, observation: Observation, newly_deleted: bool) -> None:
    known = [(e.occurred_at, 1, e.event_id, (True, 0, 0), e.verb) for e in subject.known if e.verb != "linked"]
    latest = max([*known, *((e.occurred_at, 2, "", e.order, e.verb) for e in subject.brought)])
    is_there, was_deleted = None in subject.shown, latest[4] == "deleted"
    if is_there and was_deleted:
        subject.brought.append(_return(subject, latest[0], None, observation.observed_at, 4))
    elif not is_there and not was_deleted:
        # What has no row any more was deleted when it was last seen.
        at = latest[0] if newly_deleted or observation.observed_before is None else observation.observed_before
        subject.vanished = not newly_deleted
        subject.brought.append(_Brought(None, 4, "deleted", at, None))


def _return(subject: _Subject, before: int, life: int | None, at: int, step: int) -> _Brought:
    """What brought a subject back that was deleted at `before`: beside the row of that deletion the row of this life is
    another subject's; without it, it is that row changed."""
    shown = subject.shown[life]
    later = shown.created_at is not None and shown.created_at > before
    if before not in subject.shown and not later:
        return _Brought(life, step, "restored", at, None)
    since = shown.created_at
    return _Brought(life, step, "created", since if since is not None and since >= before else at, shown.slug)
