def test_the_service_and_its_database_answer(client):
    assert client.get("/v1/health").json()["status"] == "ok"


def test_who_has_no_key_cannot_send_rides(client):
    assert client.post("/v1/ride_summary", json={}).status_code == 401
