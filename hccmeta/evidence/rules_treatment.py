"""Rules of studies, arms, designs and the record flow."""

from __future__ import annotations

import re

_READ_TABLES = (
    "characteristics", "responses", "survival", "hazard_ratios", "adverse_events", "prognostic_factors", "comparisons",
    "designs",
)  # fmt: skip

def year_fits_study_id(data):
    """A year at the end of study_id is the year of publication, give or take one."""
    for row in data["studies"]:
        year = re.search(r"(19|20)\d\d$", row["study_id"] or "")
        if year and row["year"] is not None and abs(int(year[0]) - row["year"]) > 1:
            yield "studies", [row], "year", f"study_id says {year[0]}: correct one of them."


def dose_is_ordered(data):
    """rt_dose_low <= rt_dose_median <= rt_dose_high and fractions_low <= fractions_high."""
    for row in data["arms"]:
        for names in (("rt_dose_low", "rt_dose_median", "rt_dose_high"), ("fractions_low", "fractions_high")):
            values = [row[name] for name in names if row[name] is not None]
            if values != sorted(values):
                yield "arms", [row], names[0], "Order the lowest, median and highest value."
        if row["rt_dose_low"] is not None and row["rt_dose_kind"] is None:
            yield "arms", [row], "rt_dose_kind", "Say what the dose is."


def dose_needs_radiotherapy(data):
    """Only an arm with radiotherapy has a dose, a technique and a target."""
    for row in data["arms"]:
        if row["rt"] == "no":
            for name in ("rt_dose_low", "rt_dose_high", "rt_dose_median", "rt_bed10", "rt_eqd2", "fractions_low"):
                if row[name] is not None:
                    yield "arms", [row], name, "The arm has no radiotherapy: empty the cell or correct rt."
            for name in ("rt_modality", "rt_target"):
                if row[name] not in (None, "none"):
                    yield "arms", [row], name, "The arm has no radiotherapy: write none or correct rt."
        if row["rt"] == "yes" and row["rt_modality"] == "none":
            yield "arms", [row], "rt_modality", "The arm has radiotherapy: name its kind or correct rt."


def biological_dose_follows(data):
    """A calculated BED10 is D (1 + d / 10), and EQD2 is BED10 / 1.2."""
    for row in data["arms"]:
        dose, fractions, bed = row["rt_dose_low"], row["fractions_low"], row["rt_bed10"]
        single = dose == row["rt_dose_high"] and fractions == row["fractions_high"]
        if row["rt_bed10_how"] != "calculated" or bed is None:
            continue
        if single and dose is not None and fractions:
            expected = dose * (1 + dose / fractions / 10)
            if abs(bed - expected) > 0.06:
                yield "arms", [row], "rt_bed10", f"{dose:g} Gy in {fractions} fractions give {expected:.1f}."
        if row["rt_eqd2"] is not None and abs(row["rt_eqd2"] - bed / 1.2) > 0.11:
            yield "arms", [row], "rt_eqd2", f"BED10 {bed:g} gives EQD2 {bed / 1.2:.1f}."


def design_is_a_design(data):
    """A design has p0 < p1, a power above alpha, and at least as many patients as must be evaluable."""
    for row in data["designs"]:
        for low, high in (("p0", "p1"), ("alpha", "power"), ("n_evaluable", "n_total")):
            values = (row[low], row[high])
            if None not in values and (values[0] > values[1] or (low != "n_evaluable" and values[0] == values[1])):
                yield "designs", [row], low, f"{high} is {row[high]:g}: correct one of them."


def comparison_value_has_its_range(data):
    """A p value lies between 0 and 1, a standardised difference between -5 and 5."""
    for row in data["comparisons"]:
        value = row["value"]
        low, high = {"p": (0, 1), "SMD": (-5, 5)}.get(row["statistic"], (0, float("inf")))
        if value is not None and not low <= value <= high:
            yield "comparisons", [row], "value", f"A {row['statistic']} lies between {low:g} and {high:g}."


def timeline_value_has_its_unit(data):
    """A size or tumour marker of the case timeline has its unit."""
    for row in data["case_timeline"]:
        measured = row["measure"] in ("tumour_size", "lymph_node", "afp", "pivka_ii")
        if measured and row["value"] is not None and row["unit"] is None:
            yield "case_timeline", [row], "unit", "Enter the unit as printed."


def included_record_is_a_study(data):
    """A record that was included is a study."""
    known = {row["study_id"] for row in data["studies"]}
    for row in data["screening"]:
        if known and row["stage"] == "included" and row["record_id"] not in known:
            yield "screening", [row], "record_id", "Add it to studies.csv, or correct the stage."


def source_is_a_reference(data):
    """`source` is an identifier or an address, `locator` a place in it."""
    reference = re.compile(r"10\.\d{4,}|pmid|pmc\d|pmcid|nct\d|chictr|doi|https?://|isbn", re.IGNORECASE)
    for table in _READ_TABLES:
        for row in data[table]:
            if row["source"] is not None and not reference.search(row["source"]):
                yield table, [row], "source", "Enter DOI, PMID, PMCID, registry id or page; check for shifted cells."
            if row["locator"] is not None and re.match(r"(doi:)?10\.\d{4,}|https?://", row["locator"]):
                yield table, [row], "locator", "Enter the place in the report; check for shifted cells."


def source_is_of_its_study(data):
    """A row that was read in the report of another study belongs to that study."""
    owner = {}
    for row in data["studies"]:
        for name in ("doi", "pmid", "pmcid"):
            if row[name] is not None:
                owner.setdefault((name[:3], row[name].upper()), set()).add(row["study_id"])
    study_of = {row["arm_id"]: row["study_id"] for row in data["arms"]}
    for table in _READ_TABLES:
        for row in data[table]:
            study = row["study_id"] or study_of.get(row["arm_id"])
            studies = set().union(*(owner.get(key, set()) for key in _identifiers(row["source"])))
            if studies and study is not None and study not in studies and row["evidence_grade"] != "secondary":
                fix = f"The source is that of {', '.join(sorted(studies))}, the row of {study}: correct one of them."
                yield table, [row], "study_id" if row["study_id"] else "arm_id", fix


def _identifiers(source: str | None):
    text = (source or "").upper()
    yield from (("doi", found.rstrip(".;,")) for found in re.findall(r"10\.\d{4,}/\S+", text))
    yield from (("pmc", found) for found in re.findall(r"PMC\d+", text))
    yield from (("pmi", found) for found in re.findall(r"PMID:? ?(\d+)", text))


STRUCTURE = (
    year_fits_study_id, dose_is_ordered, dose_needs_radiotherapy, biological_dose_follows, design_is_a_design,
    comparison_value_has_its_range, timeline_value_has_its_unit, included_record_is_a_study, source_is_a_reference,
    source_is_of_its_study,
)  # fmt: skip
ARITHMETIC = ()
