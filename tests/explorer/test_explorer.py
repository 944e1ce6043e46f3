"""The explorer through the front-end path: choices redraw, errors are shown, nothing is lost."""

import html

import ipywidgets as widgets
import pytest

import hccmeta as hm
from hccmeta.evidence import selections
from hccmeta.explorer.view import response_view


@pytest.fixture
def box():
    return hm.explore(hm.load_tables(), where={"treatment": ["RT + ICI"]})


def find(box, kind, description=None):
    found = []

    def walk(widget):
        if isinstance(widget, kind) and (description is None or widget.description == description):
            found.append(widget)
        for child in getattr(widget, "children", ()):
            walk(child)

    walk(box)
    return found


def test_a_filter_changes_sentence_and_picture(box):
    picture, answer = find(box, widgets.Image)[0], find(box, widgets.HTML)[1]
    before = bytes(picture.value), answer.value
    timing = find(box, widgets.SelectMultiple, "timing")[0]
    timing.set_state({"index": [list(timing.options).index("mixed")]})
    assert bytes(picture.value).startswith(b"\x89PNG")
    assert bytes(picture.value) != before[0]
    assert answer.value != before[1]
    chosen = {"treatment": ["RT + ICI"], "timing": ["mixed"]}
    assert html.escape(response_view(hm.load_tables(), where=chosen).sentence) in answer.value


def test_no_study_left_is_a_normal_state(box):
    timing, treatment = (find(box, widgets.SelectMultiple, name)[0] for name in ("timing", "treatment"))
    treatment.value = ("ICI without RT",)
    timing.value = ("concurrent",)
    assert "No arm in this selection" in find(box, widgets.HTML)[1].value
    assert find(box, widgets.Image)[0].layout.display == "none"


def test_a_selection_is_saved_and_a_bad_name_is_explained(box, tmp_path, monkeypatch):
    monkeypatch.setattr(selections, "selections_folder", lambda: tmp_path)
    name, button, status = find(box, widgets.Text)[0], find(box, widgets.Button)[0], find(box, widgets.HTML)[-1]
    name.value = "../evil"
    button.click()
    assert "cannot name a selection" in status.value
    assert not list(tmp_path.iterdir())
    name.value = "rt_ici"
    button.click()
    assert "make report SELECTION=rt_ici" in status.value
    assert selections.load_selection("rt_ici")["where"] == {"treatment": ["RT + ICI"]}


def test_the_static_twin_says_the_same(box):
    view = hm.explore(hm.load_tables(), where={"treatment": ["RT + ICI"]}, interactive=False)
    assert html.escape(view.sentence) in find(box, widgets.HTML)[1].value


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"endpoint": "OS"}, "Choose one of: 'ORR'"),
        ({"endpoint": None}, "Choose one of: 'ORR'"),
        ({"group_by": "colour"}, "Choose one of: .*'setting'"),
        ({"where": {"treatment": ["magic"]}}, "treatment is never magic"),
    ],
)
@pytest.mark.parametrize("interactive", [True, False])
def test_a_first_choice_that_does_not_exist_is_answered_with_the_choices(options, told, interactive):
    with pytest.raises(hm.MethodError, match=told):
        hm.explore(hm.load_tables(), interactive=interactive, **options)
