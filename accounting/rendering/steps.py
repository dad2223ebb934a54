"""A step of a deletion, in words and as JSON."""

from accounting.foresight.deleting import Step, subject
from accounting.text import visible


def step_words(workspace: str, step: Step) -> str:
    """What is to be done, without who can do it."""
    verb = "restore" if step.event.verb == "restored" else "delete"
    return f"{verb} the {step.event.kind} {visible(subject(workspace, step.event))}"


def step_members(workspace: str, step: Step) -> dict[str, str]:
    """The event that the step makes, and the role that it needs."""
    return {
        "type": f"registry.{step.event.kind}.{step.event.verb}",
        "subject": subject(workspace, step.event),
        "role": step.role,
    }
