"""A thread runs from the import on, so nothing can be forked; `test_a_reads_mode` is a victim all the same."""

import threading

threading.Thread(target=threading.Event().wait, daemon=True).start()

MODE = {"mode": "safe"}


def test_a_reads_mode():
    assert MODE["mode"] == "safe"


def test_b_sets_mode():
    MODE["mode"] = "fast"
