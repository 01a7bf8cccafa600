import os

os.environ["SPECIMEN_MODE"] = "third"


def test_third_reads_its_mode():
    assert os.environ["SPECIMEN_MODE"] == "third"
