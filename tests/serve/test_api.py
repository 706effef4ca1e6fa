"""The JSON API, and its description."""

from __future__ import annotations

import base64

import pytest

import gankit


@pytest.fixture
def client(opened, points):
    return opened(points, html=False)


def test_runs_state_their_conditions(client):
    (run,) = client.get("/api/runs").json()["runs"]
    assert run["name"] == "points"
    assert run["samples_trained"] == 320
    assert run["conditions"] == [{"name": "label", "values": ["a", "b"]}]


def test_samples_are_those_of_their_seeds(client, points):
    found = client.get("/api/samples?n=3&seed=62&where=label%3Db&embed=1").json()
    assert found["synthetic"] is True
    assert found["where"] == {"label": "b"}
    assert [item["seed"] for item in found["items"]] == [62, 63, 64]
    run = gankit.load(points)
    expected = run.sample(3, seed=62, where={"label": "b"}).samples
    for item, sample in zip(found["items"], expected, strict=True):
        content = run.plugin.modality.render(sample.item, run.codec).content
        assert base64.b64decode(item["data"]) == content
        assert client.get(item["url"]).content == content
        assert item["condition"] == {"label": "b"}


def test_fresh_samples_say_how_to_get_them_again(client):
    found = client.get("/api/samples?n=2&embed=1").json()
    again = client.get(f"/api/samples?n=2&seed={found['seed']}&embed=1").json()
    assert found == again
    assert client.get(found["page"]).status_code == 200


def test_between_two_seeds(client):
    found = client.get("/api/samples?between=3:17&n=5").json()
    assert found["between"] == [3, 17]
    assert len(found["items"]) == 5
    assert found["items"][0]["seed"] == 3


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ("run=nobody", 404, "no run 'nobody' here"),
        ("embed=yes", 400, "neither 0 nor 1"),
        ("where=label%3Dz", 400, "label=z"),
        ("n=1e3", 400, "n=1e3: not a whole number"),
    ],
)
def test_errors_are_json(client, query, status, said):
    answer = client.get(f"/api/samples?{query}", headers={"accept": "text/html"})
    assert answer.status_code == status
    assert said in answer.json()["error"]


def test_rows_come_as_values(opened, rows_run):
    client = opened(rows_run)
    (item, _) = client.get("/api/samples?n=2&seed=1").json()["items"]
    assert set(item) == {"seed", "values"}
    assert set(item["values"]) == {"age", "job", "joined"}
    page = client.get("/run/rows?n=2&seed=1").text
    assert page.count('<th scope="row">') == 2
    assert 'name="min.age"' in page
    found = client.get("/api/samples?n=20&seed=1&where=age%3D30..40").json()
    assert all(30 <= one["values"]["age"] <= 40 for one in found["items"])
    assert client.get("/run/rows?n=2&min.age=30&max.age=40").status_code == 200


def test_unique_keys_never_run_out(opened, keys_run):
    """Each request is a data set of its own: a thousand keys are enough for any number of them."""
    client = opened(keys_run, html=False)
    for seed in range(0, 12_000, 500):
        answer = client.get(f"/api/samples?n=9&seed={seed}")
        assert answer.status_code == 200, answer.text


def test_the_description_is_openapi(client):
    from openapi_spec_validator import validate

    described = client.get("/api/openapi.json").json()
    validate(described)
    assert described["openapi"].startswith("3.1")


@pytest.mark.parametrize("query", ["n=2&seed=1&embed=1", "between=1:4"])
def test_answers_are_as_described(client, query):
    import jsonschema

    described = client.get("/api/openapi.json").json()

    def check(name, answer):
        schema = {"$ref": f"#/components/schemas/{name}", "components": described["components"]}
        jsonschema.validate(answer, schema)

    check("Samples", client.get(f"/api/samples?{query}").json())
    check("Runs", client.get("/api/runs").json())
    check("Error", client.get("/api/samples?n=0").json())
