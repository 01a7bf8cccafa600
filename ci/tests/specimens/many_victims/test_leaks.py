"""Seven ways to leak, each with one victim: every victim stands before its polluter, so the declared order is green."""

import decimal
import logging
import math
import os
import sys
import types
from pathlib import Path

import pytest

import colours


def test_a_environment():
    assert "APP_MODE" not in os.environ


def test_b_environment(monkeypatch):
    os.environ["APP_MODE"] = "fast"


def test_c_directory():
    assert Path("colours.py").exists()


def test_d_directory(tmp_path):
    os.chdir(tmp_path)


def test_e_logging(caplog):
    logging.getLogger("shop").warning("sold out")
    assert "sold out" in caplog.text


def test_f_logging():
    logging.disable(logging.CRITICAL)


def test_g_precision():
    assert decimal.Decimal(1) / decimal.Decimal(8) == decimal.Decimal("0.125")


def test_h_precision():
    decimal.getcontext().prec = 1


def test_i_patch():
    assert math.floor(1.5) == 1


def test_j_patch():
    math.floor = lambda number: 0


def test_k_module():
    import colours as again

    assert again is colours


def test_l_module():
    sys.modules["colours"] = types.ModuleType("colours")


class Shop:
    opened = []


@pytest.fixture
def closed_shop():
    assert not Shop.opened, "left open"
    return Shop


def test_m_fixture(closed_shop):
    assert closed_shop is Shop


def test_n_fixture():
    Shop.opened.append("door")
