"""`python -m accounting` is `acct`; an interrupt during the imports ends it as quietly as a later one."""

import sys


def main() -> int:
    """Run one command and return its exit status."""
    try:
        from accounting.commands import main as run
    except KeyboardInterrupt:
        return 130
    return run()


if __name__ == "__main__":
    sys.exit(main())
