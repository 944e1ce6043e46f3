"""Subgroup explorer for JupyterLab: filters and a grouping redraw the forest plot and its sentence."""

from __future__ import annotations

import html

from ..errors import HccmetaError, check_choice
from ..evidence.load import needs_tables
from ..evidence.selections import save_selection
from ..evidence.sieve import check_where, joined
from .view import ENDPOINTS, GROUPINGS, filter_choices, response_view

WARNING = "Subgroups are chosen after seeing the data and compare studies, not patients: exploratory only."


def render(view, *, title: str = "") -> bytes:
    """Forest plot of a view as PNG bytes (empty when there is nothing to draw)."""
    import io

    from ..plots.forest import plot_forest

    if not view.result.k:
        return b""
    buffer = io.BytesIO()
    plot_forest(view.groups or view.result, title=title).figure.savefig(
        buffer, format="png", dpi=110, bbox_inches="tight"
    )
    return buffer.getvalue()


@needs_tables
def explore(tables, *, endpoint: str = "ORR", where: dict | None = None, group_by: str = "", interactive: bool = True):
    """Explorer of response rates by subgroup.

    Parameters
    ----------
    tables : Tables
    endpoint : str
        Endpoint shown first.
    where : dict, optional
        Filters chosen first: column -> list of values.
    group_by : str
        Grouping chosen first.
    interactive : bool
        False returns the static twin: the view (rows, result, sentence) of the first choice.

    Returns
    -------
    ipywidgets.VBox, or View when interactive is False
    """
    check_choice("group_by", group_by, GROUPINGS)
    reported = set(tables.responses["endpoint"])
    check_choice("endpoint", endpoint, ENDPOINTS if tables.selection else [e for e in ENDPOINTS if e in reported])
    check_where(tables, "responses", joined(tables, tables.responses), where)
    if not interactive:
        return response_view(tables, endpoint=endpoint, where=where, group_by=group_by)
    return _build(tables, endpoint, where or {}, group_by)


def _build(tables, endpoint: str, where: dict, group_by: str):
    import ipywidgets as widgets

    wide = widgets.Layout(width="260px")
    reported = {endpoint, *tables.responses["endpoint"]}
    endpoints = [name for name in ENDPOINTS if name in reported]
    endpoint_box = widgets.Dropdown(options=endpoints, value=endpoint, description="Endpoint", layout=wide)
    group_box = widgets.Dropdown(
        options=[(name.replace("_", " ") or "no grouping", name) for name in GROUPINGS],
        value=group_by, description="Group by", layout=wide,
    )  # fmt: skip
    filters = {
        column: widgets.SelectMultiple(
            options=values,
            value=[value for value in where.get(column, []) if value in values],
            description=column.replace("_", " "),
            rows=min(len(values), 5),
            layout=wide,
        )  # fmt: skip
        for column, values in filter_choices(tables, endpoint=endpoint).items()
    }
    answer = widgets.HTML()
    picture = widgets.Image(format="png", layout=widgets.Layout(max_width="100%"))
    name_box = widgets.Text(description="Name", placeholder="for example sbrt_only", layout=wide)
    save = widgets.Button(description="Save selection", tooltip="Write selections/<name>.yaml")
    status = widgets.HTML()

    def chosen() -> dict:
        return {column: list(box.value) for column, box in filters.items() if box.value}

    def redraw(_=None):
        try:
            view = response_view(tables, endpoint=endpoint_box.value, where=chosen(), group_by=group_box.value)
            answer.value = f'<p class="answer"><b>{html.escape(view.sentence)}</b></p>'
            picture.value = render(view, title=f"{endpoint_box.value} in the selected arms")
            picture.layout.display = "block" if view.result.k else "none"
            status.value = ""
        except HccmetaError as error:
            status.value = f'<span style="color:#b3261e">{html.escape(str(error))}</span>'

    def write(_=None):
        try:
            path = save_selection(
                name_box.value.strip(), where=chosen(), group_by=group_box.value,
                description=f"Saved from the explorer; endpoint shown: {endpoint_box.value}",
            )  # fmt: skip
            command = f"make report SELECTION={path.stem}"
            status.value = (
                f"Saved {html.escape(path.name)}. Rerun everything on it: <code>{html.escape(command)}</code>"
            )
        except (HccmetaError, OSError) as error:
            status.value = f'<span style="color:#b3261e">{html.escape(str(error))}</span>'

    for box in (endpoint_box, group_box, *filters.values()):
        box.observe(redraw, names="value")
    save.on_click(write)
    redraw()
    hint = widgets.HTML(
        f"<p style='color:#5b6873'>{WARNING} Hold Ctrl to pick several values; none picked = no filter.</p>"
    )
    controls = widgets.HBox([endpoint_box, group_box])
    boxes = widgets.HBox(list(filters.values()), layout=widgets.Layout(flex_flow="row wrap"))
    return widgets.VBox([controls, boxes, hint, answer, picture, widgets.HBox([name_box, save]), status])
