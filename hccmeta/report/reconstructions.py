"""Patients reconstructed from printed statistics, computed once and kept in `.cache/` by content."""

from __future__ import annotations

import hashlib
import io
import json
import os
from pathlib import Path

import numpy as np

from ..errors import DataError
from ..evidence.load import needs_tables
from ..evidence.sieve import arm_table
from ..km.printed import ReconstructedEnsemble, reconstruct_from_statistics
from ..paths import cache_folder
from .stamps import sha256

# The code as it was loaded, not as it stands on the disk when a long-running kernel first needs it.
CODE = "".join(sha256(file) for file in sorted((Path(__file__).parents[1] / "km").glob("*.py")))

COLUMNS = [
    *("endpoint", "statistic", "time_months", "probability", "value", "ci_low", "ci_high"),
    *("ci_level", "status", "follow_up_method", "printed"),
]


@needs_tables
def printed_statistics(tables, arm_id: str, endpoint: str, population: str):
    """The rows of `survival` of one arm, endpoint and population; n of the arm where the endpoint prints none."""
    import pandas as pd

    rows = tables.survival
    rows = rows[(rows["arm_id"] == arm_id) & (rows["endpoint"] == endpoint) & (rows["population"] == population)]
    rows = rows[COLUMNS].reset_index(drop=True)
    if not (rows["statistic"] == "n").any():
        n = tables.arms.set_index("arm_id").loc[arm_id, "n"]
        if pd.notna(n):
            extra = pd.DataFrame([{"endpoint": endpoint, "statistic": "n", "value": float(n), "printed": str(n)}])
            rows = pd.concat([rows, extra.astype({"printed": "string"})], ignore_index=True)
    return rows


def _options(statistics, **options) -> dict:
    method = statistics.loc[statistics["statistic"] == "follow_up_median", "follow_up_method"].dropna()
    follow_up = "all patients" if (method == "all patients").any() else "reverse KM"
    return {"follow_up": follow_up} | options


def _store(ensemble) -> dict:
    times, events = ensemble.patients()
    about = {"n": ensemble.n, "endpoint": ensemble.endpoint, "dropped": ensemble.dropped, "notes": ensemble.notes}
    about["summary"] = json.loads(ensemble.summary.to_json(orient="split", double_precision=15))
    return {"times": times, "events": events.astype(np.int8), "about": json.dumps(about)}


def _restore(times, events, about: str, against=None) -> ReconstructedEnsemble:
    import pandas as pd

    known = json.loads(str(about))
    m, n = times.shape
    patients = pd.DataFrame({
        "imputation": np.repeat(np.arange(1, m + 1), n), "time": times.ravel(), "event": events.astype(int).ravel(),
    })  # fmt: skip
    return ReconstructedEnsemble(
        patients, pd.DataFrame(**known["summary"]), int(n), int(m), known["endpoint"], tuple(known["dropped"]),
        tuple(known["notes"]), against,
    )  # fmt: skip


def reconstruct_cached(statistics, *, against=None, hr=None, n_imputations: int = 200, seed: int = 0):
    """`reconstruct_from_statistics`, remembered by content (a refusal too): deleting `.cache/` changes no result."""
    options = _options(statistics, n_imputations=n_imputations, seed=seed)
    control = "" if against is None else against.to_csv(index=False)
    key = CODE + statistics.to_csv(index=False) + control + str(hr) + json.dumps(options, sort_keys=True)
    file = cache_folder() / "reconstructions" / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.npz"
    if not file.is_file():
        kept = {}
        try:
            made = reconstruct_from_statistics(statistics, against=against, hr=hr, **options)
            kept = _store(made)
            if made.against is not None:
                kept |= {f"control_{name}": value for name, value in _store(made.against).items()}
        except DataError as error:
            kept = {"refusal": str(error), "problems": json.dumps(error.problems, default=str)}
        file.parent.mkdir(parents=True, exist_ok=True)
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **kept)
        part = file.with_suffix(f".{os.getpid()}.part")
        part.write_bytes(buffer.getvalue())
        part.replace(file)
    with np.load(file, allow_pickle=False) as kept:
        if "refusal" in kept:
            raise DataError(str(kept["refusal"]), json.loads(str(kept["problems"])))
        names = ("times", "events", "about")
        control = _restore(*(kept[f"control_{name}"] for name in names)) if "control_times" in kept else None
        return _restore(*(kept[name] for name in names), against=control)


def arm_label(tables, arm_id: str, population: str) -> str:
    arm = arm_table(tables).set_index("arm_id").loc[arm_id]
    return f"{arm['study']}, {arm['arm_label']}" + {"psm": " (matched)", "resected": " (operated)"}.get(population, "")


def crude_hazard_ratio(tables, experimental: str, endpoint: str, population: str):
    """(control arm, printed hazard ratio) of the unadjusted comparison of an arm, or None."""
    rows = tables.hazard_ratios
    rows = rows[
        (rows["experimental_arm"] == experimental) & (rows["endpoint"] == endpoint) & (rows["population"] == population)
        & (rows["model"] == "univariable") & rows["control_arm"].notna() & (rows["evidence_grade"] == "full_text")
    ]  # fmt: skip
    if rows.empty:
        return None
    return rows["control_arm"].iloc[0], f"{rows['hr'].iloc[0]:.2f}"


@needs_tables
def reconstruct_arms(tables, wanted, *, n_imputations: int = 200, seed: int = 0):
    """Reconstruct arms, two together where their unadjusted hazard ratio is printed; contradictions come back undrawn.

    Parameters
    ----------
    tables : Tables
    wanted : list of (arm_id, endpoint, population)

    Returns
    -------
    ensembles : dict
        (arm_id, endpoint, population) -> ReconstructedEnsemble.
    conflicts : DataFrame
        arm, endpoint, population, message.
    """
    import pandas as pd

    options = {"n_imputations": n_imputations, "seed": seed}
    ensembles, conflicts = {}, []
    for key in wanted:
        arm_id, endpoint, population = key
        if key in ensembles:
            continue
        statistics = printed_statistics(tables, arm_id, endpoint, population)
        pair = crude_hazard_ratio(tables, arm_id, endpoint, population)
        control = (pair[0], endpoint, population) if pair else None
        if control in wanted:
            try:
                drawn = reconstruct_cached(
                    statistics, against=printed_statistics(tables, *control), hr=pair[1], **options
                )
                ensembles[key], ensembles[control] = drawn, drawn.against
                continue
            except DataError as error:
                pair_message = str(error)
        else:
            pair_message = ""
        try:
            ensembles[key] = reconstruct_cached(statistics, **options)
            message = pair_message and f"Drawn without the hazard ratio of the pair: {pair_message}"
        except DataError as error:
            message = str(error)
        if message:
            label = arm_label(tables, arm_id, population)
            conflicts.append({"arm": label, "endpoint": endpoint, "population": population, "message": message})
    return ensembles, pd.DataFrame(conflicts, columns=["arm", "endpoint", "population", "message"])
