"""The same curve written in many ways, and files that must be refused."""

import numpy as np
import pytest
from drawn_trials import draw, rmse

from hccmeta import DataError, digitise_vector

CORNERS = [(10, 10), (30, 10), (30, 42), (50, 42), (50, 66), (90, 66)]
AXES = [
    {"axis": "x", "value": 0, "pixel": 10},
    {"axis": "x", "value": 8, "pixel": 90},
    {"axis": "y", "value": 0, "pixel": 90},
    {"axis": "y", "value": 1, "pixel": 10},
]
HEAD = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
PAGE = HEAD + 'width="100pt" height="100pt" viewBox="0 0 100 100">'
PATH = "M " + " L ".join(f"{x} {y}" for x, y in CORNERS)
HALF = "M " + " L ".join(f"{x / 2} {y / 2}" for x, y in CORNERS)
LOOK = "fill:none;stroke:#d62728;stroke-width:1.5"
STEPS = "".join(
    f'<line x1="{a}" y1="{b}" x2="{c}" y2="{d}" style="{LOOK}"/>'
    for (a, b), (c, d) in reversed(list(zip(CORNERS, CORNERS[1:], strict=False)))
)
DASHES = (
    "".join(f'<path d="M {x} 10 h 3" style="{LOOK}"/>' for x in range(10, 28, 5))
    + f'<path d="M 30 11 V 42 H 50 V 66 H 90" style="{LOOK}"/>'
)
LIMITS = "".join(
    f'<path d="M 10 10 H 30 V {42 + shift} H 50 V {66 + shift} H 90" style="{LOOK}"/>' for shift in (-12, 12)
)

DRAWINGS = {
    "path": f'{PAGE}<path d="{PATH}" style="{LOOK}"/></svg>',
    "attributes": f'{PAGE}<path d="{PATH}" fill="none" stroke="rgb(214,39,40)" stroke-width="1.5"/></svg>',
    "relative": f'{PAGE}<path d="m10 10h20v32h20v24h40" style="{LOOK}"/></svg>',
    "numbers without blanks": f'{PAGE}<path d="M10,10L30,10L30,42L50,42L50,66L90.0.66e2" style="{LOOK}"/></svg>',
    "polyline": f'{PAGE}<polyline points="{" ".join(f"{x},{y}" for x, y in CORNERS)}" style="{LOOK}"/></svg>',
    "style sheet": f"{PAGE}<style>* {{stroke: none}} .a {{{LOOK}}} .b{{stroke:blue}}</style>"
    f'<path class="a" d="{PATH}"/></svg>',
    "groups": f'{PAGE}<g transform="translate(5 5) scale(2)"><g transform="matrix(1 0 0 1 -2.5 -2.5)" style="{LOOK}">'
    f'<path d="{HALF}"/></g></g></svg>',
    "use": f'{PAGE}<defs><path id="c" d="{HALF}"/></defs><g style="{LOOK}"><use xlink:href="#c" x="0" y="0" '
    'transform="scale(2)"/></g></svg>',
    "rotated": f'{PAGE}<g transform="rotate(90 50 50)" style="{LOOK}"><path d="'
    + "M "
    + " L ".join(f"{y} {100 - x}" for x, y in CORNERS)
    + '"/></g></svg>',
    "view box": HEAD + 'width="100pt" height="100pt" viewBox="-10 -10 200 200">'
    f'<g transform="translate(-10 -10) scale(2)"><path d="{PATH}" style="{LOOK}"/></g></svg>',
    "pixels": HEAD + f'width="133.3333" height="133.3333"><g transform="scale(1.33333333)"><path d="{PATH}" '
    f'style="{LOOK}"/></g></svg>',
    "from the right": f'{PAGE}<path d="M 90 66 H 50 V 42 H 30 V 10 H 10" style="{LOOK}"/></svg>',
    "one line per step": f"{PAGE}{STEPS}</svg>",
    "dashes as pieces": f"{PAGE}{DASHES}</svg>",
    "frame, grid, key, hidden copy": f'{PAGE}<path d="M 10 10 V 90 H 90 V 10 Z" style="{LOOK}"/>'
    f'<path d="M 10 50 H 90" style="{LOOK}"/><path d="M 10 10 V 90 H 90" style="{LOOK}"/>'
    f'<path d="M 60 20 H 70" style="{LOOK}"/><path d="{PATH}" style="{LOOK}"/>'
    f'<path d="{PATH}" transform="translate(0 5)" style="{LOOK};display:none"/></svg>',
    "confidence limits": f'{PAGE}{LIMITS}<path d="{PATH} " style="{LOOK}"/></svg>',
}


@pytest.mark.parametrize("drawing", DRAWINGS.values(), ids=DRAWINGS)
def test_svg_in_many_ways(tmp_path, drawing):
    path = tmp_path / "figure.svg"
    path.write_text(drawing)
    for colours in (None, {"#d62728": "#d62728"}):
        curves = digitise_vector(path, calibration=AXES, colours=colours)
        assert set(curves["curve"]) == {"#d62728"}
        np.testing.assert_allclose(curves["time"], [0, 2, 4, 8], atol=1e-3)
        np.testing.assert_allclose(curves["survival"], [1, 0.6, 0.3, 0.3], atol=1e-3)


@pytest.mark.parametrize("colour", ["#d62728", "#e67d7e"], ids=["ink", "as seen"])
def test_a_translucent_line_has_the_colour_of_its_ink_and_the_one_that_is_seen(tmp_path, colour):
    (tmp_path / "figure.svg").write_text(f'{PAGE}<path d="{PATH}" style="{LOOK};stroke-opacity:0.6"/></svg>')
    curves = digitise_vector(tmp_path / "figure.svg", calibration=AXES, colours={"drug": colour})
    np.testing.assert_allclose(curves["time"], [0, 2, 4, 8], atol=1e-3)


REFUSED = {
    "entities": ('<!DOCTYPE svg [<!ENTITY a "aaaaaaaaaa">]><svg>&a;</svg>', "declares entities"),
    "outside entity": ('<!DOCTYPE svg [<!ENTITY a SYSTEM "file:///etc/hostname">]><svg>&a;</svg>', "declares entities"),
    "not closed": (f"{PAGE}<g>", "not well formed"),
    "another document": ("<html></html>", "not <svg>"),
    "no size": (f'{HEAD}><path d="{PATH}"/></svg>', "neither a viewBox"),
    "unknown transform": (f'{PAGE}<g transform="bend(3)"><path d="{PATH}"/></g></svg>', "bend"),
    "copies of copies": (
        PAGE + '<g id="g0"><path d="M 0 0 H 1" stroke="red"/></g>'
        + "".join(f'<g id="g{i}">' + f'<use href="#g{i - 1}"/>' * 10 + "</g>" for i in range(1, 12))
        + "</svg>",
        "More than",
    ),
    "copies of itself": (f'{PAGE}<g id="g"><use href="#g"/><use href="#g"/></g></svg>', "More than|No step curve"),
    "nothing drawn": (f"{PAGE}</svg>", "No step curve"),
}  # fmt: skip


@pytest.mark.parametrize(("content", "message"), REFUSED.values(), ids=REFUSED)
def test_svg_is_refused(tmp_path, content, message):
    path = tmp_path / "figure.svg"
    path.write_text(content)
    with pytest.raises(DataError, match=message):
        digitise_vector(path, calibration=AXES)


def test_doctype_without_entities_is_read(tmp_path):
    path = tmp_path / "figure.svg"
    doctype = '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">'
    path.write_text(doctype + DRAWINGS["path"])
    assert len(digitise_vector(path, calibration=AXES)) == 4


@pytest.fixture
def pdf(tmp_path):
    return draw(tmp_path, "figure.pdf")


def agrees(path, pdf, move, page=0):
    """Is every curve read where `move(axis, pixel)` puts its calibration?"""
    moved = [dict(point, pixel=move(point["axis"], point["pixel"])) for point in pdf.typed["calibration"]]
    curves = digitise_vector(path, page=page, **(pdf.typed | {"calibration": moved}))
    for arm, (time, event) in pdf.patients.items():
        curve = curves[curves["curve"] == arm]
        assert rmse(curve, time, event) < 2.5e-3
        assert len(curve) == len(np.unique(time[event == 1])) + 2


def test_cropped_page(pdf, tmp_path):
    import pypdfium2

    document = pypdfium2.PdfDocument(pdf.path)
    width, height = document[0].get_size()
    document[0].set_cropbox(3, 0, width - 4, height - 6)
    document.save(tmp_path / "cropped.pdf")
    agrees(tmp_path / "cropped.pdf", pdf, lambda axis, pixel: pixel - (3 if axis == "x" else 6))


def test_page_size_given_once_for_all_pages(tmp_path):
    """As R's pdf() writes it: the size stands at the tree of pages, not at the page."""
    drawn = "0.84 0.15 0.16 RG 1.5 w " + " ".join(
        f"{x} {100 - y} {'l' if i else 'm'}" for i, (x, y) in enumerate(CORNERS)
    )
    (tmp_path / "figure.pdf").write_bytes(
        f"""%PDF-1.4
1 0 obj <</Type /Catalog /Pages 2 0 R>> endobj
2 0 obj <</Type /Pages /Kids [3 0 R] /Count 1 /MediaBox [0 0 120 100]>> endobj
3 0 obj <</Type /Page /Parent 2 0 R /Contents 4 0 R>> endobj
4 0 obj <</Length {len(drawn) + 2}>> stream
{drawn} S
endstream endobj
trailer <</Root 1 0 R>>
%%EOF""".encode()
    )
    curves = digitise_vector(tmp_path / "figure.pdf", calibration=AXES)
    np.testing.assert_allclose(curves[["time", "survival"]], [[0, 1], [2, 0.6], [4, 0.3], [8, 0.3]], atol=1e-3)


@pytest.mark.parametrize(
    ("turn", "matrix"),
    [
        (0, (0.5, 0, 0, 0.5, 50, 600)),
        (90, (0, 0.5, -0.5, 0, 200, 50)),
        (180, (-0.5, 0, 0, -0.5, 550, 200)),
        (270, (0, -0.5, 0.5, 0, 400, 750)),
    ],
)
def test_figure_at_half_its_size_in_a_form_of_a_turned_page(pdf, tmp_path, turn, matrix):
    import pypdfium2

    source, document = pypdfium2.PdfDocument(pdf.path), pypdfium2.PdfDocument.new()
    document.new_page(100, 100)
    page = document.new_page(600, 800)
    form = source.page_as_xobject(0, document).as_pageobject()
    form.transform(pypdfium2.PdfMatrix(*matrix))
    page.insert_obj(form)
    page.gen_content()
    page.set_rotation(turn)
    document.save(tmp_path / "page.pdf")
    shift = {"x": 50, "y": 200 - source[0].get_height() / 2}
    agrees(tmp_path / "page.pdf", pdf, lambda axis, pixel: pixel / 2 + shift[axis], page=1)


@pytest.mark.parametrize("page", [1, -1, True, "0"])
def test_pages_outside_the_document(pdf, page):
    with pytest.raises(DataError, match="pages 0 to 0"):
        digitise_vector(pdf.path, page=page, **pdf.typed)


def test_files_that_are_no_vector_figure(tmp_path):
    broken = tmp_path / "broken.pdf"
    broken.write_bytes(b"%PDF-1.7 nothing")
    for path, message in (
        (broken, "cannot be opened"),
        (tmp_path / "absent.pdf", "There is no file"),
        (tmp_path / "figure.docx", "digitise_image"),
    ):
        with pytest.raises(DataError, match=message):
            digitise_vector(path, calibration=AXES)
    (tmp_path / "empty.svg").touch()
    with pytest.raises(DataError, match="0 bytes"):
        digitise_vector(tmp_path / "empty.svg", calibration=AXES)
