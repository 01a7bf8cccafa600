"""`python -m shakeproof.gates.coverage`."""

import sys

from shakeproof.gates.coverage.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
