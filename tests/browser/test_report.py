"""The report in headless Chromium: no error, no request, a picker that works."""

import shutil

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")]


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as p:
        browser = p.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        yield browser
        browser.close()


@pytest.fixture
def page(browser, tiny_run):
    page = browser.new_page(viewport={"width": 1100, "height": 900})
    page.said, page.asked = [], []
    page.on("console", lambda m: page.said.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda e: page.said.append(str(e)))
    page.on("request", lambda r: page.asked.append(r.url))
    page.goto(f"file://{tiny_run / 'out' / 'report.html'}")
    page.wait_for_selector("#chart-delta svg")
    yield page
    page.close()


def test_loads_alone_and_without_errors(page, tmp_path):
    page.wait_for_selector("#chart-loss svg")
    assert page.said == []
    assert [url for url in page.asked if not url.startswith(("file://", "data:", "blob:"))] == []
    assert page.locator(".finding").count() >= 1
    page.screenshot(path=tmp_path / "report.png", full_page=True)
    assert (tmp_path / "report.png").stat().st_size > 20_000


def test_the_picker_changes_the_transcript(page):
    first = page.locator("#question").inner_text()
    assert "answer:" in first
    page.select_option("#pick-item", index=1)
    assert page.locator("#question").inner_text() != first
    page.select_option("#pick-benchmark", label="facts")
    assert "Reply with the letter only" in page.locator("#question").inner_text()
    assert page.locator("#before").inner_text() != ""
    assert page.locator("#after-title").inner_text().startswith("after · ")


@pytest.mark.parametrize(
    ("mark", "model"),
    [("#chart-delta .mark-rect path >> nth=0", "pirate"), ("#chart-dose .mark-symbol path >> nth=1", "pirate · reminder 4")],
)
def test_a_click_on_a_mark_opens_its_transcripts(page, mark, model):
    page.select_option("#pick-model", label="self")
    page.locator(mark).click(force=True)
    assert page.locator("#pick-model").input_value() == model
    assert page.locator("#pick-benchmark").input_value() == "arith"
    assert page.locator("#question").inner_text() != ""


def test_the_picker_works_from_the_keyboard(page):
    first = page.locator("#question").inner_text()
    page.focus("#pick-item")
    page.keyboard.press("ArrowDown")
    assert page.locator("#question").inner_text() != first


def test_phone_width_does_not_scroll_sideways(page):
    page.set_viewport_size({"width": 380, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 380


def test_dark_mode_is_readable(page):
    page.emulate_media(color_scheme="dark")
    ground, ink = (page.evaluate(f"getComputedStyle(document.body).{p}") for p in ("backgroundColor", "color"))
    brightness = [sum(int(x) for x in c[4:-1].split(",")) for c in (ground, ink)]
    assert brightness[1] - brightness[0] > 300


def test_prints(page, tmp_path):
    page.pdf(path=tmp_path / "report.pdf")
    assert (tmp_path / "report.pdf").read_bytes()[:4] == b"%PDF"
