"""Pages and pictures as axe-core sees them in Chromium: in light and dark, narrow and wide."""

import json
import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from accounting.analysis.forecasting import forecast
from accounting.analysis.trend import trend
from accounting.billing.grouping import statements
from accounting.instants import Month
from accounting.ledger import reading
from accounting.monthly.run import run
from accounting.rendering.analysis.forecast_chart import forecast_chart
from accounting.rendering.statement.months import months_html
from accounting.rendering.statement.page import page_html
from tests.support.clock import PATIENCE_SECONDS
from tests.support.closing import seal
from tests.support.events import event
from tests.support.pages import pages_of, steady
from tests.support.project import Events, books

pytestmark = pytest.mark.servers

AXE = Path(__file__).parent / "axe" / "node_modules" / "axe-core" / "axe.min.js"
# The result comes back as the text of the page; `visible` opens what is folded.
CHECK = """
document.querySelectorAll("details").forEach((each) => { each.open = true; });
const cut = Array.from(document.querySelectorAll("table")).filter((each) => {
  return each.parentElement.scrollWidth > each.parentElement.clientWidth;
});
axe.run(document, {resultTypes: ["violations"]}).then((found) => {
  document.documentElement.innerHTML = "<pre id=found></pre>";
  document.getElementById("found").textContent = JSON.stringify({
    dark: matchMedia("(prefers-color-scheme: dark)").matches, passes: found.passes.length,
    cut: cut.map((each) => each.id),
    violations: found.violations.map((each) => [each.id, each.help, each.nodes.map((node) => node.html)]),
  });
});
"""

IN_A_PAGE = """<!DOCTYPE html>
<html lang="en">
<head><meta name="viewport" content="width=device-width"><title>A forecast</title></head>
<body><main><h1>A forecast</h1><p>Of the months to come.</p>{}</main></body>
</html>
"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A page with every section there is, one that is provisional, and one of nothing; several months, with groups and
    corrections; a page that a forecast's picture stands in; the index of a month's run."""
    hostile = '<b>"old" ' + 60 * "x"
    case = steady({"web": [1, 2], "api": [2], "old": [2, 3], "gone": [4]}, "2026-10")
    early = replace(case, snapshots=case.snapshots[:2])
    late = event(20, "package.deleted", "acme/container/api", "2026-10-05T00:00:00Z")
    other = event(21, "workspace.created", hostile, "2026-10-05T00:00:00Z")
    with books(early) as these:
        seal(these, Month.parse("2026-10"))
        these.take([Events((late, other)), case.snapshots[2]])
        november, december = (pages_of(these, month) for month in ("2026-11", "2026-12"))
        picture = forecast_chart(forecast(these.ledger, "acme"))
        with reading(these.ledger) as ledger:
            bills = statements(ledger, "acme", [Month.parse("2026-10"), Month.parse("2026-11")])
            months = months_html(bills, "repository", trend(ledger, bills))
            out = tmp_path_factory.mktemp("run") / "2026-11"
            run(ledger, Month.parse("2026-11"), out, provisional=False, progress=lambda _: None)
    return {
        "final": page_html(november["acme"]),
        "empty": page_html(november[hostile]),
        "provisional": page_html(december["acme"]),
        "months": months,
        "forecast": IN_A_PAGE.format(picture),
        "index": (out / "index.html").read_text(encoding="utf-8"),
    }


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["final", "empty", "provisional", "months", "forecast", "index"])
def test_axe_finds_no_violation(pages: dict[str, str], tmp_path: Path, name: str, scheme: str, width: int) -> None:
    page = re.sub(r"<meta http-equiv[^>]*>", "", pages[name])
    scripts = f"<script>{AXE.read_text(encoding='utf-8')}</script><script>{CHECK}</script>"
    file = tmp_path / "page.html"
    file.write_text(page.replace("</body>", f"{scripts}</body>"), encoding="utf-8")
    found = axe(file, scheme, width)
    assert found["dark"] == (scheme == "dark")
    assert found["passes"] > 10
    assert found["violations"] == []
    assert found["cut"] == []  # no column lies out of sight


def axe(file: Path, scheme: str, width: int) -> dict[str, Any]:
    """What the page's script has found, once it has."""
    command = [
        "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", "--virtual-time-budget=20000",
        f"--user-data-dir={file.parent / 'profile'}", f"--window-size={width},900",
        f"--blink-settings=preferredColorScheme={0 if scheme == 'dark' else 1}", file.as_uri(),
    ]  # fmt: skip
    dumped = subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE_SECONDS).stdout
    shown = re.search(r'<pre id="found">(.*?)</pre>', dumped, re.S)
    assert shown, dumped[:2000]
    return dict(json.loads(shown[1].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")))
