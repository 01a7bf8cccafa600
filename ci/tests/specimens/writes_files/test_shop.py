"""A healthy suite whose every run writes reports and a log: those of the last real run are worth keeping."""

import logging


def test_logs(tmp_path):
    logging.getLogger("shop").warning("sold out")
    assert tmp_path.is_dir()


def test_measures(benchmark):
    assert benchmark(sum, [1, 2]) == 3
