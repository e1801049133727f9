"""Opens a page in Chromium, without a network: a page that needs more than its own file, or reports an error, fails."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager

import pytest


@contextmanager
def opened(path, *, width=1280, fragment="", **options):
    """Yield a page that is open in Chromium; then check that nothing was reported and only its file was requested.

    Args:
        path: The HTML file.
        width: Width of the window in pixels.
        fragment: What follows `#` in the address.
        options: Options of the browser context, such as `java_script_enabled`.
    """
    program = shutil.which("chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        program = None
    if not program:
        if os.environ.get("CI"):
            pytest.fail("there is no Chromium, or no Playwright")
        pytest.skip("needs Chromium (apt install chromium) and Playwright (pip install -e '.[dev]')")
    reported, requested = [], []
    address = f"{path.as_uri()}{f'#{fragment}' if fragment else ''}"
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=["--no-sandbox"])
        context = browser.new_context(offline=True, viewport={"width": width, "height": 900}, **options)
        page = context.new_page()
        page.on("console", lambda message: reported.append(message.text))
        page.on("pageerror", lambda error: reported.append(str(error)))
        page.on("request", lambda request: requested.append(request.url))
        page.goto(address)
        yield page
        assert reported == []
        # Downloads of the page itself are blobs.
        assert {url.partition("#")[0] for url in requested if not url.startswith("blob:")} == {path.as_uri()}
        browser.close()


def accessibility_faults(page):
    """Return what axe-core finds: rule and elements of each fault, for WCAG 2.2 AA and best practice."""
    from axe_playwright_python.sync_playwright import Axe

    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    found = Axe().run(page, options={"runOnly": {"type": "tag", "values": tags}})
    return [
        f"{fault['id']}: {', '.join(str(node['target']) for node in fault['nodes'][:5])}"
        for fault in found.response["violations"]
    ]
