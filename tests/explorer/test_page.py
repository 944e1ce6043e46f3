"""The static explorer page: complete, deterministic, asks nothing of the network, runs nothing that a table holds."""

import hashlib
import json
import re
from base64 import b64encode
from html.parser import HTMLParser

import pytest

import hccmeta as hm
from hccmeta.explorer.page import CRITERIA, ENDPOINTS, SCOPES, candidate_rows, page_data, page_html, write_explorer

HOSTILE = "</script><script>alert(1)</script><!-- {{script}} & \"'\\ \u2028"


class Page(HTMLParser):
    """Elements with their attributes, and the text of scripts and styles."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.blocks, self.inside = [], [], None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag in ("script", "style"):
            self.inside = (tag, dict(attributes).get("type", ""))
            self.blocks.append([*self.inside, ""])

    def handle_endtag(self, tag):
        self.inside = None

    def handle_data(self, data):
        if self.inside:
            self.blocks[-1][2] += data


@pytest.fixture(scope="module")
def tables():
    return hm.load_tables()


@pytest.fixture(scope="module")
def text(tables):
    return page_html(page_data(tables))


def test_the_same_tables_give_the_same_bytes(tables, text, tmp_path):
    for folder in ("one", "two"):
        write_explorer(tables, tmp_path / folder)
    one, two = ((tmp_path / folder / "explorer.html").read_bytes() for folder in ("one", "two"))
    assert one == two == text.encode()
    assert [path.name for path in (tmp_path / "one").iterdir()] == ["explorer.html"]


def test_nothing_is_fetched_from_elsewhere(text):
    page = Page(text)
    for tag, attributes in page.tags:
        assert tag not in ("iframe", "object", "embed", "img", "base")
        assert not {"src", "srcset", "action", "style"} & set(attributes)
        assert not any(name.startswith("on") for name in attributes)
        assert attributes.get("href", "data:,") in ("data:,", "index.html")
    code = "".join(block for tag, kind, block in page.blocks if kind == "")
    assert re.findall(r"https?://[^\"]*", code) == ["http://www.w3.org/2000/svg"]
    assert not re.search(r"fetch\(|XMLHttpRequest|import\(|@import|url\(|innerHTML|insertAdjacentHTML|eval\(", code)


def test_the_policy_admits_only_the_scripts_and_styles_of_the_page(text):
    page = Page(text)
    policy = next(a["content"] for tag, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    for tag, kind, block in page.blocks:
        if kind == "":
            digest = b64encode(hashlib.sha256(block.encode()).digest()).decode()
            assert f"{tag}-src 'sha256-{digest}'" in policy


def test_hostile_labels_stay_data(tables):
    data = page_data(tables)
    data["arms"][0] |= {"study": HOSTILE, "arm_label": HOSTILE}
    page = Page(page_html(data))
    assert [kind for tag, kind, _ in page.blocks if tag == "script"] == ["application/json", ""]
    assert json.loads(page.blocks[1][2])["arms"][0]["study"] == HOSTILE


def test_every_row_that_the_report_may_select_is_a_candidate(tables):
    rows = candidate_rows(tables)
    assert rows["response_id"].is_unique
    for endpoint in ENDPOINTS:
        for scope in SCOPES:
            mine = rows[(rows["endpoint"] == endpoint) & (rows["lesion_scope"] == scope)]
            for criteria in CRITERIA.values():
                selected = hm.select_responses(
                    tables, endpoint=endpoint, lesion_scope=scope, criteria=criteria, overlap="keep"
                )
                assert set(selected["response_id"]) <= set(mine["response_id"])
                assert set(selected["arm_id"]) == set(mine.loc[mine["criteria"].isin(criteria), "arm_id"])


def test_tables_without_any_response_still_give_a_page(tables):
    frames = tables.frames | {"responses": tables.responses.iloc[:0]}
    data = page_data(type(tables)(frames, tables.schemas, tables.selection, tables.read))
    assert data["rows"] == []
    assert data["endpoints"]
    assert "</html>" in page_html(data)
