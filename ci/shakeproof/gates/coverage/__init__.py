"""The coverage gate: what the tests execute of the code they are there for, branches included.

Data flows one way: settings -> measuring -> measured -> floors, changes, pragmas, worst -> verdict.
Only `measuring`, `sources`, `repository` and `command` do anything; the rest judges values.

    python -m shakeproof.gates.coverage SUITE --out reports/coverage-gate [--raise] [-- PYTEST_ARGS...]
"""
