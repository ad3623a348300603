"""Start one proxy: `python -m tierway_proxy`."""

import sys

from tierway_proxy.command import main

sys.exit(main())
