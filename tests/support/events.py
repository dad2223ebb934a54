"""The events of a registry."""

from typing import Any


def event(number: int | str, kind: str, subject: str, at: str, **data: str) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "source": "hub",
        "id": str(number),
        "time": at,
        "type": f"registry.{kind}",
        "subject": subject,
        "data": data,
    }
