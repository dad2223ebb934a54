"""A step of a deletion, in words and as JSON."""

from collections.abc import Sequence

from accounting.analysis.deleting import Step, subject
from accounting.text import in_words, visible


def step_words(workspace: str, step: Step) -> str:
    """What to do, without the role that it needs."""
    verb = "restore" if step.event.verb == "restored" else "delete"
    return f"{verb} the {step.event.kind} {visible(subject(workspace, step.event))}"


def snapshot_first(served_sources: Sequence[str]) -> str:
    """What to do before deleting something that a served source shows; empty without such sources."""
    if not served_sources:
        return ""
    names = in_words([visible(name) for name in served_sources])
    return (
        f"Take a snapshot of {names} just before the deletion. Afterwards the registry's API no longer shows a deleted"
        " repository, so anything uploaded after the latest snapshot stays unknown.\n"
    )


def step_members(workspace: str, step: Step) -> dict[str, str]:
    """The event that the step makes, and the role that it needs."""
    return {
        "type": f"registry.{step.event.kind}.{step.event.verb}",
        "subject": subject(workspace, step.event),
        "role": step.role,
    }
