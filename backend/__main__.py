"""The only place that reads the environment and the machine's clock: `python -m backend`."""

import os
import sys

from backend.core.clock import SystemClock
from backend.tools.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ, SystemClock()))
