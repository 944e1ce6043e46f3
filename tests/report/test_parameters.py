"""Parameters that a notebook may be given by hand: what cannot be answered is refused with what can."""

import pandas as pd
import pytest

import hccmeta as hm
from hccmeta.report.survival import Curves

NO_CURVES = Curves({}, {}, pd.DataFrame(columns=["endpoint", "arm", "population"]))


@pytest.fixture(scope="module")
def tables():
    return hm.load_tables()


@pytest.mark.parametrize("endpoint", ["RFS", "ORR", "os", None])
@pytest.mark.parametrize("function", [hm.landmark_table, hm.pooled_landmarks, hm.pooled_curve])
def test_only_two_endpoints_are_pooled_over_studies(tables, function, endpoint):
    with pytest.raises(hm.MethodError, match="choose 'OS' or 'PFS'.*03_survival"):
        function(tables, NO_CURVES, endpoint=endpoint)


@pytest.mark.parametrize("endpoint", ["TTP", "Overall survival", 5, ("OS", "xx")])
def test_curves_are_asked_by_a_known_endpoint(tables, endpoint):
    with pytest.raises(hm.MethodError, match="Choose one of: 'OS', 'PFS', 'RFS'"):
        hm.plot_ensembles(tables, NO_CURVES, endpoint=endpoint)
    with pytest.raises(hm.MethodError, match="Choose one of: 'OS', 'PFS', 'RFS'"):
        hm.curve_caption(NO_CURVES, endpoint=endpoint)


def test_a_selection_without_curves_has_no_pooled_curve(tables):
    curve = hm.pooled_curve(tables, NO_CURVES, endpoint="OS")
    assert curve is None and "no pooled curve" in hm.pooled_curve_caption(curve)
    assert hm.pooled_curve_table(curve).empty and {"time", "survival", "n_studies"} <= set(hm.pooled_curve_table(curve))
    assert hm.plot_pooled_curve(tables, NO_CURVES, curve, endpoint="OS") is None
    for other in (hm.restricted_mean_table, hm.one_stage_table, hm.pooled_curve_sensitivity):
        assert other(tables, NO_CURVES).filter(["estimate", "survival"]).isna().all(axis=None)
