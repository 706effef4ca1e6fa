"""What all examples share. Needs numpy and onnxruntime, and nothing of gankit."""

from __future__ import annotations

import json
import sys

import numpy as np
import onnxruntime


def opened(words=None):
    """The session, what the file states of itself, the seed and the requested values."""
    path, *rest = sys.argv[1:] if words is None else words
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    about = json.loads(session.get_modelmeta().custom_metadata_map["gankit"])
    seed = int(rest.pop(0)) if rest and "=" not in rest[0] else 0
    return session, about, seed, dict(word.split("=", 1) for word in rest)


def fed(about, seeds, values):
    """The inputs for these seeds, and for values of conditions by their names."""
    feed = {"z": latents(seeds, about["latent_dim"])}
    if fields := about["conditions"]:
        c = np.zeros((len(seeds), sum(field["width"] for field in fields)), np.float32)
        for field in fields:
            if field["name"] not in values:
                continue  # all 0: not requested, or the mean of a number
            value, start = values[field["name"]], field["start"]
            if field["kind"] == "categorical":
                c[:, start + field["values"].index(value)] = 1
            else:
                c[:, start] = (float(value) - field["mean"]) / field["scale"]
        feed["c"] = c
    return feed


# --- Random numbers: SplitMix64 of a seed and a stream, as gankit.seeds has them -----------------


def bits(seeds, streams):
    """64 random bits for each seed and stream, (seeds, streams)."""
    z = np.asarray(seeds, np.uint64)[:, None] * np.uint64(0x9E3779B97F4A7C15)
    z = z + np.asarray(streams, np.uint64) * np.uint64(0xD1B54A32D192ED03)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        z = (z ^ (z >> np.uint64(shift))) * np.uint64(factor)
    return z ^ (z >> np.uint64(31))


def uniform(seeds, streams):
    """Numbers in [0, 1), (seeds, streams)."""
    return (bits(seeds, np.asarray(streams) + 1) >> np.uint64(11)) / 2.0**53


def latents(seeds, width):
    """The normal latents of gankit generate for these seeds, (seeds, width): Box and Muller."""
    half = (width + 1) // 2
    pairs = bits(seeds, 2**32 + np.arange(half)).view(np.uint32).astype(np.float32)
    radius = np.sqrt(-2 * np.log((pairs[:, ::2] + 1) / np.float32(2**32)))
    angle = pairs[:, 1::2] * np.float32(2 * np.pi / 2**32)
    return np.concatenate([radius * np.cos(angle), (radius * np.sin(angle))[:, : width - half]], 1)
