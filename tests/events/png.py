# SPDX-License-Identifier: Apache-2.0
"""Reads an 8-bit PNG without interlacing: (width, height, channels, rows of bytes). An independent reader for the tests."""
import struct
import zlib

CHANNELS = {0: 1, 2: 3, 4: 2, 6: 4}


def chunks(data):
    assert data[:8] == b"\x89PNG\r\n\x1a\n", "not a PNG file"
    at = 8
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        kind, body = data[at + 4:at + 8], data[at + 8:at + 8 + length]
        assert struct.unpack_from(">I", data, at + 8 + length)[0] == zlib.crc32(kind + body), "wrong CRC"
        yield kind, body
        at += 12 + length


def paeth(a, b, c):
    near = a + b - c
    return min((abs(near - x), i, x) for i, x in enumerate((a, b, c)))[2]


def unfilter(kind, line, before, step):
    out = bytearray(line)
    for i, x in enumerate(line):
        a, b, c = (out[i - step], before[i], before[i - step]) if i >= step else (0, before[i], 0)
        out[i] = (x + (0, a, b, (a + b) // 2, paeth(a, b, c))[kind]) & 255
    return bytes(out)


def decode(data):
    parts = list(chunks(data))
    width, height, depth, color, _, _, interlace = struct.unpack(">IIBBBBB", parts[0][1])
    assert (depth, interlace) == (8, 0)
    step = CHANNELS[color]
    raw = zlib.decompress(b"".join(body for kind, body in parts if kind == b"IDAT"))
    rows, before = [], bytes(width * step)
    for y in range(height):
        line = raw[y * (width * step + 1):(y + 1) * (width * step + 1)]
        before = unfilter(line[0], line[1:], before, step)
        rows.append(before)
    return width, height, step, rows
