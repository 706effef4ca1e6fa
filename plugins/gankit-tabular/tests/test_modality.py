"""The modality remembers no codec: every run is scored, drawn and written with its own."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import torch
from sklearn.datasets import load_breast_cancer

from gankit.contract import Batch, Fitting, Provenance, Sample, quiet
from gankit_tabular.codec.codec import TableCodec
from gankit_tabular.codec.resolution import TWO_DIGITS
from gankit_tabular.data.rows import Rows
from gankit_tabular.data.sources import read_table
from gankit_tabular.modality import TabularModality, TabularSettings

SMALL = ["hidden=8", "train.samples=640", "train.batch=32", "train.threads=1"]
SETTINGS = TabularSettings(hidden=8, digit_units=8)


def people(n=900):
    """Later rows have values that the first ones lack."""
    rng = np.random.default_rng(0)
    return pa.table(
        {
            "id": [f"K-{i:04d}" for i in range(n)],
            "age": rng.integers(18, 40, n) + np.arange(n) // 20,
            "city": [f"c{i // 100}" for i in range(n)],
            "member": np.where(rng.random(n) < 0.3, "yes", "no").tolist(),
        }
    )


def fingerprint(columns):
    text = json.dumps(columns, default=str, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def scored(done):
    """The fingerprints of an evaluation's extractor."""
    assert done.returncode == 0, done.stderr
    scores = json.loads(done.stdout)["scores"]
    return {s["extractor_fingerprint"] for s in scores if s["extractor"] == "encoded-table"}


def test_a_run_is_scored_with_its_own_codec(gankit_here, tmp_path):
    pa.csv.write_csv(people(), tmp_path / "people.csv")
    done = gankit_here(
        *("train", "--plugin", "tabular", "--data", "people.csv", "--out", "run"), *SMALL
    )
    assert done.returncode == 0, done.stderr
    model = json.loads((tmp_path / "run" / "model" / "model.json").read_text())
    own = {fingerprint(model["codec"]["columns"])}
    only = ("--json", "--metrics", "frechet")
    assert scored(gankit_here("evaluate", "run", *only)) == own
    assert scored(gankit_here("evaluate", "run", "generator=one-shot", *only)) == own
    assert scored(gankit_here("evaluate", "run/model", "--data", "people.csv", *only)) == own


def test_runs_from_before_the_cascade_keep_their_networks(gankit_here, tmp_path):
    pa.csv.write_csv(people(), tmp_path / "people.csv")
    words = ("train", "--plugin", "tabular/one-shot", "--data", "people.csv", "--out", "run")
    done = gankit_here(*words, "resampling.candidates=1", *SMALL)
    assert done.returncode == 0, done.stderr
    before = gankit_here("generate", "run", "-n", "5", "--out", "-").stdout
    config, model = tmp_path / "run" / "run.toml", tmp_path / "run" / "model" / "model.json"
    written = config.read_text()
    config.write_text(written.replace('generator = "one-shot"\n', ""))
    assert config.read_text() != written
    stored = json.loads(model.read_text())
    del stored["settings"]["generator"]
    model.write_text(json.dumps(stored))
    assert gankit_here("generate", "run", "-n", "5", "--out", "-").stdout == before != ""
    longer = gankit_here("train", "--out", "run", "train.samples=960")
    assert longer.returncode == 0, longer.stderr


def test_files_without_their_run_are_scored_with_a_codec_of_all_training_rows(
    gankit_here, tmp_path
):
    pa.csv.write_csv(people(), tmp_path / "people.csv")
    pa.csv.write_csv(people(400).slice(100), tmp_path / "made.csv")
    _, extractor, _ = TabularModality().evaluators(None, TabularSettings())
    extractor.fit(Rows(read_table(tmp_path / "people.csv")[0]))
    assert extractor.fingerprint == fingerprint(
        TableCodec.fit(read_table(tmp_path / "people.csv")[0], TWO_DIGITS).state().config["columns"]
    )
    assert {f"c{i}" for i in range(9)} == set(extractor.codec.columns[2].atoms)
    (tmp_path / "made").mkdir()
    (tmp_path / "made.csv").rename(tmp_path / "made" / "table.csv")
    words = ("evaluate", "made", "--plugin", "tabular", "--data", "people.csv", "--json")
    with_defaults = scored(gankit_here(*words))
    assert len(with_defaults) == 1
    assert scored(gankit_here(*words, "generator=one-shot")) != with_defaults


def test_two_codecs_in_turns(tmp_path):
    rng = np.random.default_rng(0)
    other = pa.table({"x": rng.normal(size=200), "y": rng.choice(["a", "b"], 200).tolist()})
    tables, modality = [people(200), other], TabularModality()
    codecs = [modality.fit_codec(Rows(t), SETTINGS, Fitting()) for t in tables]
    for turn, (table, codec) in enumerate([*zip(tables, codecs, strict=True)] * 2):
        networks = modality.build_networks(codec, SETTINGS)
        z, c = torch.randn(20, networks.latent_dim), codec.sample_conditions({}, range(20))
        with torch.no_grad():
            x = networks.generator.eval()(z, c)
            assert networks.discriminator(x, c).shape == (20,)
        rows = codec.decode(Batch(x, c), range(20))
        _, extractor, _ = modality.evaluators(codec, SETTINGS)
        _, alone, _ = TabularModality().evaluators(codec, SETTINGS)
        assert extractor.fingerprint == fingerprint(codec.state().config["columns"])
        assert np.array_equal(extractor.features(rows), alone.features(rows))
        folder = Path(tmp_path / str(turn))
        folder.mkdir()
        samples = [Sample(row, i, {}) for i, row in enumerate(rows)]
        about = Provenance("gankit", "run", "now", "uri")
        modality.write(samples, folder, codec, about, "parquet")
        written = read_table(folder / "table.parquet")[0]
        assert written.schema.equals(table.schema)
        assert written.to_pylist() == rows
        preview = modality.preview(rows, codec, Rows(table)).content.decode()
        shown = {c.name for c in codec.columns if c.kind != "identifier"}
        assert all((f">{name}<" in preview) == (name in shown) for name in table.column_names)


def test_measuring_with_unique_keys(gankit_here, tmp_path):
    """Each repetition is a data set of its own, whose keys differ from the real ones."""
    pa.csv.write_csv(people(300), tmp_path / "people.csv")
    train = ["train", "--plugin", "tabular", "--data", "people.csv", "--out", "run"]
    done = gankit_here(*train, 'constraints=["unique: id"]', *SMALL)
    assert done.returncode == 0, done.stderr
    augment = ["augment", "run", "--data", "people.csv", "--balance", "member", "--measure"]
    done = gankit_here(*augment, "--repeats", 2, "--out", "more")
    assert done.returncode == 0, done.stderr
    assert "f1" in done.stdout
    ids = read_table(tmp_path / "more" / "table.csv")[0]["id"].to_pylist()
    assert len(ids) == len(set(ids)) > 300


def test_the_built_in_table_is_that_of_scikit_learn():
    expected = load_breast_cancer()
    table = TabularModality().read(None, SETTINGS, quiet).items.table
    assert table.column_names[:-1] == [n.replace(" ", "_") for n in expected.feature_names[:10]]
    found = np.stack([table.column(i).to_numpy() for i in range(10)], 1)
    assert (found == expected.data[:, :10]).all()
    diagnosis = [str(expected.target_names[t]) for t in expected.target]
    assert table.column("diagnosis").to_pylist() == diagnosis
