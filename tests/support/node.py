"""Run the scripts of the page in Node, with data from Python."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from running import ROOT

SCRIPTS = ROOT / "src" / "gpit_fairshare" / "reports" / "page" / "scripts"


def node() -> str:
    """Return the path of Node: the system's, or the one inside Playwright; skip without one, but fail in CI."""
    if path := shutil.which("node"):
        return path
    try:
        import playwright
    except ImportError:
        if os.environ.get("CI"):
            pytest.fail("Node is missing: install playwright, which has one")
        pytest.skip("Node is not installed")
    return str(Path(playwright.__file__).parent / "driver" / "node")


def evaluate(expression: str, data: Any = None, *, scripts: tuple[str, ...] = (), model: str = "") -> Any:
    """Return the JSON value of a JavaScript expression, which can use `data`, after some scripts of the page."""
    parts = [(SCRIPTS / f"{name}.js").read_text(encoding="utf-8") for name in scripts]
    program = "\n".join(
        [
            '(() => { "use strict";',
            *parts,
            model,
            f"const data = {json.dumps(data)};",
            f"process.stdout.write(JSON.stringify({expression}));",
            "})();",
        ]
    )
    finished = subprocess.run([node(), "-"], input=program.encode(), capture_output=True, check=False, timeout=120)
    assert finished.returncode == 0, finished.stderr.decode()[-2_000:]
    return json.loads(finished.stdout)
