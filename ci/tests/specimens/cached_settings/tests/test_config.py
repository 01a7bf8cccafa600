from backend.core.config import get_settings


def test_the_timetable_is_worth_twenty_rides_by_default():
    assert get_settings().n0 == 20


def test_the_service_says_with_which_settings_it_runs(client):
    config = client.get("/v1/config").json()

    assert (config["n0"], config["timezone"]) == (20, "Asia/Kolkata")


def test_the_service_does_not_tell_its_key(client):
    assert "api_key" not in client.get("/v1/config").json()
