"""Patches of the standard library that are never undone: each has its victim here, and Shakeproof must not be another."""

import json
import os
import time


def test_a_json():
    assert json.dumps({"sold": 1}) == '{"sold": 1}'


def test_b_json():
    json.dumps = lambda *_, **__: "{}"


def test_c_process():
    assert os.getpid() > 0


def test_d_process():
    os.getpid = lambda: -1


def test_e_clock():
    assert time.perf_counter() != 0 and time.monotonic() != 0 and time.time() != 0


def test_f_clock():
    time.perf_counter = time.monotonic = time.time = lambda: 0


def test_g_files(tmp_path):
    with (tmp_path / "file").open("wb", buffering=0) as file:
        assert os.write(file.fileno(), b"text") == 4


def test_h_files():
    os.write = lambda file, data: 0
