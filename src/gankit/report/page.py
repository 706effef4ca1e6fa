"""The page that ``gankit evaluate`` writes: scores beside their floors, samples, settings.

It shows a few real training items beside generated ones where the plugin's preview does; none of a
private run.
"""

from __future__ import annotations

import base64
import html
import mimetypes
import tempfile
from pathlib import Path

from gankit.errors import GankitError
from gankit.kit.files import write_atomic
from gankit.runs.directory import CONFIG, privacy_in_words
from gankit.runs.provenance import software
from gankit.runs.scores import CODEC_ALONE, Evaluation

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
       color: #1b1b1f; background: #fff }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #ddd }
td.number { text-align: right } th.number { text-align: right }
img, iframe { max-width: 100%; image-rendering: pixelated }
pre { background: #f5f5f7; padding: 1rem; overflow-x: auto; font-size: 13px }
.note { color: #555 }
@media (prefers-color-scheme: dark) {
  body { color: #e6e6ea; background: #17171a } pre { background: #222228 }
  th, td { border-color: #38383f } .note { color: #aaa } }
"""

EXPLANATION = """Each score stands beside its <em>floor</em>: the same number for as many held-out
real items in place of the generated ones. A generator is as good as this score can tell when it
reaches the floor. Scores with different extractors or sample counts do not compare."""

BESIDE = """Beside it stands what the trained codec makes without the generator: of a Gaussian
fitted to the encoded data, which a generator must beat to be worth its place, and of held-out items
encoded and decoded, the best that it could do."""
RIVALS = "Simpler models of the same training items: {}."


def write_report(evaluation: Evaluation, target: Path) -> None:
    """Writes one self-contained HTML file.

    Raises:
        GankitError: the file cannot be written.
    """
    others = evaluation.baselines
    rows = "\n".join(
        f"<tr><td>{html.escape(s.name)}</td><td class=number>{s.value:.4g}</td>"
        f"<td class=number>{'' if s.real_baseline is None else format(s.real_baseline, '.4g')}</td>"
        + "".join(
            f"<td class=number>{format(s.baselines[o], '.4g') if o in s.baselines else ''}</td>"
            for o in others
        )
        + f"<td>{ {True: 'lower', False: 'higher', None: ''}[s.lower_is_better] }</td>"
        f"<td class=number>{s.n_generated:,}</td><td class=number>{s.n_real:,}</td>"
        f"<td title='{html.escape(s.extractor_fingerprint)}'>{html.escape(s.extractor)}</td></tr>"
        for s in evaluation.scores
    )
    baselines = [name for name in others if name not in CODEC_ALONE]
    explained = [EXPLANATION, *([BESIDE] if len(baselines) < len(others) else [])]
    explained += [html.escape(RIVALS.format(", ".join(baselines)))] if baselines else []
    heads = "".join(f"<th class=number>{html.escape(name)}" for name in others)
    record = evaluation.record
    given = ", ".join(f"{key}={value}" for key, value in record.get("settings", {}).items())
    again = f"Settings given for this evaluation: {given}." if given else ""
    config = evaluation.subject / CONFIG
    settings = (
        f"<h2>Settings</h2><pre>{html.escape(config.read_text())}</pre>" if config.is_file() else ""
    )
    name = html.escape(evaluation.subject.resolve().name)
    page = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{name}: gankit report</title>
<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head><body>
<h1>{name}</h1>
<p class="note">{html.escape(software())}, {html.escape(record["created"])}; plugin
{html.escape(evaluation.plugin.info.name)} {html.escape(evaluation.plugin.version)}; samples
shown here are generated, but for what is called real.</p>
<h2>Scores</h2><p>{" ".join(explained)}</p>
<table><tr><th>score<th class=number>generated<th class=number>real (floor){heads}<th>better
<th class=number>n<th class=number>reference<th>extractor</tr>{rows}</table>
<p class="note">{record["n_generated"]:,} generated, {record["n_train"]:,} training and
{record["n_heldout"]:,} held-out items; reference: training items; seed {record["seed"]}.
{html.escape(again)}</p>
{_privacy(evaluation)}<h2>Samples</h2>{_samples(evaluation)}
{settings}
</body></html>
"""
    try:
        write_atomic(target, page.encode())
    except OSError as error:
        raise GankitError(
            f"cannot write {target}: {error.strerror}", "Choose another --report"
        ) from None


def _privacy(evaluation: Evaluation) -> str:
    """What the model's differential privacy covers and what it does not, if it has any."""
    record = evaluation.record.get("privacy")
    if record is None:
        return ""
    rest = "".join(f"<li>{html.escape(line)}</li>" for line in record["does_not_cover"])
    return f"""<h2>Privacy</h2><p>{html.escape(privacy_in_words(record))}.</p>
<p>Neighbouring data sets: {html.escape(record["adjacency"])}</p>
<p>Covered: {html.escape(record["covers"])}</p><p>Not covered:</p><ul>{rest}</ul>
"""


def _samples(evaluation: Evaluation) -> str:
    """The plugin's preview of the first samples, embedded: its page, where it wrote one."""
    items = [s.item for s in evaluation.generated[: evaluation.shown]]
    with tempfile.TemporaryDirectory() as folder:
        modality, target = evaluation.plugin.modality, Path(folder) / "samples"
        if evaluation.record.get("privacy"):
            file = modality.preview(items, target)
        else:
            file = modality.preview_beside(items, evaluation.train, target)
        page = file.with_suffix(".html")
        file = page if page.is_file() else file
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        content = base64.b64encode(file.read_bytes()).decode()
    address = f"data:{kind};base64,{content}"
    if kind.startswith("image/"):
        return f'<img src="{address}" alt="generated samples">'
    return f'<iframe src="{address}" width="100%" height="600" title="samples"></iframe>'
