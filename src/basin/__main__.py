"""`python -m basin` is `basin`."""

import sys

from basin.cli import main

sys.exit(main())
