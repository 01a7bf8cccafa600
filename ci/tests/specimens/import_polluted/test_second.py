import os

os.environ["SPECIMEN_MODE"] = "second"


def test_second_reads_its_mode():
    assert os.environ["SPECIMEN_MODE"] == "second"
