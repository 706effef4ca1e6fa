"""A page that shows the spectrograms of clips and plays them; it loads nothing from a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from gankit.kit.pictures import MADE_BY, data_uri, page, png, synthetic
from gankit_audio.data.clips import Clip
from gankit_audio.output.encoding import to_wav
from gankit_audio.output.pictures import HIGH, STRIP, WIDE, caption, envelope, spectrograms

SOUND_BYTES = 6_000_000
"""Most bytes of sound in a page, which become 8 million characters of base64."""
FEWEST = 8
"""Clips that fit into a page; they are cut if they are too long."""
HEADER = 300
"""Approximate size of a WAV file without its samples, in bytes."""


@dataclass(frozen=True)
class Section:
    """Clips of a page or picture under a title."""

    title: str
    clips: Sequence[Clip]
    real: bool = False


def build_page(sections: Sequence[Section], across: int) -> str:
    """The HTML page.

    Args:
        across: clips per row.
    """
    clips = [clip for section in sections for clip in section.clips]
    pictures = iter(spectrograms(clips))
    share = SOUND_BYTES // min(len(clips), FEWEST)
    bytes_left, parts, number = SOUND_BYTES, [], 0
    for section in sections:
        marked = not section.real
        figures = []
        for clip in section.clips:
            number += 1
            sound = _cut_sound(clip, share, marked)
            picture = png(next(pictures), synthetic() if marked else None, optimize=True)
            bytes_left -= len(sound)
            address = data_uri("audio/wav", sound) if bytes_left >= 0 else ""
            name = f"{section.title}, clip {number}"
            figures.append(_figure(clip, data_uri("image/png", picture), address, len(sound), name))
        parts.append(
            f"<section><h2>{escape(section.title)}</h2>"
            f'<div class="grid" style="--across:{across}">{"".join(figures)}</div></section>'
        )
    real = " The second section is real." if len(sections) > 1 else ""
    header = f"""<header><h1>Generated sounds</h1>
<p>These sounds were {MADE_BY}; they are not recordings.{real}
Log-mel spectrograms on one scale, waveforms below. Click, Space or Enter plays and stops, arrow
keys go from clip to clip.</p>
<label><input type="checkbox" id="loop"> play in a loop</label></header>
"""
    return page(MADE_BY, header + "".join(parts), synthetic(), style=STYLE, script=SCRIPT)


def _figure(clip: Clip, picture: str, sound: str, size: int, name: str) -> str:
    """A clip's picture and player.

    Args:
        picture: an address.
        sound: an address; empty if the page has no room for it.
        size: of the sound, in bytes.
        name: for screen readers.
    """
    values, seconds = caption(clip), clip.samples.shape[1] / clip.rate
    included = (size - HEADER) / (2 * len(clip.samples) * clip.rate)
    time = f"{seconds:.2f} s"
    if not sound:
        time += ", not in this page"
    elif included < 0.95 * seconds:
        time = f"first {included:.2f} of {time}"
    label = escape(f"{name}{', ' + values if values else ''}", quote=True)
    low, high = np.clip(envelope(clip.samples, WIDE), -1, 1)
    tops = " ".join(f"{x},{_y(v)}" for x, v in enumerate(high.tolist()))
    bottoms = " ".join(f"{x},{_y(v)}" for x, v in reversed(list(enumerate(low.tolist()))))
    audio = f'<audio controls preload="none" src="{sound}" aria-label="{label}"></audio>'
    return (
        f'<figure><button type="button" aria-label="play {label}"{"" if sound else " disabled"}>'
        f'<img src="{picture}" width="{WIDE}" height="{HIGH}" alt=""><i></i>'
        f'<svg viewBox="0 0 {WIDE} {STRIP}" preserveAspectRatio="none" aria-hidden="true">'
        f'<polygon points="{tops} {bottoms}"/></svg></button>'
        f"<figcaption><b>{escape(values)}</b> {time}</figcaption>{audio if sound else ''}</figure>"
    )


def _y(value: float) -> str:
    return f"{STRIP / 2 - value * (STRIP / 2 - 1):.1f}"


def _cut_sound(clip: Clip, most: int, marked: bool) -> bytes:
    """The clip as WAV, cut to about ``most`` bytes."""
    samples = clip.samples[:, : max((most - HEADER) // (2 * len(clip.samples)), 1)]
    return to_wav(Clip(samples, clip.rate), marked)


STYLE = """
:root{color-scheme:light dark;--ink:#222;--faint:#666;--paper:#fff;--mark:#0b63c5}
@media(prefers-color-scheme:dark){:root{--ink:#e6e6e6;--faint:#a2a2a8;--paper:#17171a;--mark:#7db7ff}}
body{margin:1.2rem;font:15px/1.45 system-ui,sans-serif;color:var(--ink);background:var(--paper)}
h1{font-size:1.3rem;margin:0}h2{font-size:1rem;margin:1.4rem 0 .5rem}
header p{max-width:44rem;margin:.3rem 0 .5rem;color:var(--faint)}
section{overflow-x:auto}
.grid{display:grid;grid-template-columns:repeat(var(--across),minmax(9rem,13rem));gap:.7rem;padding:3px}
figure{margin:0}
button{all:unset;position:relative;display:block;width:100%;cursor:pointer}
button:disabled{cursor:default}
button:focus-visible{outline:3px solid var(--mark);outline-offset:1px}
img{display:block;width:100%;height:auto}
svg{display:block;width:100%;height:24px;fill:var(--ink)}
i{position:absolute;top:0;bottom:0;left:0;width:2px;background:var(--mark);visibility:hidden}
.on i{visibility:visible}
.on{outline:2px solid var(--mark)}
figcaption{font-size:.8rem;color:var(--faint);overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
figcaption b{color:var(--ink)}
audio{width:100%;height:32px}
"""

SCRIPT = """
const buttons=[...document.querySelectorAll("button:not(:disabled)")];
const loop=document.getElementById("loop");
const sound=b=>b.parentElement.querySelector("audio");
let playing=null;
const follow=()=>{
  if(!playing)return;
  const a=sound(playing);
  if(a.duration)playing.querySelector("i").style.left=100*a.currentTime/a.duration+"%";
  requestAnimationFrame(follow);
};
const stop=b=>{b.classList.remove("on");if(playing===b)playing=null;};
for(const b of buttons){
  const a=sound(b);
  b.addEventListener("click",()=>{
    if(a.paused){a.currentTime=0;a.loop=loop.checked;a.play();}else a.pause();
  });
  a.addEventListener("play",()=>{
    for(const other of buttons)if(other!==b)sound(other).pause();
    playing=b;b.classList.add("on");requestAnimationFrame(follow);
  });
  for(const end of["pause","ended"])a.addEventListener(end,()=>stop(b));
}
loop.addEventListener("change",()=>buttons.forEach(b=>sound(b).loop=loop.checked));
document.addEventListener("keydown",e=>{
  const at=buttons.indexOf(document.activeElement);
  if(at<0)return;
  const grid=getComputedStyle(buttons[at].closest(".grid"));
  const across=grid.gridTemplateColumns.split(" ").length;
  const step={ArrowRight:1,ArrowLeft:-1,ArrowDown:across,ArrowUp:-across}[e.key];
  if(!step)return;
  e.preventDefault();
  buttons[Math.min(Math.max(at+step,0),buttons.length-1)].focus();
});
"""
