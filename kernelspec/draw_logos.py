#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Draws logo-32x32.png and logo-64x64.png from logo-svg.svg with the system's Chromium, as a browser will show it. Run by hand
when the drawing changes: .venv/bin/python3 kernelspec/draw_logos.py"""

import pathlib
import sys

from playwright.sync_api import sync_playwright

FOLDER = pathlib.Path(__file__).resolve().parent
PAGE = "<style>body {{ margin: 0 }} svg {{ display: block; width: {size}px; height: {size}px }}</style>{svg}"


def main():
    svg = (FOLDER / "logo-svg.svg").read_text(encoding="utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        for size in (32, 64):
            page = browser.new_page(viewport={"width": size, "height": size})
            page.set_content(PAGE.format(size=size, svg=svg))
            page.screenshot(path=FOLDER / f"logo-{size}x{size}.png", omit_background=True)
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
