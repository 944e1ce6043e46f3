"""The finished report as a reader opens it, from the file system."""

import pytest

from hccmeta.paths import notebooks_folder, reports_folder


@pytest.fixture(scope="module")
def index():
    path = reports_folder() / "index.html"
    if not path.is_file():
        pytest.fail("There is no report yet: run make report first.")
    return path


def test_front_page_shows_every_figure_and_asks_nothing_of_the_network(page, index):
    page.goto(index.as_uri())
    images = page.locator("figure img")
    assert images.count() >= 10
    broken = images.evaluate_all("all => all.filter(i => !(i.complete && i.naturalWidth > 50)).map(i => i.src)")
    assert broken == []
    assert page.troubles == []


def test_every_notebook_has_its_section_and_an_answer(page, index):
    page.goto(index.as_uri())
    stems = sorted(path.stem for path in notebooks_folder().glob("[0-9][0-9]_*.ipynb"))
    assert page.locator("main section").evaluate_all("all => all.map(s => s.id)") == stems
    for stem in stems:
        assert page.locator(f"section[id='{stem}'] .answer").first.inner_text().strip()


def test_every_link_leads_to_a_file(page, index):
    page.goto(index.as_uri())
    links = page.locator("a").evaluate_all("all => all.map(a => a.getAttribute('href'))")
    missing = [href for href in links if not href.startswith("#") and not (index.parent / href).is_file()]
    assert missing == []


def test_every_question_of_the_menu_and_every_headline_leads_to_its_answer(page, index):
    page.goto(index.as_uri())
    targets = page.locator("header a[href^='#']").evaluate_all("all => all.map(a => a.getAttribute('href').slice(1))")
    places = page.locator("main [id]").evaluate_all("all => all.map(e => e.id)")
    assert len(targets) > 30 and set(targets) <= set(places)
    questions = page.locator(".question").count()
    assert len(set(targets)) == questions + page.locator("main section").count()
    headlines = page.locator(".short li").evaluate_all("all => all.map(e => e.firstChild.textContent.trim())")
    answers = page.locator(".answer").all_inner_texts()
    assert 4 <= len(headlines) <= 8 and set(headlines) <= {text.strip() for text in answers}


def test_a_tall_figure_waits_folded_and_opens(page, index):
    page.goto(index.as_uri())
    tall = page.locator("details:has(figure)").first
    assert not tall.locator("img").is_visible()
    tall.locator("summary").click()
    assert tall.locator("img").is_visible()
    shape = "all => all.filter(i => !i.closest('details')).map(i => i.naturalHeight / i.naturalWidth)"
    assert max(page.locator("figure img").evaluate_all(shape)) < 1.7


def test_no_figure_is_wider_than_a_narrow_screen(page, index):
    page.set_viewport_size({"width": 400, "height": 800})
    page.goto(index.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= 400


@pytest.mark.parametrize("stem", ["01_response", "03_survival", "09_explore"])
def test_notebook_pages_open_without_trouble(page, index, stem):
    page.goto((index.parent / "notebooks" / f"{stem}.html").as_uri())
    broken = page.locator("figure img").evaluate_all(
        "all => all.filter(i => !(i.complete && i.naturalWidth > 50)).length"
    )
    assert broken == 0
    assert page.troubles == []


def test_tables_are_whole_on_a_wide_window_and_scroll_in_their_box_on_a_narrow_one(page, index):
    page.goto(index.as_uri())
    page.locator("details").evaluate_all("all => all.forEach(d => { d.open = true; })")
    assert page.locator(".table").count() >= 4
    hidden = "all => Math.max(...all.map(table => table.scrollWidth - table.clientWidth))"
    for width in (700, 1100, 1400):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") == width
        assert width == 700 or page.locator(".table").evaluate_all(hidden) == 0
