"""Damages image files of every format that Pillow opens: each is read, or refused in one line that names it.

python benchmarks/fuzz_images.py --files=10000
python benchmarks/fuzz_images.py --seed=7 --only=1234 --keep=bad     # one file of that run again, kept in bad/

Every file has a number, and --seed and the number make it again. Ends with 1 where a file makes
the reader raise something else, prints to standard error, hangs, or is read as no 8-bit RGB image.
"""

import argparse
import collections
import faulthandler
import io
import os
import signal
import sys
import tempfile
import traceback
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tfcollide.errors import RequestError
from tfcollide.images import MAX_PIXELS, read_image, scale_and_crop
from tfcollide.runtime.quiet import without_chatter

SECONDS = 60
SHAPE = (16, 16, 3)
MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "I", "I;16", "F")
OPTIONS = {
    "BMP": [{}, {"bitmap_format": "bmp"}],
    "DDS": [{}, {"pixel_format": "DXT1"}, {"pixel_format": "DXT5"}, {"pixel_format": "BC5"}],
    "GIF": [{}, {"save_all": True, "frames": 2}, {"interlace": 0}],
    "ICO": [{}, {"bitmap_format": "bmp"}],
    "JPEG": [{}, {"progressive": True}, {"turned": 6}],
    "JPEG2000": [{}, {"irreversible": True}, {"no_jp2": True}],
    "MPO": [{"save_all": True, "frames": 2}, {"turned": 6}],
    "PNG": [{}, {"save_all": True, "frames": 2}, {"turned": 5}, {"compress_level": 0}],
    "SGI": [{}, {"bpc": 2}],
    "TGA": [{}, {"compression": "tga_rle"}],
    "TIFF": [
        {},
        *({"compression": name} for name in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "group4", "jpeg")),
        {"turned": 8},
    ],
    "WEBP": [{}, {"lossless": True}, {"save_all": True, "frames": 2}, {"turned": 3}],
    "AVIF": [{}, {"turned": 7}, {"save_all": True, "frames": 2}],
}
"""What formats are also written with; `frames` and `turned` are made here, by `written`."""
BEGINNINGS = {  # of formats that Pillow does not write
    "CUR": b"\0\0\2\0\1\0\x10\x10\0\0\0\0\0\0\x28\3\0\0\x16\0\0\0"
    + b"\x28\0\0\0\x10\0\0\0\x20\0\0\0\1\0\x18\0".ljust(40, b"\0"),
    "DCX": b"\xb1\x68\xde\x3a\x0c\0\0\0\0\0\0\0"
    + (b"\x0a\5\1\x08\0\0\0\0\x0f\0\x0f\0".ljust(65, b"\0") + b"\1\x10\0").ljust(128, b"\0"),
    "FITS": b"".join(
        text.ljust(80).encode()
        for text in (
            "SIMPLE  =                    T",
            "BITPIX  =                    8",
            "NAXIS   =                    2",
            "NAXIS1  =                   16",
            "NAXIS2  =                   16",
        )
    )
    + b"END".ljust(2480),
    "FLI": b"\x80\1\0\0\x11\xaf\1\0\x10\0\x10\0\x08\0\3\0\0\0\0\0".ljust(128, b"\0")
    + b"\x20\1\0\0\xfa\xf1\1\0".ljust(16, b"\0")
    + b"\6\1\0\0\x10\0",
    "FTEX": b"FTEX\0\0\0\1\x10\0\0\0\x10\0\0\0\1\0\0\0\1\0\0\0\0\0\0\0\x20\0\0\0\0\3\0\0",
    "GBR": b"\0\0\0\x20\0\0\0\2\0\0\0\x10\0\0\0\x10\0\0\0\1GIMP\0\0\0\1name",
    "IMT": b"*Image Tools\nwidth 16\nheight 16\npixel n8\n\x0c",
    "IPTC": b"\x1c\3\x3c\0\2\1\0\x1c\3\x14\0\2\0\x10\x1c\3\x1e\0\2\0\x10\x1c\3\x78\0\1\1\x1c\x08\x0a\1\0",
    "MCIDAS": b"\0\0\0\0\0\0\0\4"
    + b"".join(n.to_bytes(4, "big") for n in (0,) * 6 + (16, 16, 1, 0, 0, 1, 0)).ljust(248, b"\0"),
    "MPEG": b"\0\0\1\xb3\1\0\x10\x13",
    "PCD": b"\xff".ljust(2048, b"\0") + b"PCD_".ljust(95 * 2048 + 768 * 512 * 3 // 2, b"\x55"),
    "PIXAR": (b"\x80\xe8\0\0".ljust(416, b"\0") + b"\x10\0\x10\0\0\0\0\0\x0e\0\2\0").ljust(1024, b"\0"),
    "PSD": b"8BPS\0\1\0\0\0\0\0\0\0\3\0\0\0\x10\0\0\0\x10\0\x08\0\3\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
    "QOI": b"qoif\0\0\0\x10\0\0\0\x10\3\0",
    "SPIDER": np.array([1, 16, 0, 0, 1, *[0] * 6, 16, 1, *[0] * 8, 64, 64, *[0] * 200], ">f4").tobytes(),
    "SUN": b"\x59\xa6\x6a\x95\0\0\0\x10\0\0\0\x10\0\0\0\x18\0\0\3\0\0\0\0\2\0\0\0\0\0\0\0\0",
    "WMF": b"\xd7\xcd\xc6\x9a\0\0\0\0\0\0\x10\0\x10\0\x60\0\0\0\0\0\0\0\1\0\x09\0",
    "XPM": b'/* XPM */\nstatic char *a[] = {\n"16 16 2 1",\n"a c #ff0000",\n"b c #00ff00",\n'
    + b'"abababababababab",\n' * 16
    + b"};",
    "XVTHUMB": b"P7 332\n#END_OF_COMMENTS\n16 16 255\n",
}


class Sample(NamedTuple):
    """A whole file of a format, and how it was made."""

    kind: str
    how: str
    content: bytes


def samples(rng: np.random.Generator) -> list[Sample]:
    """Files of every format in every mode and with every option that Pillow takes, and beginnings of the others."""
    Image.init()
    noise = rng.integers(0, 256, [16, 16, 4], np.uint8)
    smooth = np.linspace(0, 255, 16 * 16 * 4).reshape(16, 16, 4).astype(np.uint8)
    found = []
    for kind in sorted({*set(Image.SAVE) & set(Image.OPEN), "MPO"}):
        for options in OPTIONS.get(kind, [{}]):
            for mode in MODES:
                for name, pixels in (("noise", noise), ("smooth", smooth)):
                    content = written(pixels, kind, mode, dict(options))
                    if content:
                        found.append(Sample(kind, f"{mode} {name} {options or ''}", content))
    fill = noise.tobytes() * 2
    return found + [Sample(kind, "beginning", start + fill) for kind, start in BEGINNINGS.items()]


def written(pixels: np.ndarray, kind: str, mode: str, options: dict) -> bytes | None:
    """The file, or None where the format does not hold such images."""
    file = io.BytesIO()
    try:
        image = Image.fromarray(pixels, "RGBA")
        image = image.convert("L").convert(mode) if mode in ("LA", "PA", "I;16") else image.convert("RGB").convert(mode)
        if orientation := options.pop("turned", None):
            options["exif"] = Image.Exif()
            options["exif"][0x0112] = orientation
        if frames := options.pop("frames", None):
            options["append_images"] = [image.rotate(90)] * (frames - 1)
        with without_chatter():
            image.save(file, kind, **options)
    except Exception:
        return None
    return file.getvalue()


def damaged(sample: Sample, others: list[Sample], rng: np.random.Generator) -> tuple[bytes, str]:
    """A file made from a whole one, and what was done to it."""
    content, done = bytearray(sample.content), []
    for _ in range(int(rng.integers(0, 4))):
        size, what = len(content), str(rng.choice(list(DAMAGES)))
        DAMAGES[what](content, int(rng.integers(0, max(1, _near_start(size, rng)))), rng, others)
        done.append(what)
    return bytes(content), ", ".join(done) or "nothing"


def _near_start(size: int, rng: np.random.Generator) -> int:
    """Up to where a file is damaged: half of the time within its header."""
    return min(size, 64) if rng.random() < 0.5 else size


def _cut(content: bytearray, place: int, rng: np.random.Generator, others: list[Sample]) -> None:
    del content[place + 1 :]


def _flip(content: bytearray, place: int, rng: np.random.Generator, others: list[Sample]) -> None:
    if content:
        content[place] ^= 1 << int(rng.integers(8))


def _extreme(content: bytearray, place: int, rng: np.random.Generator, others: list[Sample]) -> None:
    """A number of 1 to 8 bytes becomes the least or the largest."""
    width = int(rng.choice([1, 2, 4, 8]))
    value = [
        b"\0" * width,
        b"\xff" * width,
        b"\x7f" + b"\xff" * (width - 1),
        b"\0" * (width - 1) + b"\1",
        b"\x80" + b"\0" * (width - 1),
    ]
    content[place : place + width] = value[int(rng.integers(len(value)))]


def _scramble(content: bytearray, place: int, rng: np.random.Generator, others: list[Sample]) -> None:
    count = int(rng.integers(1, 40))
    content[place : place + count] = rng.bytes(count)


def _insert(content: bytearray, place: int, rng: np.random.Generator, others: list[Sample]) -> None:
    content[place:place] = rng.bytes(int(rng.integers(1, 20)))


def _remove(content: bytearray, place: int, rng: np.random.Generator, others: list[Sample]) -> None:
    del content[place : place + int(rng.integers(1, 20))]


def _repeat(content: bytearray, place: int, rng: np.random.Generator, others: list[Sample]) -> None:
    content[place:place] = content[place : place + int(rng.integers(1, 200))]


def _splice(content: bytearray, place: int, rng: np.random.Generator, others: list[Sample]) -> None:
    """The rest is that of another file."""
    content[place:] = others[int(rng.integers(len(others)))].content[place:]


DAMAGES = {
    "cut": _cut,
    "bit flipped": _flip,
    "extreme number": _extreme,
    "scrambled": _scramble,
    "inserted": _insert,
    "removed": _remove,
    "repeated": _repeat,
    "spliced": _splice,
}


class Hang(BaseException):
    """A file took longer than `SECONDS`."""


def outcome(path: Path) -> str:
    """Reads a file as the programs do: "read", "refused", or what is wrong."""
    try:
        signal.alarm(SECONDS)
        with warnings.catch_warnings(action="error"):
            pixels = read_image(path, SHAPE, resize=True)
    except RequestError as error:
        line = str(error)
        return (
            "refused" if "\n" not in line and str(path) in line else f"a message that is not one line with the file: {line!r}"
        )
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        last = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__} at {Path(last.filename).name}:{last.lineno}"
    finally:
        signal.alarm(0)
    right = pixels.shape == SHAPE and pixels.dtype == np.uint8
    return "read" if right else f"read as {pixels.dtype} of shape {pixels.shape}"


def whole_files(found: list[Sample], folder: Path) -> list[str]:
    """What is wrong with files that nobody damaged: opaque ones of 8 bits without loss are read to the bit."""
    wrong = []
    path = folder / "whole"
    for sample in found:
        if sample.kind in ("PNG", "BMP", "PPM", "TGA", "QOI", "PCX") and sample.how.startswith("RGB noise "):
            path.write_bytes(sample.content)
            with Image.open(path) as image:
                truth = scale_and_crop(np.asarray(image.convert("RGB")), SHAPE)
            if "turned" not in sample.how and not np.array_equal(read_image(path, SHAPE, resize=True), truth):
                wrong.append(f"{sample.kind} {sample.how}: other pixels")
    return wrong


def _hang(*_: object) -> None:
    raise Hang


def main() -> int:
    """Prints what came of the files, by format, and every fault."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=None, help="drawn and printed where it is not given")
    parser.add_argument("--only", type=int, help="the number of the one file to try")
    parser.add_argument("--keep", type=Path, help="a folder for the files that show a fault")
    arguments = parser.parse_args()
    seed = int.from_bytes(os.urandom(4), "big") if arguments.seed is None else arguments.seed
    faulthandler.enable()
    signal.signal(signal.SIGALRM, _hang)
    found = samples(np.random.default_rng(seed))
    kinds = sorted({sample.kind for sample in found})
    print(f"seed {seed}; {len(found)} whole files of {len(kinds)} formats; no image above {MAX_PIXELS:,} pixels", flush=True)
    by_kind = {kind: [sample for sample in found if sample.kind == kind] for kind in kinds}
    counts: dict[str, collections.Counter] = {kind: collections.Counter() for kind in kinds}
    numbers = range(arguments.files) if arguments.only is None else [arguments.only]
    with tempfile.TemporaryDirectory() as name, tempfile.TemporaryFile() as said:
        faults, kept = whole_files(found, Path(name)), os.dup(2)
        for number in numbers:
            rng = np.random.default_rng([seed, number])
            kind = kinds[number % len(kinds)]
            sample = by_kind[kind][int(rng.integers(len(by_kind[kind])))]
            content, done = damaged(sample, found, rng)
            path = Path(name, f"{number}.{rng.choice(['png', 'jpg', kind.lower()])}")
            path.write_bytes(content)
            os.dup2(said.fileno(), 2)
            try:
                result = outcome(path)
            finally:
                os.dup2(kept, 2)
            if said.tell():
                result = f"{result}, and printed something"
                said.seek(0)
                said.truncate()
            counts[kind][result if result in ("read", "refused") else "fault"] += 1
            if result not in ("read", "refused"):
                faults.append(f"{number}: {kind} {sample.how} ({done}): {result}")
                print(faults[-1], flush=True)
            if arguments.keep and (arguments.only is not None or result not in ("read", "refused")):
                arguments.keep.mkdir(parents=True, exist_ok=True)
                (arguments.keep / path.name).write_bytes(content)
            path.unlink()
    for kind in kinds:
        print(f"{kind:9} {counts[kind]['read']:6} read {counts[kind]['refused']:6} refused {counts[kind]['fault']:4} faults")
    print(f"seed {seed}: {len(numbers)} files, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
