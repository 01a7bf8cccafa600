"""A victim in a project whose options shuffle, spread, rerun, measure, stop early and write files."""

import pytest

MODE = {"mode": "safe"}


def test_a_reads_mode():
    assert MODE["mode"] == "safe"


@pytest.mark.flaky(reruns=2)
def test_b_sets_mode():
    MODE["mode"] = "fast"


def test_c_measures(benchmark):
    assert benchmark(sum, [1, 2]) == 3


def test_d_fails_last():
    assert MODE["mode"] == "no mode"
