"""`python -m shakeproof.gates.mutants`."""

import sys

from shakeproof.gates.mutants.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
