"""Films: frames as one moving file that carries a mark saying that it is synthetic.

GIF, WebP and APNG are written with Pillow, MP4 by the program ``ffmpeg``.
"""

from __future__ import annotations

import contextlib
import itertools
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gankit.errors import GankitError
from gankit.kit.xmp import append_xmp, xmp_packet

if TYPE_CHECKING:
    import PIL.Image

ENDINGS = (".gif", ".webp", ".apng", ".mp4")
"""Of the files that :func:`write_film` writes."""
SIDE = 256
"""Smaller frames are enlarged by a whole factor, up to about this many pixels."""
MOST_FPS = 50
"""GIF counts in hundredths of a second, and programs slow down what is faster."""
ENCODERS = ("libx264", "libopenh264", "mpeg4")
"""Of ffmpeg, the best first; which ones there are depends on how it was built."""


def write_film(
    frames: Iterable[PIL.Image.Image],
    path: str | Path,
    *,
    fps: float = 12,
    text: Mapping[str, str],
    rest: float = 0,
    side: int = SIDE,
) -> int:
    """Writes frames as a film that repeats, in the format of the path's ending.

    Args:
        frames: at least two, all of one size. Transparency is kept in WebP and APNG, and becomes
            white elsewhere.
        path: ends in one of :data:`ENDINGS`.
        fps: frames per second, 0 < fps <= 50; a GIF's frames last whole hundredths of a second.
        text: metadata, such as ``provenance.text()`` or :func:`gankit.kit.pictures.synthetic`.
        rest: seconds that the last frame stays longer.
        side: frames whose longer side is less are enlarged by the largest whole factor that
            fits, without smoothing; 0 for none.

    Returns:
        The number of frames.

    Raises:
        GankitError: another ending, fewer than two frames, frames of several sizes, no Pillow, or
            no ffmpeg that can write MP4.
        OSError: the file cannot be written.
    """
    target = check_film(path, fps)
    stream = _enlarged(_of_one_size(frames, target), side)
    first = list(itertools.islice(stream, 2))
    if len(first) < 2:
        raise GankitError(f"{target.name}: a film needs two frames or more", "Use more frames")
    everything = itertools.chain(first, stream)
    try:
        ending = target.suffix.lower()
        if ending == ".mp4":
            count = _with_ffmpeg(everything, target, fps, dict(text), rest)
        else:
            count = _with_pillow(list(everything), target, fps, dict(text), rest)
        if ending in (".gif", ".mp4"):
            append_xmp(target, xmp_packet(text))
        return count
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def check_film(path: str | Path, fps: float = 12) -> Path:
    """Whether a film could be written there, before its frames are made.

    Raises:
        GankitError: another ending than :data:`ENDINGS`, an fps out of range, no Pillow, or no
            ffmpeg for MP4.
    """
    target = Path(path)
    if target.suffix.lower() not in ENDINGS:
        raise GankitError(
            f"{target.name} is no film that can be written", f"End the name in {_listed(ENDINGS)}"
        )
    if not 0 < fps <= MOST_FPS:
        raise GankitError(f"fps={fps:g}: out of range", f"Use more than 0, up to {MOST_FPS}")
    if target.suffix.lower() == ".mp4" and shutil.which("ffmpeg") is None:
        raise GankitError(
            f"{target.name}: MP4 is written by the program ffmpeg, which is not on the PATH",
            f"End the name in {_listed(ENDINGS[:-1])}, or install ffmpeg",
        )
    try:
        import PIL.Image  # noqa: F401
    except ImportError:
        raise GankitError("films need the package pillow", "pip install pillow") from None
    return target


def _listed(endings: Sequence[str]) -> str:
    return f"{', '.join(endings[:-1])} or {endings[-1]}"


# --- Frames -------------------------------------------------------------------------------------


def _enlarged(frames: Iterable[PIL.Image.Image], side: int) -> Iterator[PIL.Image.Image]:
    from PIL.Image import Resampling

    for frame in frames:
        plain = _in_eight_bits(frame)
        factor = side // max(plain.size)
        if factor > 1:
            size = (plain.width * factor, plain.height * factor)
            plain = plain.resize(size, Resampling.NEAREST)
        yield plain


def _in_eight_bits(frame: PIL.Image.Image) -> PIL.Image.Image:
    """The frame in grey, RGB or RGBA."""
    import numpy as np
    import PIL.Image

    if frame.mode.startswith("I;16") or frame.mode == "I":
        return PIL.Image.fromarray((np.asarray(frame) >> 8).astype(np.uint8))
    if frame.mode in ("L", "RGB", "RGBA"):
        return frame
    if frame.mode == "1":
        return frame.convert("L")
    return frame.convert("RGBA" if frame.has_transparency_data else "RGB")


def _of_one_size(frames: Iterable[PIL.Image.Image], target: Path) -> Iterator[PIL.Image.Image]:
    size = None
    for frame in frames:
        size = size or frame.size
        if frame.size != size:
            wide, narrow = (f"{w}×{h}" for w, h in (size, frame.size))
            raise GankitError(
                f"{target.name}: frames of {wide} and {narrow}", "A film's frames have one size"
            )
        yield frame


def _opaque(frame: PIL.Image.Image) -> PIL.Image.Image:
    """On white where it is transparent."""
    import PIL.Image

    if frame.mode != "RGBA":
        return frame
    white = PIL.Image.new("RGBA", frame.size, "white")
    return PIL.Image.alpha_composite(white, frame).convert("RGB")


# --- Formats ------------------------------------------------------------------------------------


def _with_pillow(
    frames: list[PIL.Image.Image], target: Path, fps: float, text: dict[str, str], rest: float
) -> int:
    from PIL.PngImagePlugin import PngInfo

    ending, options = target.suffix.lower(), dict[str, Any]()
    if ending == ".gif":
        frames = [_opaque(frame) for frame in frames]
        options = {"comment": _in_one_line(text).encode()}
    elif ending == ".webp":
        options = {"xmp": xmp_packet(text).encode(), "lossless": True}
    else:
        info = PngInfo()
        for key, value in text.items():
            info.add_text(key, value)
        info.add_itxt("XML:com.adobe.xmp", xmp_packet(text))
        options = {"pnginfo": info}
    each = round(100 / fps) * 10 if ending == ".gif" else 1000 / fps
    durations = [each] * (len(frames) - 1) + [each + rest * 1000]
    frames[0].save(
        target,
        {".apng": "PNG"}.get(ending, ending[1:].upper()),
        save_all=True,
        append_images=frames[1:],
        duration=[round(d) for d in durations],
        loop=0,
        **options,
    )
    return len(frames)


def _with_ffmpeg(
    frames: Iterable[PIL.Image.Image], target: Path, fps: float, text: dict[str, str], rest: float
) -> int:
    stream = (_opaque(frame).convert("RGB") for frame in frames)
    first = next(stream)
    width, height = first.size
    encoder = _encoder(target)
    quality = {"libx264": ["-crf", "18"], "mpeg4": ["-q:v", "2"]}.get(encoder, [])
    command = [
        *("ffmpeg", "-hide_banner", "-loglevel", "error", "-y", "-f", "rawvideo"),
        *("-pix_fmt", "rgb24", "-video_size", f"{width}x{height}", "-framerate", f"{fps:g}"),
        *("-i", "pipe:0", "-c:v", encoder, *quality, "-pix_fmt", "yuv420p"),
        # The chroma of two by two pixels is stored together, so that sides are even.
        *("-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2", "-movflags", "+faststart+use_metadata_tags"),
        *("-metadata", f"comment={_in_one_line(text)}"),
        *itertools.chain.from_iterable(("-metadata", f"{k}={v}") for k, v in text.items()),
        f"file:{target}",
    ]
    count = 0
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log)
        assert process.stdin is not None
        try:
            for frame in itertools.chain([first], stream):
                last, count = frame.tobytes(), count + 1
                process.stdin.write(last)
            for _ in range(round(rest * fps)):
                process.stdin.write(last)
        except BrokenPipeError:
            pass  # ffmpeg says why
        except BaseException:
            process.kill()
            raise
        finally:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
            process.wait()
        if process.returncode:
            log.seek(0)
            lines = log.read().decode(errors="replace").strip().splitlines() or ["no message"]
            raise GankitError(
                f"ffmpeg could not write {target.name}: {lines[-1]}",
                f"End the name in {_listed(ENDINGS[:-1])}",
            )
    return count


def _encoder(target: Path) -> str:
    """The best encoder that this ffmpeg has."""
    asked = ["ffmpeg", "-hide_banner", "-encoders"]
    found = subprocess.run(asked, capture_output=True, text=True, errors="replace", check=False)
    names = {words[1] for line in found.stdout.splitlines() if len(words := line.split()) > 1}
    for encoder in ENCODERS:
        if encoder in names:
            return encoder
    raise GankitError(
        f"{target.name}: this ffmpeg has none of the encoders {', '.join(ENCODERS)}",
        f"End the name in {_listed(ENDINGS[:-1])}",
    )


def _in_one_line(text: Mapping[str, str]) -> str:
    return "; ".join(f"{key}: {value}" for key, value in text.items())
