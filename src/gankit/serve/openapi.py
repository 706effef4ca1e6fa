"""The description of the API in the form of OpenAPI 3.1."""

from __future__ import annotations

from typing import Any

from gankit.runs.provenance import software
from gankit.serve.limits import Limits

ERRORS = {
    "400": "A parameter that cannot be met, named in the answer",
    "401": "The server needs its token",
    "404": "No such run",
    "429": "More samples than one client gets",
    "503": "Too many requests wait",
}
TEXT, NUMBER, INTEGER = {"type": "string"}, {"type": "number"}, {"type": "integer"}


def described(limits: Limits) -> dict[str, Any]:
    """The document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "gankit",
            "version": software().rpartition(" ")[2],
            "description": "Samples of trained generators. All items are synthetic.",
        },
        "paths": {
            "/api/runs": {"get": _get("runs", "The runs that are served", "Runs", [])},
            "/api/samples": {
                "get": _get("samples", "Generated samples", "Samples", _parameters(limits))
            },
        },
        "security": [{}, {"token": []}],
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": _schemas(),
        },
    }


def _get(name: str, summary: str, schema: str, parameters: list[Any]) -> dict[str, Any]:
    return {
        "operationId": name,
        "summary": summary,
        "parameters": parameters,
        "responses": {
            "200": {"description": summary, **_json(schema)},
            **{code: {"description": why, **_json("Error")} for code, why in ERRORS.items()},
        },
    }


def _json(schema: str) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}}


def _parameters(limits: Limits) -> list[dict[str, Any]]:
    seed = {**INTEGER, "minimum": 0}
    return [
        _parameter("run", "The run's name; may be left out where there is one.", TEXT),
        _parameter("n", "Number of samples.", {**INTEGER, "minimum": 1, "maximum": limits.n}),
        _parameter("seed", "Sample i uses seed + i. Without a seed, samples are fresh.", seed),
        {
            **_parameter("where", "A condition, NAME=VALUE.", {"type": "array", "items": TEXT}),
            "style": "form",
            "explode": True,
        },
        _parameter("truncation", "0 (the mean) to 1.", {**NUMBER, "minimum": 0, "maximum": 1}),
        _parameter("between", "Interpolate between two seeds, A:B, in n steps.", TEXT),
        _parameter("embed", "1 for the items' content in the answer.", {"enum": ["0", "1"]}),
    ]


def _parameter(name: str, about: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": about, "schema": schema}


def _schemas() -> dict[str, Any]:
    values = {"type": "object", "additionalProperties": True}
    condition = _object(
        *(["name"], {"name": TEXT, "values": _list(TEXT), "low": NUMBER, "high": NUMBER}),
        ranges={"type": "boolean"},
        example=TEXT,
    )
    run = _object(
        ["name", "plugin", "samples_trained", "conditions"],
        {"name": TEXT, "plugin": TEXT, "samples_trained": INTEGER, "data": TEXT},
        training={"type": "boolean"},
        private={"type": "boolean"},
        warning=TEXT,
        conditions=_list(condition),
        options=_list(TEXT),
        truncation={"type": "boolean"},
        formats=_list(TEXT),
    )
    item = _object(
        ["seed", "values"],
        {"seed": INTEGER, "condition": values, "values": values, "media_type": TEXT, "url": TEXT},
        data={**TEXT, "contentEncoding": "base64"},
    )
    return {
        "Runs": _object(["software", "runs"], {"software": TEXT, "runs": _list(run)}),
        "Samples": _object(
            ["run", "synthetic", "n", "items"],
            {"run": TEXT, "plugin": TEXT, "software": TEXT, "digital_source_type": TEXT},
            synthetic={"const": True},
            samples_trained=INTEGER,
            n=INTEGER,
            seed=INTEGER,
            between=_list(INTEGER),
            where=values,
            options=values,
            truncation=NUMBER,
            warnings=_list(TEXT),
            page=TEXT,
            items=_list(item),
        ),
        "Error": _object(["error"], {"error": TEXT, "hint": TEXT}),
    }


def _object(required: list[str], properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "object", "required": required, "properties": {**properties, **more}}


def _list(of: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": of}
