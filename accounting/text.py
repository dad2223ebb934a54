"""Names, sizes and money as people read them; whatever a name holds, it is shown and never obeyed."""

from collections.abc import Sequence
from fractions import Fraction


def visible(text: str) -> str:
    r"""Control characters, line ends and bidirectional controls shown as escapes.

    >>> print(visible("a\x1b[31m\u202eb"))
    a\x1b[31m\u202eb
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def money(minor: int, digits: int) -> str:
    """Minor units as exact digits.

    >>> money(848, 2), money(7, 0), money(-1, 3)
    ('8.48', '7', '-0.001')
    """
    whole, rest = divmod(abs(minor), 10**digits)
    return f"{'-' if minor < 0 else ''}{whole}" + (f".{rest:0{digits}}" if digits else "")


def counted(number: int, thing: str) -> str:
    """
    >>> counted(1, "reference"), counted(1200, "reference")
    ('1 reference', '1,200 references')
    """
    return f"{number:,} {thing}" + ("" if number == 1 else "s")


def unseen(subjects: Sequence[str]) -> str:
    """The end of a sentence about packages that no snapshot holds.

    >>> unseen([]), unseen(["acme/npm/ui", "acme/npm/web"])
    ('', '; 2 packages are in no snapshot, such as acme/npm/ui: check how they are named')
    """
    if not subjects:
        return ""
    number = "1 package is" if len(subjects) == 1 else f"{len(subjects):,} packages are"
    return f"; {number} in no snapshot, such as {visible(subjects[0])}: check how they are named"


def decimal(value: Fraction, digits: int) -> str:
    """A quantity to so many decimals, rounded half away from zero, with thousands set apart.

    >>> decimal(Fraction(12345678, 1000), 2), decimal(Fraction(-3, 2), 1)
    ('12,345.68', '-1.5')
    """
    scaled = (2 * abs(value.numerator) * 10**digits + value.denominator) // (2 * value.denominator)
    whole, rest = divmod(scaled, 10**digits)
    return f"{'-' if value < 0 and scaled else ''}{whole:,}.{rest:0{digits}}"


def size(size_bytes: int) -> str:
    """A size in decimal units, to a person's precision.

    >>> size(999), size(1_500_000)
    ('999 B', '1.50 MB')
    """
    for power, unit in ((5, "PB"), (4, "TB"), (3, "GB"), (2, "MB"), (1, "kB")):
        if size_bytes >= 1000**power:
            return f"{decimal(Fraction(size_bytes, 1000**power), 2)} {unit}"
    return f"{size_bytes} B"
