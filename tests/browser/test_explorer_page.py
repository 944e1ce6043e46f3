"""The static explorer page in the browser computes, says and saves what hccmeta does."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

import hccmeta as hm
from hccmeta.effects.proportion import effects_proportion
from hccmeta.evidence import selections
from hccmeta.evidence.sieve import arm_table
from hccmeta.explorer.page import CRITERIA, ENDPOINTS, page_data, page_html
from hccmeta.explorer.view import FILTERS, GROUPINGS, response_view
from hccmeta.pooling.glmm_likelihood import Binomial, MarginalModel

POOLED = {"estimate": "estimate", "low": "ci_low", "high": "ci_high", "piLow": "pi_low", "piHigh": "pi_high"}
SPREAD = {"se": "se", "tau2": "tau2"}
TESTS = {"I2": "I2", "Q": "Q", "Qp": "Q_p"}
LOGIT_TOLERANCE = 1e-9
EXACT_TOLERANCE = 1e-6  # hccmeta's own iterations end nearby: shares of patients, se, tau2 (relative beyond 1)

COMPUTE = """choices => choices.map(choice => {
  const { rows, labels } = chooseRows(choice);
  const exact = rows.length ? poolExact(rows) : null;
  const grouped = rows.length && choice.groupBy ? poolGroups(rows, row => valueOf(row, choice.groupBy)) : null;
  return {
    ids: rows.map(row => row.response_id), labels: rows.map(row => labels.get(row)), exact,
    logit: rows.length ? poolLogit(rows) : null, sentence: sentenceOf(choice, exact, grouped, { rows, labels }),
    groups: grouped && grouped.groups.map(group => [group.name, group.rows.length, group.result]), p: grouped?.p,
    intervals: rows.map(row => clopperPearson(row.events, row.n)),
  };
})"""


@pytest.fixture(scope="module")
def tables():
    return hm.load_tables()


@pytest.fixture
def opened(page, tmp_path):
    """Opens the page of some tables, or of ready data, from a file."""

    def open_page(tables=None, data=None):
        file = tmp_path / "explorer.html"
        file.write_text(page_html(data or page_data(tables)), encoding="utf-8")
        page.goto(file.as_uri())
        return page

    yield open_page
    assert page.troubles == []


def made_worse(tables, rng):
    """The tables with random counts (none and all among them), studies that share cohorts, and pooled arms."""
    responses, studies, arms = tables.responses.copy(), tables.studies.copy(), tables.arms.copy()
    counted = responses["n"].notna() & responses["events"].notna()
    n = np.where(
        rng.random(counted.sum()) < 0.2, rng.integers(1, 8, counted.sum()), rng.integers(8, 160, counted.sum())
    )
    share = np.clip(rng.normal(0.4, 0.25, counted.sum()), 0, 1)
    responses.loc[counted, "n"] = n
    responses.loc[counted, "events"] = rng.binomial(n, share)
    studies["cohort_id"] = rng.choice(studies["cohort_id"], len(studies))
    arms.loc[rng.random(len(arms)) < 0.15, "role"] = "pooled"
    frames = tables.frames | {"responses": responses, "studies": studies, "arms": arms}
    return type(tables)(frames, tables.schemas, tables.selection, tables.read)


def random_choices(tables, rng, count):
    arms = arm_table(tables)
    columns = {name: sorted(arms[name].dropna().unique()) for name in FILTERS}
    columns["evidence_grade"] = ["abstract", "full_text", "secondary"]
    criteria, scopes = list(CRITERIA.values()), ["overall"] * 8 + ["in_field", "non_irradiated", "tumour_thrombus"]

    def one():
        where = {"treatment": ["RT + ICI"]} if rng.random() < 0.5 else {}
        for name in rng.choice(list(columns), rng.integers(0, 3), replace=False):
            size = rng.integers(1, len(columns[name]) + 1)
            where[str(name)] = [str(value) for value in rng.choice(columns[name], size, replace=False)]
        without = rng.choice(arms["arm_id"], rng.integers(0, 25), replace=False)
        return {
            "endpoint": str(rng.choice([*ENDPOINTS, "ORR", "ORR"])), "scope": str(rng.choice(scopes)),
            "criteria": criteria[rng.integers(len(criteria))], "where": where, "groupBy": str(rng.choice(GROUPINGS)),
            "without": [str(arm) for arm in without],
        }  # fmt: skip

    return [one() for _ in range(count)]


def as_view(tables, choice):
    left = [arm for arm in arm_table(tables)["arm_id"] if arm not in choice["without"]]
    return response_view(
        tables, endpoint=choice["endpoint"], criteria=choice["criteria"], lesion_scope=choice["scope"],
        where=choice["where"] | {"arm_id": left}, group_by=choice["groupBy"],
    )  # fmt: skip


def distance(found, result, names, scale=float):
    """Largest difference between the page's numbers and a result's, relative beyond 1; the same infinity is 0."""

    def gap(one, other):
        return 0 if one == other or (math.isnan(one) and math.isnan(other)) else abs(one - other) / max(1, abs(other))

    return max(gap(scale(found[mine]), scale(getattr(result, theirs))) for mine, theirs in names.items())


def distance_exact(found, result):
    """Estimate and limits as shares of patients: a limit near 0 or 1 has no digits on the logit scale."""
    return max(distance(found, result, POOLED, scale=expit), distance(found, result, SPREAD))


def test_rows_marked_check_carry_a_dagger(opened, tables):
    rows = hm.select_responses(tables, where={"treatment": ["RT + ICI"]})
    names = opened(tables).locator("tbody .name").all_inner_texts()
    doubtful = rows.loc[rows["use"] == "check", "study"]
    assert [name for name in names if "†" in name] == [f"{name} †" for name in doubtful]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_random_subgroups_agree_with_hccmeta(opened, tables, seed):
    rng = np.random.default_rng(seed)
    tables = made_worse(tables, rng) if seed else tables
    choices = random_choices(tables, rng, 80)
    several = 0
    for choice, found in zip(choices, opened(tables).evaluate(COMPUTE, choices), strict=True):
        view = as_view(tables, choice)
        assert found["ids"] == view.rows["response_id"].tolist(), choice
        assert found["labels"] == view.rows["study"].tolist()
        assert found["sentence"] == view.sentence
        if not found["ids"]:
            continue
        several += len(found["ids"]) > 1
        logit = hm.pool(effects_proportion(view.rows))
        assert distance(found["logit"], logit, POOLED | SPREAD | TESTS) <= LOGIT_TOLERANCE, choice
        assert np.allclose(found["logit"]["weights"], logit.studies["weight"], rtol=0, atol=LOGIT_TOLERANCE)
        assert distance_exact(found["exact"], hm.pool_rates(view.rows, min_k=2)) <= EXACT_TOLERANCE, choice
        limits = np.column_stack(hm.proportion_ci(view.rows["events"].to_numpy(int), view.rows["n"].to_numpy(int)))
        assert np.allclose(found["intervals"], limits, rtol=0, atol=1e-12)
        if choice["groupBy"]:
            assert [name for name, *_ in found["groups"]] == list(view.groups.groups)
            assert np.isclose(found["p"], view.groups.p_value, rtol=0, atol=EXACT_TOLERANCE, equal_nan=True)
            for name, k, result in found["groups"]:
                assert k == view.groups.groups[name].k
                if result:
                    assert distance_exact(result, view.groups.groups[name]) <= EXACT_TOLERANCE, (choice, name)
    assert several >= 30


def random_counts(rng, count):
    """Rows of made-up meta-analyses, from identical studies to contradictory ones."""
    for _ in range(count):
        k = int(rng.integers(1, 25))
        n = rng.integers(1, 12, k) if rng.random() < 0.2 else rng.integers(10, rng.choice([60, 500]), k)
        logits = rng.normal(-0.4, 1.2) + rng.choice([0, 0.3, 0.8, 1.5]) * rng.normal(size=k)
        events = rng.binomial(n, 1 / (1 + np.exp(-logits)))
        yield [{"events": int(x), "n": int(size)} for x, size in zip(events, n, strict=True)]


def profile_log_likelihood(rows, mu):
    """Highest log-likelihood at mu over tau, by zooming into a grid; an evaluation apart from both optimisers."""
    events, n = (np.array([[row[name] for row in rows]], float) for name in ("events", "n"))
    model = MarginalModel(Binomial(events, n), np.ones((len(rows), 1)), order=40)
    grid = np.append(0, np.geomspace(1e-3, 100, 60))
    for _ in range(4):
        heights = model(np.column_stack([np.full(len(grid), mu), grid]), np.zeros(len(grid), int))[0]
        top = int(heights.argmax())
        grid = np.linspace(grid[max(top - 1, 0)], grid[min(top + 1, len(grid) - 1)], 25)
    return heights.max()


def test_random_counts_agree_with_hccmeta_and_limits_with_their_definition(opened, tables):
    cases = list(random_counts(np.random.default_rng(7), 150))
    found = opened(tables).evaluate("cases => cases.map(rows => [poolLogit(rows), poolExact(rows)])", cases)
    unlimited = {name: POOLED[name] for name in ("estimate", "piLow", "piHigh")}
    for rows, (logit, exact) in zip(cases, found, strict=True):
        counts = pd.DataFrame(rows).assign(study=[f"S{i}" for i in range(len(rows))])
        assert distance(logit, hm.pool(effects_proportion(counts)), POOLED | SPREAD | TESTS) <= LOGIT_TOLERANCE, rows
        result = hm.pool_proportion(counts)
        assert distance(exact, result, unlimited, scale=expit) <= EXACT_TOLERANCE, rows
        assert distance(exact, result, SPREAD) <= EXACT_TOLERANCE, rows
        if exact["exact"]:
            assert distance(exact, result, POOLED, scale=expit) <= 1e-12, rows
            continue
        best = profile_log_likelihood(rows, exact["estimate"])
        for limit in (exact["low"], exact["high"]):
            deviance = 2 * (best - profile_log_likelihood(rows, limit))
            assert deviance == pytest.approx(3.841458820694124, abs=1e-6), rows


def test_what_is_chosen_is_shown_saved_and_rerun_alike(opened, tables, tmp_path, monkeypatch):
    page = opened(tables)
    answer, forest = page.locator("#answer"), page.locator("#forest")
    start = response_view(tables, where={"treatment": ["RT + ICI"]})
    assert answer.inner_text() == start.sentence
    assert forest.locator("tbody input").count() == len(start.rows)
    page.locator("#filters summary", has_text="evidence read").click()
    page.locator("#filters input[value=abstract]").check()
    page.select_option("#group-by", "timing")
    forest.locator("tbody input").nth(1).focus()
    page.keyboard.press("Space")
    unticked = page.locator("#forest input:not(:checked)")
    assert unticked.count() == 1
    assert unticked.evaluate("box => box === document.activeElement")
    arm = unticked.get_attribute("data-arm")
    where = {"treatment": ["RT + ICI"], "evidence_grade": ["abstract"]}
    left = [other for other in arm_table(tables)["arm_id"] if other != arm]
    view = response_view(tables, where=where | {"arm_id": left}, group_by="timing")
    assert answer.inner_text() == view.sentence

    page.locator("#name").fill("../evil")
    assert page.locator("#download").is_disabled()
    page.locator("#name").fill("from_page")
    assert "make report SELECTION=from_page" in page.locator("#command").inner_text()
    with page.expect_download() as download:
        page.locator("#download").click()
    assert download.value.suggested_filename == "from_page.yaml"
    download.value.save_as(tmp_path / "from_page.yaml")
    monkeypatch.setattr(selections, "selections_folder", lambda: tmp_path)
    saved = selections.load_selection("from_page")
    assert saved["where"] == {"treatment": ["RT + ICI"]}
    assert saved["group_by"] == "timing"
    assert arm not in saved["arms"]
    again = hm.select_responses(selections.apply_selection(tables, saved), where={"treatment": ["RT + ICI"]})
    assert again["response_id"].tolist() == view.rows["response_id"].tolist()

    page.get_by_role("button", name="Start again").click()
    assert answer.inner_text() == start.sentence


def test_every_diamond_and_square_lies_where_its_numbers_are(opened, tables):
    page = opened(tables)
    width = page.locator("#forest td.plot svg.row").first.bounding_box()
    view = response_view(tables, where={"treatment": ["RT + ICI"]})
    squares = [box.bounding_box() for box in page.locator("#forest rect").all()]
    centres = [(box["x"] + box["width"] / 2 - width["x"]) / width["width"] for box in squares]
    assert centres == pytest.approx((view.rows["events"] / view.rows["n"]).tolist(), abs=0.005)
    diamond = page.locator("#forest polygon.diamond").first.bounding_box()
    shown = view.result.display
    assert (diamond["x"] - width["x"]) / width["width"] == pytest.approx(shown.ci_low, abs=0.005)
    assert diamond["width"] / width["width"] == pytest.approx(shown.ci_high - shown.ci_low, abs=0.005)


def test_no_study_left_is_said_and_mended(opened, tables):
    page = opened(tables)
    ticked = page.locator("#forest input:checked")
    while ticked.count():
        ticked.first.click()
    assert "No arm in this selection" in page.locator("#answer").inner_text()
    assert page.locator("#forest polygon").count() == 0
    page.locator("#forest tbody input").first.check()
    assert "Only one study" in page.locator("#answer").inner_text()


def test_hostile_labels_are_text(opened, tables):
    hostile = "<img src=x onerror='window.attacked = 1'></script><script>window.attacked = 1</script>"
    data = page_data(tables)
    for arm in data["arms"]:
        arm |= {"study": hostile, "arm_label": hostile, "timing": hostile}
    page = opened(data=data)
    page.select_option("#group-by", "timing")
    page.locator("#filters summary", has_text="timing").click()
    assert hostile in page.locator("#forest tbody").inner_text()
    assert page.locator("main img, main script").count() == 0
    assert page.evaluate("window.attacked === undefined")


def test_the_policy_stops_a_script_that_got_in(opened, tables, page):
    opened(tables)
    page.evaluate("""() => {
      const script = document.createElement("script");
      script.textContent = "window.attacked = 1";
      document.body.append(script);
    }""")
    assert page.evaluate("window.attacked === undefined")
    assert any("Content Security Policy" in trouble for trouble in page.troubles)
    page.troubles.clear()


def test_it_fits_a_narrow_screen(opened, tables, page):
    page.set_viewport_size({"width": 360, "height": 740})
    opened(tables).select_option("#group-by", "setting")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
