"""Stands in for a download: a text, an image and a sound, each in the simplest format there is."""

import math
import struct
import sys
import wave
from pathlib import Path

folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
(folder / "story.txt").write_text("Merge a file, get a machine, read the results in the pull request.\n" * 20)
pixels = bytes((x * y) % 256 for y in range(64) for x in range(64))
(folder / "gradient.pgm").write_bytes(b"P5 64 64 255\n" + pixels)
with wave.open(str(folder / "tone.wav"), "wb") as sound:
    sound.setnchannels(1)
    sound.setsampwidth(2)
    sound.setframerate(8000)
    tone = (round(20000 * math.sin(2 * math.pi * 440 * n / 8000)) for n in range(8000))
    sound.writeframes(b"".join(struct.pack("<h", sample) for sample in tone))
print(f"wrote {len(list(folder.iterdir()))} files to {folder}")
