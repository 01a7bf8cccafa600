import os

STATE = {"mode": "safe"}


def test_leaves_two_things():
    os.environ["SPECIMEN_MODE"] = "fast"
    STATE["mode"] = "fast"


def test_minds_one():
    assert STATE["mode"] == "safe"


def test_minds_any():
    assert "fast" not in (STATE["mode"], os.environ.get("SPECIMEN_MODE"))


def test_leaves_what_nobody_minds():
    os.environ["SPECIMEN_OTHER"] = "it"
