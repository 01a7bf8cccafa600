"""`python -m shakeproof.gates.cost`."""

import sys

from shakeproof.gates.cost.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
