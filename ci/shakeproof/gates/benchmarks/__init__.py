"""The benchmark gate: is the code as fast as it was.

settings.py     what pyproject.toml says (pure)
processes.py    runs the benchmarks once, in a process of their own; measured.py reads what pytest-benchmark wrote
record.py       measures and stores; baseline.py compares this run with the last one of the same machine
revisions.py    which revision is compared with the working tree
sides.py        both of them, each in a folder and an environment of its own
common.py       the benchmarks that both have and pass
plan.py         in which order their processes run, and whose turn it is (pure)
together.py     measures on all sides at the same moment, call by call in turn
series.py       rounds until everything is decided; who looks slower is measured again
judge.py        the statistics (pure)
instructions.py a second signal: machine instructions under valgrind
names.py        benchmarks that are missing, renamed or new (pure)
against.py      all of that, from a revision to a verdict
report.py       the verdict, for people and programs (pure)
"""
