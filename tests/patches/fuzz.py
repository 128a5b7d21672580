"""Damaging an index at random: shared by the tests and by benchmarks/fuzz_index.py."""

import os
import shutil

import numpy as np

from tfcollide.errors import RequestError
from tfcollide.patches.backends.annoy import AnnoySearch
from tfcollide.patches.collection import open_collection
from tfcollide.patches.neighbors import Query


def damage(folder, draw):
    """Truncates, flips, swaps, empties, extends or removes; says what it did."""
    files = sorted(path for path in folder.iterdir() if path.name != "run.flags")
    path, other = (files[i] for i in draw.choice(len(files), 2, replace=False))
    size = path.stat().st_size
    match draw.choice(["truncate", "flip", "flip", "swap", "empty", "extend", "remove", "copy"]):
        case "truncate":
            os.truncate(path, int(draw.integers(size)) if size else 0)
            return f"truncate {path.name}"
        case "flip":
            place = int(draw.integers(max(size, 1)))
            with open(path, "r+b") as file:
                file.seek(place)
                byte = file.read(1) or b"\0"
                file.seek(place)
                file.write(bytes([byte[0] ^ (1 << int(draw.integers(8)))]))
            return f"flip a bit of {path.name} at {place}"
        case "swap":
            beside = folder / "beside"
            path.rename(beside)
            other.rename(path)
            beside.rename(other)
            return f"swap {path.name} and {other.name}"
        case "empty":
            path.write_bytes(b"")
            return f"empty {path.name}"
        case "extend":
            with open(path, "ab") as file:
                file.write(bytes(int(draw.integers(1, 5000))))
            return f"extend {path.name}"
        case "remove":
            path.unlink()
            return f"remove {path.name}"
        case _:
            shutil.copyfile(other, path)
            return f"{other.name} over {path.name}"


def fuzz(index, workplace, queries, rounds, seed):
    """Damages copies of an index and opens them. Returns how many were refused, and how many opened with right answers.

    Fails where an answer is wrong or an error has more than one line; a crash or a hang ends the process.
    """
    draw = np.random.default_rng(seed)
    truth = AnnoySearch(open_collection(index)).search(Query(queries, 3))
    refused = opened = 0
    for number in range(rounds):
        copy = workplace / f"copy{number}"
        shutil.copytree(index, copy)
        if draw.random() < 0.5:
            open_collection(copy)  # leaves a stamp, which must not vouch for what comes after
        done = [damage(copy, draw) for _ in range(int(draw.integers(1, 3)))]
        try:
            found = AnnoySearch(open_collection(copy)).search(Query(queries, 3))
        except RequestError as error:
            assert "\n" not in str(error), done
            refused += 1
        else:
            np.testing.assert_array_equal(found.ids, truth.ids, err_msg=str(done))
            opened += 1
        shutil.rmtree(copy)
    return refused, opened
