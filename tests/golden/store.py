# SPDX-License-Identifier: Apache-2.0
"""The golden file: one flat array for each dtype, and an index that says which part belongs to which result of which case."""
import json
import math
import zipfile
import zlib

import numpy as np

from case import FLOATS, cotangents, rounded

KINDS = {"f64": np.float64, "f32": np.float32, "f16": np.float16, "bf16": np.uint16}


def narrowed(dtype, values):
    if dtype == "bf16":
        return (np.asarray(values, np.float32).view(np.uint32) >> 16).astype(np.uint16)
    with np.errstate(all="ignore"):
        return np.asarray(values, KINDS.get(dtype, np.int64))


def widened(dtype, stored):
    if dtype == "bf16":
        return (stored.astype(np.uint32) << 16).view(np.float32).astype(np.float64)
    return stored.astype(np.float64) if dtype in FLOATS else stored


def digest(case):
    """Changes with all that the results depend on."""
    found = zlib.crc32(repr((case.torch, case.outputs, case.wrt, case.order, case.exact)).encode())
    for name, (values, dtype) in sorted(case.inputs.items()):
        found = zlib.crc32(f"{name} {dtype} {np.shape(values)}".encode() + np.ascontiguousarray(values, np.float64).tobytes(), found)
    return zlib.crc32(cotangents(8, 1).tobytes() + cotangents(8, 2).tobytes(), found)


class Writer:
    def __init__(self):
        self.index, self.parts, self.counts = {}, {}, {}

    def put(self, kind, stored):
        at = self.counts.get(kind, 0)
        self.parts.setdefault(kind, []).append(stored.reshape(-1))
        self.counts[kind] = at + stored.size
        return at

    def add_refused(self, case, why):
        self.index[case.name] = {"digest": digest(case), "refused": why}

    def add(self, case, key, dtype, values, exact):
        entry = self.index.setdefault(case.name, {"digest": digest(case), "results": []})
        kind = dtype if dtype in FLOATS else "whole"
        at = self.put(kind, narrowed(dtype, values))
        if exact is not None and np.array_equal(rounded(exact, dtype), values, equal_nan=True):
            exact = None
        entry["results"].append([key, dtype, list(values.shape), at, -1 if exact is None else self.put("exact", np.asarray(exact, np.float64))])

    def add_text(self, case, key, text):
        self.index.setdefault(case.name, {"digest": digest(case), "results": []})["results"].append([key, "text", text, 0, -1])

    def write(self, path, about):
        arrays = {kind: np.concatenate(parts) for kind, parts in self.parts.items()}
        text = json.dumps({"about": about, "cases": self.index}, separators=(",", ":"))
        arrays["index"] = np.frombuffer(text.encode(), np.uint8)
        # By hand, so that the same results give the same file: savez writes the time of day.
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for name in sorted(arrays):
                info = zipfile.ZipInfo(f"{name}.npy")
                info.compress_type = zipfile.ZIP_DEFLATED
                with archive.open(info, "w") as out:
                    np.lib.format.write_array(out, np.ascontiguousarray(arrays[name]), allow_pickle=False)


class Reader:
    def __init__(self, path):
        self.arrays = dict(np.load(path, allow_pickle=False))
        text = json.loads(self.arrays["index"].tobytes().decode())
        self.about, self.index = text["about"], text["cases"]

    def results(self, name):
        """(key, dtype, values, exact) of each result of a case. exact: what f64 gave, None where it rounds to the same values."""
        for key, dtype, shape, at, exact_at in self.index[name]["results"]:
            if dtype == "text":
                yield key, dtype, shape, None
                continue
            count = math.prod(shape)
            stored = self.arrays[dtype if dtype in FLOATS else "whole"][at : at + count] if count else np.zeros(0)
            exact = self.arrays["exact"][exact_at : exact_at + count].reshape(shape) if exact_at >= 0 and count else None
            yield key, dtype, widened(dtype, stored).reshape(shape), exact
