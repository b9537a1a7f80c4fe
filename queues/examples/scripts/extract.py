"""Features of the files of one kind: words of texts, brightness of images, loudness and pitch of sounds."""

import argparse
import json
import struct
import time
import wave
from collections import Counter
from itertools import pairwise
from pathlib import Path


def text(path: Path) -> dict:
    words = path.read_text().lower().split()
    return {"words": len(words), "distinct": len(set(words)), "most": Counter(words).most_common(1)[0][0]}


def images(path: Path) -> dict:
    _, _, pixels = path.read_bytes().partition(b"\n")
    return {"pixels": len(pixels), "brightness": round(sum(pixels) / len(pixels), 2)}


def audio(path: Path) -> dict:
    with wave.open(str(path), "rb") as sound:
        rate, count = sound.getframerate(), sound.getnframes()
        samples = struct.unpack(f"<{count}h", sound.readframes(count))
    rises = sum(before < 0 <= after for before, after in pairwise(samples))
    loudness = (sum(sample * sample for sample in samples) / count) ** 0.5
    return {"seconds": count / rate, "loudness": round(loudness), "hertz": round(rises * rate / count)}


KINDS = {"text": (text, "*.txt"), "images": (images, "*.pgm"), "audio": (audio, "*.wav")}
parser = argparse.ArgumentParser()
parser.add_argument("kind", choices=KINDS)
parser.add_argument("input", type=Path, help="folder")
parser.add_argument("output", type=Path)
parser.add_argument("--pace", type=float, default=0.0, help="seconds to take at least")
options = parser.parse_args()

features, pattern = KINDS[options.kind]
found = {path.name: features(path) for path in sorted(options.input.glob(pattern))}
time.sleep(options.pace)
options.output.write_text(json.dumps({options.kind: found}, indent=1) + "\n")
print(found)
