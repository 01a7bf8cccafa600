"""The benchmark gate: is the code as fast as it was.

settings.py     what pyproject.toml says (pure)
processes.py    runs the benchmarks once, in a process of their own; measured.py reads what pytest-benchmark wrote
record.py       measures and stores; baseline.py compares this run with the last one of the same machine
sides.py        two revisions, each in a folder and an environment of its own
plan.py         in which order their processes run (pure)
judge.py        the statistics (pure)
series.py       rounds until everything is decided; who looks slower is measured again
instructions.py a second signal: machine instructions under valgrind
names.py        benchmarks that are missing, renamed or new (pure)
against.py      all of that, from a revision to a verdict
report.py       the verdict, for people and programs (pure)
"""
