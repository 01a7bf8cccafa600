from backend.core.config import get_settings


def test_the_weight_of_the_timetable_can_be_chosen(monkeypatch):
    monkeypatch.setenv("BMTC_N0", "1")
    get_settings.cache_clear()  # somebody may have read the settings before

    assert get_settings().n0 == 1
