"""Who may use a server, and how much."""

from __future__ import annotations

import pytest

from gankit.serve.limits import LOOPBACK, Limits, Rates

BEARER = {"authorization": "Bearer sesame"}


def test_pages_of_other_sites_cannot_use_their_own_name(opened, points):
    client = opened(points, hosts=LOOPBACK)
    page = "/run/points?n=1"
    assert client.get(page, headers={"host": "evil.example"}).status_code == 400
    assert client.get(page, headers={"host": "127.0.0.1.evil.example:8000"}).status_code == 400
    for host in ("127.0.0.1:8000", "localhost", "[::1]:8000"):
        assert client.get(page, headers={"host": host}).status_code == 200


def test_a_token_is_needed(opened, points):
    client = opened(points, token="sesame", html=False)
    refused = client.get("/api/runs")
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"] == "Bearer"
    for wrong in ("Bearer sesam", "Basic sesame", "Bearer ", "Bearer sésame"):
        header = {"authorization": wrong.encode()}
        assert client.get("/api/runs", headers=header).status_code == 401
    assert client.get("/api/runs", headers=BEARER).status_code == 200
    assert client.get("/static/gallery.css").status_code == 401


def test_an_address_with_the_token_sets_a_cookie_and_loses_it(opened, points):
    client = opened(points, token="sesame")
    answer = client.get("/run/points?n=1&token=sesame&seed=3")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/run/points?n=1&seed=3"
    base = str(client.base_url).rstrip("/")
    elsewhere = client.get(f"{base}//elsewhere.example/?token=sesame", follow_redirects=False)
    assert elsewhere.headers["location"] == "/elsewhere.example/"
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "sesame" not in cookie
    assert client.get("/run/points?n=1").status_code == 200
    assert client.get("/run/points?token=wrong", headers={"cookie": ""}).status_code == 401


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch"])
def test_nothing_can_be_changed(opened, points, method):
    answer = getattr(opened(points), method)("/run/points")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD"


def test_large_requests_are_refused(opened, points):
    client = opened(points, limits=Limits(url=100, body=10))
    assert client.request("GET", "/run/points?n=1", content=b"x" * 11).status_code == 413
    assert client.get("/run/points?n=1", headers={"content-length": "x"}).status_code == 413
    assert client.get("/run/points?" + "x" * 100).status_code == 414


def test_a_client_gets_so_many_samples_a_second(opened, points):
    client = opened(points, limits=Limits(n=8, rate=0.001))
    assert client.get("/api/samples?n=8").status_code == 200
    refused = client.get("/api/samples?n=1")
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) > 0
    assert client.get("/api/runs").status_code == 200


def test_rates_fill_again():
    now = [0.0]
    rates = Rates(10, 0, lambda: now[0])
    assert rates.wait("a", 40) == 0
    assert rates.wait("a", 20) == pytest.approx(2.0)
    assert rates.wait("b", 20) == 0
    now[0] = 2.0
    assert rates.wait("a", 20) == 0


def test_few_clients_are_remembered():
    rates = Rates(1, 1)
    for client in range(5000):
        rates.wait(str(client), 1)
    assert len(rates._left) <= 4096


def test_expensive_options_are_not_for_everybody(opened, points):
    client = opened(points, guarded=False)
    assert "not open to everybody" in client.get("/run/points?set.x=1").text


def test_what_a_plugin_renders_has_no_access(opened, points):
    answer = opened(points).get("/run/points/item?seed=1")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("sandbox")
    assert "connect-src" not in policy
    assert "default-src 'none'" in policy
