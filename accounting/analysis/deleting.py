"""What is to be deleted, as the ledger shows it at an instant, and the steps that delete it, with the role each needs.

Roles are those of Bitbucket's documentation, "Delete a container image and tag": of a repository, Admin deletes
packages, Write their versions. Packages of a deleted repository are inaccessible until it is restored.
"""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from accounting.analysis.scenario import Supposed
from accounting.errors import AcctError
from accounting.ledger import View
from accounting.text import nearest_package

Kind = Literal["repository", "workspace", "package"]

REPOSITORY_ADMIN = "repository admin"
REPOSITORY_WRITE = "repository write"
WORKSPACE_ADMIN = "workspace admin"
SUPPORT = "the registry's support"  # whoever brings back what is deleted


@dataclass(frozen=True)
class PresentPackage:
    """A package at an instant, that is neither deleted itself nor expired.

    `kept_until` is when the retention of its repository ends, where that is deleted. `of_present_repository`: it is
    linked to the repository that bears the slug now, not to one before. `stored_bytes` are those of its blobs, each
    once: 0 where no snapshot holds it any more, though no event deleted it, so that it may be there all the same.
    """

    package_id: int
    format: str
    name: str
    state: str
    charged: bool
    slug: str | None
    of_present_repository: bool
    kept_until: int | None
    stored_bytes: int


@dataclass(frozen=True)
class Target:
    """What is to be deleted: a workspace, a repository by its slug, or a package as FORMAT/NAME.

    `deleted` tells whether it is deleted itself, or expired; `kept_until` when the retention of that, or of its
    repository's deletion, ends.
    """

    kind: Kind
    name: str
    deleted: bool
    packages: tuple[PresentPackage, ...]
    kept_until: int | None = None


@dataclass(frozen=True)
class Step:
    """One deletion or restoration: the event that it makes, and the role that it needs."""

    event: Supposed
    role: str


def target_of(view: View, kind: Kind, workspace: str, name: str) -> Target:
    """What is to be deleted, at the instant of the view.

    Raises AcctError for a repository or a package that no evidence names up to then.
    """
    if kind == "repository":
        return _repository(view, workspace, name)
    if kind == "package":
        return _package(view, workspace, name)
    rows = view.rows(
        "SELECT d.kept_until FROM deletions AS d JOIN periods AS p"
        " ON d.kind = 'workspace' AND d.deleted_at <= p.period_from AND p.period_from < d.restored_at"
    )
    kept_until = rows[0][0] if rows else None
    return Target("workspace", workspace, bool(rows), _packages(view), kept_until)


def _repository(view: View, workspace: str, slug: str) -> Target:
    found = dict(view.rows("SELECT slug, kept_until FROM present_repositories ORDER BY slug"))
    if slug not in found:
        raise _unknown("repository", workspace, slug, list(found))
    inside = tuple(p for p in _packages(view) if p.slug == slug and p.of_present_repository)
    return Target("repository", slug, found[slug] is not None, inside, found[slug])


def _package(view: View, workspace: str, name: str) -> Target:
    names = view.rows("SELECT format || '/' || name, state FROM present_packages ORDER BY ALL")
    if name not in dict(names):
        raise _unknown("package", workspace, name, [known for known, _ in names])
    packages = tuple(p for p in _packages(view) if f"{p.format}/{p.name}" == name)
    return Target("package", name, not packages, packages, packages[0].kept_until if packages else None)


def _packages(view: View) -> tuple[PresentPackage, ...]:
    sql = (
        "SELECT * EXCLUDE (workspace_id) FROM present_packages WHERE state NOT IN ('package_deleted', 'expired')"
        " ORDER BY format, name"
    )
    return tuple(view.records(PresentPackage, sql))


def _unknown(kind: str, workspace: str, name: str, known: Sequence[str]) -> AcctError:
    near = (
        nearest_package(name, known) if kind == "package" else next(iter(difflib.get_close_matches(name, known)), None)
    )
    some = ", ".join(known[:3]) + (f" and {len(known) - 3:,} more" if len(known) > 3 else "")
    return AcctError(
        f"{kind} {workspace}/{name}",
        "no snapshot and no event names it",
        f"did you mean {near}?" if near else f"the workspace has {some or 'none'}",
    )


def bytes_at_stake(view: View, target: Target) -> tuple[int, int]:
    """Of what the target's packages hold: what no other charged package holds, and what others hold too."""
    packages = [package.package_id for package in target.packages]
    view.give("proposed_packages", "SELECT unnest(?::INTEGER[]) AS package_id", [packages])
    unique, shared = view.rows(
        "SELECT coalesce(sum(size_bytes::HUGEINT) FILTER (WHERE others = 0), 0),"
        " coalesce(sum(size_bytes::HUGEINT) FILTER (WHERE others > 0), 0) FROM bytes_at_stake"
    )[0]
    return int(unique), int(shared)


def served_sources(view: View, packages: Sequence[PresentPackage] | None = None) -> tuple[str, ...]:
    """The sources that show what an API serves, and something of the workspace's live packages or of these, by name."""
    rows = view.rows(
        "SELECT DISTINCT s.name FROM sources AS s JOIN holdings AS h USING (source_id) JOIN present_packages AS p"
        " USING (package_id) WHERE s.served AND h.valid_until IS NULL AND p.state = 'live'"
        " AND ($1::INTEGER[] IS NULL OR p.package_id IN (SELECT unnest($1))) ORDER BY s.name",
        [None if packages is None else [package.package_id for package in packages]],
    )
    return tuple(name for (name,) in rows)


def deleted_repositories(view: View) -> list[Target]:
    """The deleted repositories of which packages are charged at the instant of the view, by slug.

    One slug may stand for two: a deleted repository, and the one that bears its name now and is deleted too.
    """
    inside: dict[tuple[str, bool], list[PresentPackage]] = {}
    for package in _packages(view):
        if package.state == "repository_deleted" and package.charged and package.slug is not None:
            inside.setdefault((package.slug, package.of_present_repository), []).append(package)
    return [
        Target("repository", slug, True, tuple(packages), packages[0].kept_until)
        for (slug, _), packages in sorted(inside.items())
    ]


def packages_first(target: Target) -> tuple[Step, ...]:
    """The packages, then what they are in; deleted repositories are restored before and deleted again after."""
    slugs = sorted({p.slug for p in target.packages if p.slug and p.kept_until is not None and p.of_present_repository})
    steps = [Step(Supposed("repository", "restored", slug=slug), SUPPORT) for slug in slugs]
    steps += [Step(Supposed("package", "deleted", p.format, p.name), _role(p)) for p in target.packages]
    steps += [Step(Supposed("repository", "deleted", slug=slug), REPOSITORY_ADMIN) for slug in slugs]
    if target.kind == "workspace" and target.deleted:
        gone = itself(replace(target, deleted=False))
        return (Step(Supposed("workspace", "restored"), SUPPORT), *steps, *gone)
    return (*steps, *itself(target))


def itself(target: Target) -> tuple[Step, ...]:
    """The repository or the workspace alone, whatever is in it; no step where it is deleted already."""
    if target.deleted or target.kind == "package":
        return ()
    if target.kind == "workspace":
        return (Step(Supposed("workspace", "deleted"), WORKSPACE_ADMIN),)
    return (Step(Supposed("repository", "deleted", slug=target.name), REPOSITORY_ADMIN),)


def _role(package: PresentPackage) -> str:
    """Who can delete it; what is in a deleted repository that cannot be restored is out of everybody's reach."""
    if package.kept_until is not None and not package.of_present_repository:
        return SUPPORT
    return WORKSPACE_ADMIN if package.slug is None else REPOSITORY_ADMIN


def subject(workspace: str, event: Supposed) -> str:
    """The subject of an event (RULES, section 3)."""
    names = {"workspace": (), "repository": (event.slug,), "package": (event.format, event.package)}[event.kind]
    return "/".join((workspace, *(name or "" for name in names)))
