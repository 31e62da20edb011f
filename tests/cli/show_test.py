# SPDX-License-Identifier: Apache-2.0
"""How values look: every form that a front gets is parsed by a parser of its own kind, and what it says is compared with the
value. The text forms are those of `tenon run` too."""
import html.parser
import json
import os
import pathlib
import re
import struct
import time
import xml.etree.ElementTree as xml
import zlib

from cli import case, check, check_in, folder, run_cases, start, tenon, uses_asan
from rich import Worker, shown

HTML, SVG, PNG, VEGA, TEXT = "text/html", "image/svg+xml", "image/png", "application/vnd.vegalite.v5+json", "text/plain"
VOID = {"br", "img", "progress"}


class Page(html.parser.HTMLParser):
    """HTML that must close what it opens: `rows` of cells of all tables, `text`, `tags`."""

    def __init__(self, source):
        super().__init__()
        self.open, self.rows, self.text, self.tags, self.attributes = [], [], "", [], []
        self.feed(source)
        self.close()
        check(self.open, [], "tags left open")

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID or tag == "progress":
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th") and self.rows:
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        check(self.open.pop(), tag, "the tag that is closed")

    def handle_data(self, data):
        self.text += data
        if {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data


def page(show):
    """The HTML of what is shown: safe, and in the colours of the page around it."""
    found = Page(show.data[HTML])
    check({"script", "style", "iframe", "link", "object"} & set(found.tags), set(), "tags that a page must not have")
    for name, value in found.attributes:
        assert not name.startswith("on") and "color" not in (value or "") and "http" not in (value or ""), (name, value)
    return found


def drawing(show):
    root = xml.fromstring(show.data[SVG])
    check(root.tag, "{http://www.w3.org/2000/svg}svg", "the root of the SVG")
    for element in root.iter():
        assert not element.tag.endswith("script") and not any(k.endswith("href") for k in element.attrib), element.tag
    return root


def parts(root, tag):
    return list(root.iter("{http://www.w3.org/2000/svg}" + tag))


def values(show):
    spec = show.data[VEGA]
    check_in("vega-lite/v5", spec["$schema"], "the schema")
    json.dumps(spec, allow_nan=False)
    return spec["data"]["values"]


def picture(data):
    """A PNG as (width, height, channels, rows of bytes)."""
    check(data[:8], b"\x89PNG\r\n\x1a\n", "the first bytes of a PNG")
    at, idat, head = 8, b"", None
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + size]
        check(struct.unpack(">I", data[at + 8 + size:at + 12 + size])[0], zlib.crc32(kind + body), f"the sum of {kind}")
        head = struct.unpack(">IIBBBBB", body) if kind == b"IHDR" else head
        idat += body if kind == b"IDAT" else b""
        at += 12 + size
    width, height, depth, colour, _, _, interlace = head
    check((depth, interlace), (8, 0), "depth and interlace")
    channels = {0: 1, 4: 2, 2: 3, 6: 4}[colour]
    return width, height, channels, unfilter(zlib.decompress(idat), width * channels, height, channels)


def unfilter(raw, line, height, step):
    rows, above = [], bytes(line)
    for y in range(height):
        kind, data = raw[y * (line + 1)], bytearray(raw[y * (line + 1) + 1:(y + 1) * (line + 1)])
        for i in range(line):
            a = data[i - step] if i >= step else 0
            b, c = above[i], above[i - step] if i >= step else 0
            p = a + b - c
            paeth = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
            data[i] = (data[i] + (0, a, b, (a + b) // 2, paeth)[kind]) & 255
        rows.append(bytes(data))
        above = rows[-1]
    return rows


def display_width(text):
    return max(len(line) for line in text.split("\n"))


# ---- values ----

@case
def a_matrix_is_a_table_of_its_ends():
    show = shown("arange(2000).reshape(100, 20)")
    found = page(show)
    check_in("tensor i64[100, 20] · cpu", found.text)
    check(found.rows[0], ["", "0", "1", "2", "3", "4", "…", "15", "16", "17", "18", "19"], "the columns' numbers")
    check([row[0] for row in found.rows[1:]], ["0", "1", "2", "3", "4", "⋮", "95", "96", "97", "98", "99"], "the rows' numbers")
    check(found.rows[2][1:4], ["20", "21", "22"], "row 1")
    check(found.rows[-1][-1], "1999", "the last element")
    check_in("tensor([[", show.data[TEXT])
    check(show.result, True, "a result")


@case
def small_tensors_are_shown_whole():
    found = page(shown("tensor([1.5, nan, -inf])"))
    check(found.rows, [["0", "1", "2"], ["1.5000", "nan", "-inf"]], "the table")
    check(list(shown("tensor(3.5)").data), [TEXT], "the forms of a number")
    check_in("f32[0, 3]", page(shown("zeros(0, 3)")).text)


@case
def of_higher_ranks_the_first_matrices_and_the_range_are_shown():
    found = page(shown("arange(120).reshape(2, 3, 4, 5)"))
    check_in("min 0 · mean 59.5 · max 119", found.text)
    check_in("[0, 0, :, :]", found.text)
    check_in("[0, 1, :, :]", found.text)
    check_in("4 more matrices", found.text)
    check_in("1 more matrix", page(shown("zeros(3, 2, 2)")).text)
    check(found.rows[6], ["0", "20", "21", "22", "23", "24"], "the first row of the second matrix")


@case
def showing_reads_what_is_shown():
    program = "auto x = zeros(8000, 8000) + 1.0; sync(x); display(x.T); display(x[::-1, :]);"
    process = start("run", "-e", program)
    text = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = status
    check(status, 0, "exit status")
    check_in("f32[8000, 8000]", text)
    if not uses_asan():
        assert usage.ru_maxrss < 450 << 10, f"{usage.ru_maxrss >> 10} MiB for a tensor of 244 MiB"


@case
def structs_open_step_by_step():
    show = shown('struct Inner { int n; }; struct P { float x; string s; Inner inner; int[] ks; };\n'
                 'P{ .x = 1.5, .s = "<b>&\\"", .inner = Inner{ .n = 7 }, .ks = [1, 2] }')
    found = page(show)
    check(found.tags.count("details"), 2, "parts that open")
    check(found.rows[0], ["x", "float", "1.5"], "the first field")
    check(found.rows[1], ["s", "string", '"<b>&\\""'], "a string")
    check_in("Inner", found.text)
    check(found.rows[-1], ["ks", "list of 2", "[1, 2]"], "a short list stays in its line")
    check(show.data[TEXT], 'P{.x = 1.5, .s = "<b>&\\"", .inner = Inner{.n = 7}, .ks = [1, 2]}', "text")


@case
def rows_of_structs_are_a_table():
    found = page(shown('struct P { float x; string s; };\nlist(100, (i) => P{ .x = i / 4.0, .s = f"<{i}>" })'))
    check(found.rows[0], ["x", "s"], "the head")
    check(found.rows[2], ["0.25", "<1>"], "a row")
    check_in("60 more", found.text)
    check(found.rows[-1], ["24.75", "<99>"], "the last row")
    maps = page(shown('auto ms = [{ "a": 1 }, { "a": 2, "b": 3 }]; ms'))
    check(maps.rows, [["a", "b"], ["1", ""], ["2", "3"]], "maps")


@case
def maps_and_long_lists():
    found = page(shown('auto m = { "a": [1, 2, 3], "b": { "c": "d" } }; m'))
    check_in("map of 2", found.text)
    check_in("list of 3", found.text)
    check(list(shown('auto xs = ["a", "b"]; xs').data), [TEXT], "the forms of a list of strings")
    check(shown("list(5000, (i) => i)").data[TEXT], "[0, 1, 2, 3, 4, … 4990 more …, 4995, 4996, 4997, 4998, 4999]", "a long list")
    check_in("more", page(shown("list(5000, (i) => (i, zeros(2)))")).text)


@case
def a_net_is_its_summary():
    show = shown("(conv2d(1, 8, 3), batch_norm(8), relu, linear(10, 2))")
    lines = show.data[TEXT].split("\n")
    check(lines[0], "tuple of 4", "the first line")
    check(lines[1].split(), ["path", "layer", "shape", "dtype", "count"], "the head")
    check(lines[2].split("  ")[0], "0.w", "the first path")
    check_in("1.running_mean  BatchNorm  [8]           f32        8  frozen", show.data[TEXT])
    check(lines[-1], "118 weights in 6 tensors, 16 frozen, 536 bytes", "the totals")
    found = page(show)
    check_in(["3.w", "Linear", "[2, 10]", "f32", "20", ""], found.rows, "the rows")
    check(shown("summary(linear(2, 3))").data[HTML].count("<tr>"), 4, "rows of summary(…)")
    found = page(shown("linear(2, 3)"))
    check_in(["w", "Linear", "[3, 2]", "f32", "6"], found.rows, "nothing is frozen: no column for it")
    check_in("values", found.text, "what opens below the summary")


@case
def a_data_set_has_elements_and_no_weights():
    lines = shown("Splits{ .train = Dataset{ .x = zeros(6, 2), .y = zeros(6, dtype: i64) }, .test = Dataset{ .x = zeros(2, 2) } }").data[TEXT].split("\n")
    check(lines[2].split(), ["train.x", "Dataset", "[6,", "2]", "f32", "12"], "the first row")
    check_in("22 elements in 3 tensors", lines[-1])
    check_in("6 weights in 2 tensors, 4 elements in 2 tensors", shown("(linear(2, 2), Dataset{ .x = zeros(2, 1), .y = zeros(2) })").data[TEXT])


@case
def what_ends_in_a_semicolon_shows_nothing():
    with Worker() as worker:
        check(len(worker.run("plot([1, 2]); linear(1, 2);").shows), 0, "things shown")


# ---- tables ----

@case
def tables_of_rows_and_of_columns():
    show = shown('table({ "epoch": [1, 2, 3], "loss": tensor([0.5, 0.25]), "name": ["a", "<b>", "c"] })')
    check(page(show).rows, [["epoch", "loss", "name"], ["1", "0.50", "a"], ["2", "0.25", "<b>"], ["3", "", "c"]], "columns")
    check(show.data[TEXT], "epoch  loss  name\n    1  0.50  a\n    2  0.25  <b>\n    3        c", "text")
    rows = tenon("run", "-e", 'table([(1, "x"), (20, "yy")])').stdout
    check(rows, " 0  1\n 1  x\n20  yy\n", "tuples")
    wide = tenon("run", "-e", 'table({ "ключ": ["日本", "é"], "n": [1, 2] })').stdout
    check(wide, "ключ  n\n日本  1\né     2\n", "wide characters are aligned")
    check_in("expected a list of structs", tenon("run", "-e", "table(3)").stderr)


# ---- images ----

@case
def floats_of_a_column_stand_below_each_other():
    def rows(code):
        return [line.split() for line in tenon("run", "-e", f"table({code})").stdout.splitlines()[1:]]

    check(rows('{ "p": f32([0.99113756, -0.61760896, 0.0377]), "y": f32([0, 1, 0]), "n": [1, 20, 3] }'),
          [["0.991138", "0.0", "1"], ["-0.617609", "1.0", "20"], ["0.037700", "0.0", "3"]], "f32")
    check(rows('[("a", 22.5), ("b", 1.0), ("c", 0.125)]'), [["a", "22.500"], ["b", "1.000"], ["c", "0.125"]], "rows")
    check(rows('[(0.123456789, 1), (123456.789, 2)]'), [["0.123457", "1"], ["123457", "2"]], "too different for one style")
    check(rows('[(1e-9, nan), (1.0, inf)]'), [["1e-09", "nan"], ["1.0", "inf"]], "exponents and what is not finite")
    check(rows('[(0.5, "1.50"), (10, "x")]'), [["0.5", "1.50"], ["10", "x"]], "ints and strings stay as they are")


@case
def a_long_list_is_parted_between_its_elements():
    text = shown("list(100, (i) => exp(-i / 7.0))").data[TEXT]
    lines = text.split("\n")
    assert len(lines) > 10 and all(len(line) <= 88 and line.endswith((",", "]")) for line in lines), text
    check(len(text.replace("\n", "").split(", ")), 100, "elements")
    check(shown('["a, b", "c"]').data[TEXT], '["a, b", "c"]', "a short list")
    words = shown("list(30, (i) => f'{i}, \\\\\"')").data[TEXT]
    assert all(line.endswith(('",', '"]')) for line in words.split("\n")), words
    assert "\n" not in tenon("run", "-e", "print(list(100, (i) => i));").stdout.rstrip("\n"), "print writes one line"


@case
def an_image_is_a_png_of_its_pixels():
    show = shown("image(tensor([[0.0, 0.5], [1.0, 2.0]]), scale: 3)")
    width, height, channels, rows = picture(show.data[PNG])
    check((width, height, channels), (6, 6, 1), "size")
    check(rows[0], bytes([0] * 3 + [128] * 3), "the first row")
    check(rows[5], bytes([255] * 6), "the last row, which stays within white")
    check(show.metadata, {PNG: {"width": 6, "height": 6}}, "metadata")
    check(show.data[TEXT], "image 2x2", "text")


@case
def colours_stand_first_or_last():
    first = picture(shown("auto x = zeros(3, 2, 8); x[0] = 1.0; image(x, scale: 1)").data[PNG])
    last = picture(shown("auto x = zeros(2, 8, 3); x[..., 0] = 1.0; image(x, scale: 1)").data[PNG])
    check(first, last, "the same picture")
    check(first[2:], (3, [bytes([255, 0, 0] * 8)] * 2), "red")
    check(picture(shown("image(u8(full([2, 8, 4], 7)), scale: 1)").data[PNG])[2:], (4, [bytes([7] * 32)] * 2), "alpha")
    check(picture(shown("image(tensor([[-1.0, 1.0]]), scale: 1, normalize: true)").data[PNG])[3], [bytes([0, 255])], "normalized")


@case
def many_images_are_a_grid():
    show = shown("image(ones(5, 4, 6), columns: 3, scale: 1)")
    width, height, channels, rows = picture(show.data[PNG])
    check((width, height, channels), (22, 10, 1), "size")
    check(rows[0][6:8], bytes([0xcc] * 2), "the gap")
    check(rows[9][:16], bytes([255] * 6 + [0xcc] * 2 + [255] * 6 + [0xcc] * 2), "the second row has two images")
    check(show.data[TEXT], "5 images 6x4", "text")
    check_in("100 of 250 images", shown("image(zeros(250, 8, 8))").data[TEXT])


@case
def labels_stand_below_their_images():
    show = shown('image(zeros(3, 5, 5).unsqueeze(1), labels: ["<cat>", "dog", "é"], columns: 2)')
    found = page(show)
    check(found.tags.count("img"), 3, "images")
    check(found.rows, [["<cat>", "dog"], ["é"]], "labels")
    check(show.data[HTML].count('<tr style="background: none">'), 2, "rows without the stripes of a table")
    check_in("<cat>  dog\né", show.data[TEXT])
    check(page(shown("image(zeros(2, 5, 5), labels: tensor([7, 9]))")).rows, [["7", "9"]], "numbers")


@case
def images_that_cannot_be():
    for code, words in (("image(zeros(3))", "[H, W]"), ("image(arange(9).reshape(3, 3))", "u8 (0 to 255) or floating"),
                        ("image(zeros(2, 5, 5), labels: [1])", "2 images, but 1 label"), ("image(zeros(2, 2), scale: 0)", "scale must be between"),
                        ("image(zeros(2, 20000), scale: 2)", "larger than"), ("image(zeros(0, 5))", "[H, W]")):
        check_in(words, tenon("run", "-e", code).stderr, code)


@case
def write_png_writes_the_picture():
    with folder() as where:
        path = os.path.join(where, "x.png")
        run = tenon("run", "-e", f'write_png("{path}", tensor([[0.0, 1.0]]));')
        check(run.returncode, 0, run.stderr)
        check(picture(open(path, "rb").read()), (2, 1, 1, [bytes([0, 255])]), "the file")
        check_in("cannot write", tenon("run", "-e", f'write_png("{where}/no/x.png", zeros(2, 2));').stderr)


# ---- charts ----

@case
def a_line_is_drawn_in_every_form():
    show = shown('plot([3.0, 1.5, nan, 0.5], title: "a < b", x_label: "epoch", y_label: "loss & more")')
    check(sorted(show.data), sorted([VEGA, SVG, TEXT]), "forms")
    check([(v["x"], v["y"]) for v in values(show)], [(0, 3), (1, 1.5), (2, None), (3, 0.5)], "the points")
    check(show.data[VEGA]["title"], "a < b", "the title")
    check(show.data[VEGA]["background"], "transparent", "the ground is the notebook's, light or dark")
    check(show.data[VEGA]["encoding"]["y"]["title"], "loss & more", "the y label")
    root = drawing(show)
    words = [t.text for t in parts(root, "text")]
    for word in ("a < b", "epoch", "loss & more", "0", "1", "2", "3"):
        check_in(word, words, "texts of the SVG")
    path = [p for p in parts(root, "path") if p.get("stroke-width")][0].get("d")
    check((path.count("M"), path.count("L")), (2, 1), "NaN leaves a gap")
    check_in("a < b", show.data[TEXT])
    assert display_width(show.data[TEXT]) <= 72, display_width(show.data[TEXT])
    assert any("\u2801" <= c <= "\u28ff" for c in show.data[TEXT]), "no dots"


@case
def a_chart_is_written_as_a_file():
    with folder() as where:
        path = f"{where}/loss.svg"
        check(tenon("run", "-e", f'auto p = plot([3.0, 1.5], title: "a < b"); write_svg("{path}", p); write_svg("{path}", p);').stderr, "", "errors")
        with open(path, encoding="utf-8") as file:
            check(file.read(), shown('plot([3.0, 1.5], title: "a < b")').data[SVG], "the file")
        check_in("expected a chart", tenon("run", "-e", f'write_svg("{path}", table([(1, 2)]));').stderr)
        check_in("cannot write", tenon("run", "-e", f'write_svg("{where}/no/x.svg", plot([1]));').stderr)
    check_in("[N, 1, H, W]", tenon("run", "-e", "image(zeros(12, 4, 4), labels: [1, 2])").stderr)


@case
def lines_by_name_have_a_legend():
    code = 'plot({ "train": list(50, (i) => exp(-i / 20.0)), "test": ([0, 10], [1.0, 0.5]) }, log_y: true)'
    show = shown(code)
    check({v["series"] for v in values(show)}, {"train", "test"}, "names")
    check(show.data[VEGA]["encoding"]["y"]["scale"]["type"], "log", "the scale")
    words = [t.text for t in parts(drawing(show), "text")]
    assert {"train", "test"} <= set(words), words
    check(tenon("run", "-e", code).stdout.rstrip("\n"), show.data[TEXT], "the text of tenon run")
    assert "legend" not in show.data[VEGA]["encoding"]["color"], "short names stand beside the chart"
    long = shown('plot({ "the loss of the second training": [1, 2], "b": [2, 1] })').data[VEGA]["encoding"]["color"]
    check(long["legend"]["orient"], "bottom", "the place of long names")
    for name in ("train", "test"):
        assert any(line.endswith(name) for line in show.data[TEXT].split("\n")), name


@case
def a_logarithmic_axis_ends_where_the_points_do():
    def axis(code, letter):
        found = shown(code).data[VEGA]["encoding"][letter]
        return found["scale"]["domain"], found["axis"].get("values", [])

    (low, high), ticks = axis("plot([0.032, 1.0, 4.0], log_y: true)", "y")
    assert 0.02 < low < 0.032 and 4 < high < 6, (low, high)
    assert all(low <= t <= high for t in ticks) and len(ticks) >= 4, ticks
    check(axis("plot([1, 10, 300], [1, 2, 3], log_x: true)", "x")[1], [1, 2, 5, 10, 20, 50, 100, 200], "ticks of two decades and a half")
    (low, high), ticks = axis("plot([0.3, 0.35, 0.4], log_y: true)", "y")
    assert 0.28 < low < 0.3 and len(ticks) >= 4, (low, high, ticks)
    words = [t.text for t in parts(drawing(shown("plot([0.3, 0.35, 0.4], log_y: true)")), "text")]
    check_in("0.36", words, "texts of the SVG")
    ticks = axis("plot([1e-12, 1e12], log_y: true)", "y")[1]
    assert 4 <= len(ticks) <= 10 and ticks[0] < 1e-6 and ticks[-1] > 1e6, ticks


@case
def whole_numbers_have_ticks_at_whole_numbers():
    axes = shown("plot([1.0, 2.0, 3.0])").data[VEGA]["encoding"]
    check((axes["x"]["axis"]["values"], axes["y"]["axis"]["values"]), ([0, 1, 2], [1, 2, 3]), "ticks")
    check_in(",.0f", axes["x"]["axis"]["labelExpr"])


@case
def points_may_come_as_lists_tensors_and_columns():
    for code in ("plot([0, 2], [5.0, 7.0])", "plot(tensor([0, 2]), tensor([5.0, 7.0]))", "tensor[] ys = [tensor(5.0), tensor(7.0)]; plot([0, 2], ys)"):
        check([(v["x"], v["y"]) for v in values(shown(code))], [(0, 5), (2, 7)], code)
    found = values(shown("plot(arange(6.0).reshape(3, 2))"))
    check([(v["series"], v["y"]) for v in found], [("0", 0), ("0", 2), ("0", 4), ("1", 1), ("1", 3), ("1", 5)], "columns")
    check_in("x has 2 numbers, but y has 3", tenon("run", "-e", "plot([1, 2], [1, 2, 3])").stderr)
    check_in("found one number", tenon("run", "-e", "plot(5)").stderr)
    check_in("f32[2, 2, 2]", tenon("run", "-e", "plot(zeros(2, 2, 2))").stderr)


@case
def a_million_points_are_thinned_and_keep_their_extremes():
    show = shown("auto y = zeros(1000000); y[123456] = 5.0; y[777777] = -3.0; plot(y)")
    found = values(show)
    assert len(found) <= 4000, len(found)
    check((max(v["y"] for v in found), min(v["y"] for v in found)), (5, -3), "extremes")
    assert len(show.data[SVG]) < 100_000, len(show.data[SVG])
    xs = [v["x"] for v in found]
    check(xs, sorted(xs), "order")
    check_in("4,000 of 100,000 points", shown("scatter(randn(100000), randn(100000))").data[TEXT])
    groups = shown("scatter(randn(100000), randn(100000), group: randint(0, 5, [100000]))")
    check((len(values(groups)), len({v["series"] for v in values(groups)})), (4000, 5), "points and groups")
    check_in("4,000 of 100,000 points", groups.data[TEXT])


@case
def odd_numbers_do_not_break_a_chart():
    for code in ("plot([1])", "int[] none = []; plot(none)", "plot([nan, inf, -inf])", "plot([5, 5, 5])", "plot([1e300, -1e300, 1e308])",
                 "plot([-1, 0, 1], log_y: true)", "plot([1e-320, 1e308], log_y: true)", "scatter([1], [1])", "hist([3])", "float[] no = []; hist(no)",
                 "hist([nan, 1, inf])", "hist([-1.7e308, 0.0, 1.7e308])", "scatter([-1e308, 1e308], [1, 2])", "heatmap([[nan, nan]])", "heatmap([[1.0]])", "plot([0.1, 0.1000001])", "plot([1e15, 1e15 + 1])"):
        show = shown(code)
        values(show)
        text = "".join(t.text or "" for t in parts(drawing(show), "text"))
        assert "nan" not in text and "inf" not in text, (code, text)
        for element in drawing(show).iter():
            assert not any("nan" in v or "inf" in v for k, v in element.attrib.items() if k != "fill"), (code, element.attrib)


@case
def scatter_parts_groups():
    found = values(shown("scatter([1, 2, 3], [1, 4, 9], group: [1, 0, 1])"))
    check([(v["series"], v["x"]) for v in found], [("0", 2), ("1", 1), ("1", 3)], "by number")
    named = shown('scatter(tensor([[1.0, 2.0], [3.0, 4.0]]), group: ["a", "b"])')
    check([(v["series"], v["x"], v["y"]) for v in values(named)], [("a", 1, 2), ("b", 3, 4)], "by name, from [N, 2]")
    check(len(parts(drawing(named), "circle")), 2, "points of the SVG")
    check_in("o a", named.data[TEXT])
    check_in("3 points, but group has 1", tenon("run", "-e", "scatter([1, 2, 3], [1, 4, 9], group: [1])").stderr)


@case
def a_histogram_counts_every_value():
    show = shown("hist(arange(1000.0), bins: 10)")
    check([v["y"] for v in values(show)], [100] * 10, "counts")
    check((values(show)[0]["x"], values(show)[-1]["x2"]), (0, 999), "edges")
    check(len(parts(drawing(show), "rect")), 11, "bars and the ground")
    two = shown('hist({ "a": randn(500), "b": randn(300, 2) }, bins: 20)')
    check([sum(v["y"] for v in values(two) if v["series"] == s) for s in "ab"], [500, 600], "both")
    check_in("2 values are not finite", shown("hist([1.0, nan, inf, 2.0])").data[TEXT])
    check_in("bins must be between", tenon("run", "-e", "hist([1], bins: 0)").stderr)


@case
def a_heat_map_has_its_numbers_or_means():
    show = shown('heatmap([[5, 1], [0, 4]], rows: ["cat", "dog"], columns: ["cat", "dog"], x_label: "said")')
    check([(v["row"], v["column"], v["value"]) for v in values(show)],
          [("cat", "cat", 5), ("cat", "dog", 1), ("dog", "cat", 0), ("dog", "dog", 4)], "cells")
    check_in("cat    5    1\ndog    0    4", show.data[TEXT])
    large = shown("heatmap(ones(640, 1280))")
    check(len(values(large)), 64 * 64, "cells of a large one")
    check({v["value"] for v in values(large)}, {1}, "means")
    check_in("means of blocks of a matrix of 640 x 1280", large.data[TEXT])
    check_in("2 rows, but 1 names", tenon("run", "-e", 'heatmap([[1], [2]], rows: ["a"])').stderr)


# ---- places ----

@case
def the_same_id_takes_the_same_place():
    with Worker() as worker:
        cell = worker.run('for (int i = 0; i < 3; i++) { display(i, id: "n"); } display(9, id: "other");')
        check([s.data[TEXT] for s in cell.shows if not s.update], ["0", "9"], "the places")
        check([s.data[TEXT] for s in cell.shows if s.update][-1], "2", "the last update; those that came too fast are left out")
        check(len({s.id for s in cell.shows}), 2, "ids")
        first, other = [s.id for s in cell.shows if not s.update]
        check({s.id for s in cell.shows if s.update}, {first}, "what is updated")
        again = worker.run('display(5, id: "n"); update_display(6, "other");')
        check([(s.data[TEXT], s.update) for s in again.shows], [("5", False), ("6", True)], "in the next cell")
        check([s.id for s in again.shows], [first, other], "the ids stay")
        failed = worker.run('update_display(1, "never");')
        check_in('nothing was shown with the id "never"', failed.error)


@case
def a_chart_that_grows_fast_is_sent_now_and_then_and_at_the_end():
    with Worker() as worker:
        began = time.monotonic()
        cell = worker.run('float[] ys; for (int i = 0; i < 2000; i++) { ys.append(float(i)); display(plot(ys), id: "loss"); } print("end");')
        check(cell.status, "ok", cell.error)
        assert 2 <= len(cell.shows) <= 3 + 10 * (time.monotonic() - began), f"{len(cell.shows)} shows in {time.monotonic() - began:.1f} s"
        check([s.update for s in cell.shows], [False] + [True] * (len(cell.shows) - 1), "updates")
        check(len(values(cell.shows[-1])), 2000, "points of the last one")
        failed = worker.run('display(plot([1]), id: "loss"); display(plot([1, 2]), id: "loss"); error("later");')
        check((failed.status, len(values(failed.shows[-1]))), ("error", 2), "after an error")


@case
def progress_is_a_bar_that_stays():
    with Worker() as worker:
        cell = worker.run('for (auto i : progress(0..2, "outer <1>")) { for (auto j : progress(0..3)) { } }')
    bars = {}
    for show in cell.shows:
        bars.setdefault(show.id, []).append(show)
    check(len(bars), 3, "bars")
    for shows in bars.values():
        check([s.update for s in shows], [False] + [True] * (len(shows) - 1), "updates")
        found = page(shows[-1])
        check(found.tags.count("progress"), 1, "progress elements")
        numbers = dict(found.attributes)
        check(numbers["value"], numbers["max"], "the bar at its end")
        check_in("it/s", found.text)
        check_in("/", shows[-1].data[TEXT])
    check(sum("outer <1>" in page(shows[-1]).text for shows in bars.values()), 1, "labels")


@case
def a_figure_is_a_value():
    with Worker() as worker:
        worker.run("struct Report { Figure loss; }; float[] ys = [1.0, 2.0]; auto r = Report{ .loss = plot(ys) }; ys.append(50.0);")
        cell = worker.run("r.loss")
        check([v["y"] for v in values(cell.shows[0])], [1, 2], "a figure keeps what it was made of")
        check(worker.run("print(plot([1, 2], title: \"printed\"));").text.split("\n")[0].strip(), "printed", "print")
        check_in("Figure", worker.run("Figure f = 3;").error)


@case
def every_example_of_the_documentation_runs():
    text = (pathlib.Path(__file__).resolve().parents[2] / "docs" / "display.md").read_text()
    blocks = re.findall(r"^```c\n(.*?)^```$", text, re.M | re.S)
    assert len(blocks) > 6, len(blocks)
    with Worker() as worker:
        for block in blocks:
            cell = worker.run(block)
            check(cell.status, "ok", f"{block} ({cell.error})")
            assert cell.shows, block
            for show in cell.shows:
                if HTML in show.data:
                    page(show)
                if SVG in show.data:
                    drawing(show)


run_cases()
