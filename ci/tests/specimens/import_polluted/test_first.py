import os

os.environ["SPECIMEN_MODE"] = "first"


def test_first_reads_its_mode():
    assert os.environ["SPECIMEN_MODE"] == "first"
