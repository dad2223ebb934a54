"""Names, sizes and money as people read them; control characters in a name are shown and never take effect."""

import difflib
import re
from collections.abc import Sequence
from fractions import Fraction

_NAME_LENGTH, _TEXT_LENGTH = 300, 1_000
_LONG_NAME = re.compile(rf"\S{{{_NAME_LENGTH + 1},}}")
# What ASVS 1.2.10 lists, line ends, the full-width forms that some spreadsheets treat alike, and the escape itself.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\0", "\r", "\n", "＝", "＋", "－", "＠", "'")


def visible(text: str) -> str:
    r"""The text with control characters, line ends and bidirectional controls shown as escapes.

    >>> print(visible("a\x1b[31m\u202eb"))
    a\x1b[31m\u202eb
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def shortened(text: str) -> str:
    """A text for people: names that are too long to read, and the text if it is too long, are cut in the middle.

    >>> shortened(f"the file /data/{'a' * 200_000}.csv is empty").replace("aaaaaaaaaa", "")
    'the file /data/aaaa…aaaaaa.csv is empty'
    """
    return _cut(_LONG_NAME.sub(lambda name: _cut(name[0], _NAME_LENGTH), text), _TEXT_LENGTH)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length // 2]}…{text[-length // 2 :]}"


def formula_safe(text: str) -> str:
    """The text for a cell of a CSV file, with a `'` before a text that a spreadsheet would run as a formula.

    A text that begins with a `'` gets one too, so that removing one `'` from the start of every text that has it
    restores all of them exactly.

    >>> formula_safe("=1+1"), formula_safe("a-b"), formula_safe("'s")
    ("'=1+1", 'a-b', "''s")
    """
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def money(minor: int, digits: int) -> str:
    """Minor units as exact digits.

    >>> money(123456, 2), money(7, 0), money(-1, 3)
    ('1234.56', '7', '-0.001')
    """
    return _in_units(minor, digits, "d")


def shown_money(minor: int, digits: int) -> str:
    """Minor units as people read them: exact, with thousands separators.

    >>> shown_money(123456, 2), shown_money(-1000, 0)
    ('1,234.56', '-1,000')
    """
    return _in_units(minor, digits, ",")


def _in_units(minor: int, digits: int, whole_as: str) -> str:
    whole, rest = divmod(abs(minor), 10**digits)
    return f"{'-' if minor < 0 else ''}{whole:{whole_as}}" + (f".{rest:0{digits}}" if digits else "")


def digits(value: Fraction, least: int = 1) -> str:
    """All digits of a finite decimal, at least `least` of them after the point, so that no program reads an integer.

    >>> digits(Fraction(1, 8)), digits(Fraction(-30)), digits(Fraction(1, 10**12)), digits(Fraction(1, 4), 3)
    ('0.125', '-30.0', '0.000000000001', '0.250')
    """
    decimals = least
    while value.denominator != 1 and 10**decimals % value.denominator:
        decimals += 1
    return money(value.numerator * 10**decimals // value.denominator, decimals)


def counted(number: int, thing: str) -> str:
    """
    >>> counted(1, "reference"), counted(1200, "reference"), counted(2, "copy"), counted(0, "key")
    ('1 reference', '1,200 references', '2 copies', '0 keys')
    """
    things = re.sub("(?<![aeo])y$", "ie", thing) + "s"
    return f"{number:,} {thing if number == 1 else things}"


def unseen(subjects: Sequence[str]) -> str:
    """The end of a note about packages that no snapshot contains.

    >>> unseen([]), unseen(["acme/npm/ui", "acme/npm/web"])
    ('', '; 2 packages are in no snapshot, such as acme/npm/ui: check their names')
    """
    if not subjects:
        return ""
    if len(subjects) == 1:
        return f"; 1 package is in no snapshot, {visible(subjects[0])}: check its name"
    return (
        f"; {counted(len(subjects), 'package')} are in no snapshot, such as {visible(subjects[0])}: check their names"
    )


def decimal(value: Fraction, digits: int) -> str:
    """A quantity to so many decimals, rounded half away from zero, with thousands separators.

    >>> decimal(Fraction(12345678, 1000), 2), decimal(Fraction(-3, 2), 1)
    ('12,345.68', '-1.5')
    """
    scaled = (2 * abs(value.numerator) * 10**digits + value.denominator) // (2 * value.denominator)
    whole, rest = divmod(scaled, 10**digits)
    return f"{'-' if value < 0 and scaled else ''}{whole:,}.{rest:0{digits}}"


def nearest_package(name: str, known: Sequence[str]) -> str | None:
    """The package (FORMAT/NAME) that was probably meant, by a similar name or a name without its format; else None.

    >>> packages = ["container/team/api", "container/web", "npm/ui"]
    >>> [nearest_package(name, packages) for name in ("web", "container/wbe", "team/ap", "container/nope")]
    ['container/web', 'container/web', 'container/team/api', None]
    """
    same_format = [package for package in known if package.startswith(name.partition("/")[0] + "/")]
    names = {package.partition("/")[2]: package for package in reversed(same_format or known)}
    near = difflib.get_close_matches(name.partition("/")[2] if same_format else name, names, n=1)
    return names[near[0]] if near else None


def in_words(words: Sequence[str]) -> str:
    """
    >>> in_words(["a"]), in_words(["a", "b"]), in_words(["a", "b", "c"])
    ('a', 'a and b', 'a, b and c')
    """
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def places(quantity: Fraction) -> int:
    """How many decimals, in steps of three, show three significant digits of a quantity; at most twelve.

    >>> places(Fraction(20)), places(Fraction(1, 100)), places(Fraction(1, 10**5))
    (3, 6, 9)
    """
    return next((n for n in (3, 6, 9) if abs(quantity) * 10 ** (n - 3) >= 1), 12) if quantity else 3


def size(size_bytes: int) -> str:
    """A size in decimal units, with two decimals.

    >>> size(999), size(1_500_000)
    ('999 B', '1.50 MB')
    """
    for power, unit in ((5, "PB"), (4, "TB"), (3, "GB"), (2, "MB"), (1, "kB")):
        if size_bytes >= 1000**power:
            return f"{decimal(Fraction(size_bytes, 1000**power), 2)} {unit}"
    return f"{size_bytes} B"
