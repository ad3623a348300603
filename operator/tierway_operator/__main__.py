"""Start the operator of one release: `python -m tierway_operator`."""

import sys

from tierway_operator.command import main

sys.exit(main())
