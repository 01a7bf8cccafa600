"""`test_b_reads_nowhere` is ended by the operating system, in C."""

import ctypes


def test_a_before():
    assert True


def test_b_reads_nowhere():
    ctypes.string_at(0)


def test_c_after():
    assert True
