"""Pooled survival as the report shows it: who is in, who is left out and why, with and without the reconstruction."""

import numpy as np
import pandas as pd
import pytest

import hccmeta as hm
from hccmeta.report.survival import NAMES


@pytest.fixture(scope="module")
def tables():
    return hm.load_tables()


@pytest.fixture(scope="module")
def curves(tables):
    return hm.reconstruct_all(tables, n_imputations=40, seed=1)


@pytest.fixture(scope="module")
def landmarks(tables, curves):
    return hm.landmark_table(tables, curves, times=[6, 12, 24, 60])


def test_a_printed_interval_stays_as_printed_and_is_not_widened(landmarks):
    row = landmarks.set_index(["study", "time_months"]).loc[("Chen YX 2023", 12.0)]
    assert row[["value", "ci_low", "ci_high", "share"]].tolist() == [0.915, 0.808, 1.0, 0.0]
    assert row["source"] == "printed interval" and row["included"]
    half = 1.959963984540054 * np.sqrt(row["vi"])
    # 0.808 to 1 is read from its lower side, symmetric for log S: se(S) = S log(S / 0.808) / 1.96
    se = 0.915 * np.log(0.915 / 0.808) / 1.959963984540054
    assert half / 1.959963984540054 == pytest.approx(se / abs(0.915 * np.log(0.915)), rel=1e-6)


def test_a_study_without_interval_or_follow_up_is_left_out_by_name(landmarks, tables, curves):
    out = landmarks[~landmarks["included"]].set_index(["study", "time_months"])["reason"]
    assert "without interval" in out["SBRT-IO v SBRT series", 12.0]
    assert "follow-up ends before 60 months in" in out["Liu 2024", 60.0]
    assert landmarks.groupby(["study", "time_months"]).size().max() == 1
    pooled = hm.pooled_landmarks(tables, curves, times=[12])
    assert pooled["left_out"].str.startswith("SBRT-IO v SBRT series (printed without interval").all()
    assert "SBRT-IO" not in " ".join(pooled["studies"])
    advanced = pooled[pooled["rows"] == "advanced disease"]
    assert (
        advanced["note"].str.contains("not_stated: Chen YX 2023").all()
        and not advanced["note"].str.contains("Pan").any()
    )


def test_both_scales_stand_beside_each_other_with_and_without_the_reconstruction(tables, curves):
    pooled = hm.pooled_landmarks(tables, curves, times=[12]).set_index(["rows", "scale", "reconstruction"])
    for rows in ("advanced disease", "all settings (illustrative)"):
        for scale in ("log(-log S)", "logit S"):
            inside, outside = pooled.loc[(rows, scale, "without")], pooled.loc[(rows, scale, "with")]
            assert outside["ci_low"] < inside["ci_low"] < inside["ci_high"] < outside["ci_high"]
            assert inside["estimate"] == outside["estimate"] and outside["tau2_low"] <= outside["tau2"]


def test_an_interval_over_almost_everything_gives_way_to_the_studies(landmarks):
    pooled = pd.DataFrame(
        columns=[
            "rows",
            "time_months",
            "scale",
            "reconstruction",
            "k",
            "estimate",
            "ci_low",
            "ci_high",
            "se",
            "df",
            "tau2",
            "tau2_low",
            "tau2_high",
            "share",
            "studies",
            "left_out",
            "note",
        ]
    )
    for time, low, high in ((12.0, 0.4, 0.95), (24.0, 0.01, 0.93)):
        pooled.loc[
            len(pooled), ["rows", "time_months", "scale", "reconstruction", "k", "estimate", "ci_low", "ci_high"]
        ] = ["advanced disease", time, "log(-log S)", "with", 3, 0.6, low, high]
    text = hm.pooled_survival_sentence(landmarks[landmarks["time_months"].isin([12, 24])], pooled)
    first, second = text.split("; 24 months ")
    assert "12 months 60.0 % (95 % CI 40.0 to 95.0 %, 3 studies pooled: " in first
    assert "Chen YX 2023 83.2 %" in second and "Zhai 2025 36.2 %" in second and "too unlike to be pooled" in second
    assert "SBRT-IO" not in text and "Pan 2024" not in text  # without interval; perioperative


def test_the_median_is_not_pooled_where_one_is_not_reached(tables, curves):
    assert "it was not reached in RT-PD1 timing series" in hm.median_sentence(tables, endpoint="OS")
    assert hm.median_sentence(tables, endpoint="PFS").startswith(
        "Progression-free survival after RT + ICI in advanced disease. Pooled median"
    )
    row = hm.median_table(tables, curves).set_index("study").loc["Zhai 2025"]
    assert row["value"] == pytest.approx(row["printed"], abs=0.05)
    assert row["ci_low"] == pytest.approx(row["printed_low"], abs=1) and row["ci_high"] == pytest.approx(18, abs=3)


def test_restricted_means_end_at_their_horizon(tables, curves):
    table = hm.restricted_mean_table(tables, curves)
    assert (table["ci_high"] <= table["time_months"]).all() and (table["ci_low"] < table["estimate"]).all()
    assert set(table["time_months"]) == {12.0, 24.0} and (table["rows"] == "all settings (illustrative)").all()


def test_the_pooled_curve_names_what_it_mixes_and_where_it_ends(tables, curves):
    curve = hm.pooled_curve(tables, curves)
    text = hm.pooled_curve_caption(curve)
    for words in ("Illustrative only", "perioperative: Pan 2024", "Pan 2024, Liu 2024, Zhai 2025", "The curve stops at",
                  "without what the reconstruction leaves open", NAMES["OS"].capitalize()):  # fmt: skip
        assert words in text
    ax = hm.plot_pooled_curve(tables, curves, curve)
    assert len([one for one in ax.collections if one.get_gid() == "prediction band"]) == 1
    table = hm.pooled_curve_sensitivity(tables, curves)
    assert set(table.loc[table["n_studies"].notna(), "time_months"]) == {12.0, 24.0}
    assert np.ptp(table.loc[table["time_months"] == 12, "survival"]) < 0.05
    assert (table["change"] == "without Pan 2024").sum() == 1 and "fewer than three" in table["note"].iloc[-1]


def test_an_arm_has_one_colour_in_every_figure(tables, curves):
    found = {}
    for endpoint, populations in (
        ("OS", ("all",)),
        ("PFS", ("all",)),
        ("OS", ("psm",)),
        (("RFS", "ORFS", "IRFS"), ("all",)),
    ):
        ax = hm.plot_ensembles(tables, curves, endpoint=endpoint, populations=populations)
        lines = [line for line in ax.lines if line.get_gid() == "curve"]
        colours = [line.get_color() for line in lines]
        assert len(set(colours)) == len(colours)
        wanted = endpoint if isinstance(endpoint, tuple) else (endpoint,)
        arms = [
            arm
            for (name, _), (arm, population) in curves.source.items()
            if name in wanted and population in populations
        ]
        for arm, colour in zip(arms, colours, strict=True):
            found.setdefault(arm, []).append(colour)
    assert (
        found["liu2024_rt"] == found["liu2024_rt"][:1] * 3 and found["zhai2025_rt"][:2] == found["zhai2025_rt"][:1] * 2
    )


def test_the_agreement_table_has_the_hazard_ratio_of_the_pair(tables, curves):
    table = hm.agreement_table(tables, curves)
    ratios = table[table["item"] == "hr"]
    assert {"OS", "PFS"} <= set(ratios["endpoint"])
    assert (ratios["reconstructed"] - ratios["printed"]).abs().max() < 0.02
