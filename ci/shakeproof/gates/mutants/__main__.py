"""`python -m shakeproof.gates.mutants`."""

import os
import sys

from shakeproof.gates.mutants.command import main

NICENESS = 10  # mutants run for many minutes and nobody waits for them

if __name__ == "__main__":
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    sys.exit(main(sys.argv[1:]))
