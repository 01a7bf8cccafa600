"""`test_b_fills` takes all the memory there is: it sets itself a limit first, and lifts it again."""

import resource
from pathlib import Path

import pytest

MARGIN = 32 << 20  # bytes more than the process has already


@pytest.fixture
def little_memory():
    before = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(
        resource.RLIMIT_AS, (pages * resource.getpagesize() + MARGIN, before[1])
    )
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


def test_a_before():
    assert True


def test_b_fills(little_memory):
    taken = []
    while True:
        taken.append(bytearray(1 << 20))


def test_c_after():
    assert bytearray(1 << 20)
