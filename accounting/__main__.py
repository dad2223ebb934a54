"""`python -m accounting` is `acct`."""

import sys

from accounting.commands import main

sys.exit(main())
