"""A step of a deletion, in words and as JSON."""

from collections.abc import Sequence

from accounting.foresight.deleting import Step, subject
from accounting.text import in_words, visible


def step_words(workspace: str, step: Step) -> str:
    """What is to be done, without who can do it."""
    verb = "restore" if step.event.verb == "restored" else "delete"
    return f"{verb} the {step.event.kind} {visible(subject(workspace, step.event))}"


def snapshot_first(served_sources: Sequence[str]) -> str:
    """What to do before a deletion of what a registry's API shows; nothing where no source shows that."""
    if not served_sources:
        return ""
    names = in_words([visible(name) for name in served_sources])
    return (
        f"Take a snapshot of {names} just before the deletion: afterwards the registry's API shows nothing of a deleted"
        " repository, and what was uploaded since the latest snapshot is not known.\n"
    )


def step_members(workspace: str, step: Step) -> dict[str, str]:
    """The event that the step makes, and the role that it needs."""
    return {
        "type": f"registry.{step.event.kind}.{step.event.verb}",
        "subject": subject(workspace, step.event),
        "role": step.role,
    }
