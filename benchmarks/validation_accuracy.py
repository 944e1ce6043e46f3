"""Tables of docs/validation.md that rest on stored measurements: coverage, reconstruction, typing errors."""

from __future__ import annotations

from numpy import quantile


def table(head, rows):
    """Markdown table; None is a dash."""
    cells = (["-" if cell is None else str(cell) for cell in row] for row in rows)
    return "\n".join(["| " + " | ".join(row) + " |" for row in ([*head], ["---"] * len(head), *cells)])


def percent(share):
    return None if share is None else f"{100 * share:.1f} %"


def four(value):
    return None if value is None else f"{value:.4f}"


def fields(stored):
    """Every placeholder of the template that a stored measurement fills."""
    return {
        **coverage(stored["coverage"], stored["glmm_coverage"]), **figures(stored["figures"]),
        **clicks(stored["clicks"]), **public(stored["public"]), **printed(stored["printed"]),
        **typing(stored["typing"]),
    }  # fmt: skip


def coverage(found, small):
    random, own = found["random_effects"], found["own"]
    names = ("z", "t", "profile")

    def span(rows):
        shares = [row["HK-adhoc"] for row in rows]
        return f"{percent(min(shares))} to {percent(max(shares))}"

    return dict(
        simulations=f"{found['simulations']:,}",
        adhoc_several=span([row for row in random if row["k"] >= 5]),
        adhoc_few=span([row for row in random if row["k"] < 5]),
        coverage_random=table(
            ["k", "tau²", "z", "HK", "HK-adhoc"],
            [(r["k"], r["tau2"], *(percent(r[name]) for name in ("z", "HK", "HK-adhoc"))) for r in random],
        ),
        coverage_own=table(
            ["endpoint", "k", "n", "p", "tau²", *names],
            [(r["endpoint"], r["k"], f"{min(r['n'])}-{max(r['n'])}", r["p"], r["tau2"], *(percent(r[n]) for n in names))
             for r in own],
        ),
        coverage_glmm=table(
            ["k", "mean n", "p", "tau²", *names, "fits at tau² = 0"],
            [(r["k"], r["patients"], r["p"], r["tau2"], *(percent(r[name]) for name in (*names, "at_zero")))
             for r in small],
        ),
    )  # fmt: skip


def figures(found):
    rows = [
        (r["format"], r["arms"], *(f"{r[name]:.1e}" for name in ("rmse_median", "rmse_p90", "rmse_largest")),
         percent(r["drops"])) for r in found
    ]  # fmt: skip
    return dict(figures=table(["figure", "arms", "RMSE, median", "90th percentile", "largest", "drops found"], rows))


def clicks(found):
    head = ["method", "known beside the clicks", "files", "RMSE of S(t), median", "90th percentile", "events exact",
            "at-risk counts exact", "log HR error, median", "90th percentile", "failures"]  # fmt: skip
    rows = [(r["method"], r["information"], r["files"], four(r["rmse_median"]), four(r["rmse_p90"]),
             percent(r["events_exact"]), percent(r["counts_exact"]), four(r["log_hr_median"]), four(r["log_hr_p90"]),
             r["failures"]) for r in found["by_information"]]  # fmt: skip
    cells = [
        (r["clicks"], r["noise"], *(four(r[name]) for name in ("hccmeta", "ipdfromkm", "bare")), percent(r["coverage"]))
        for r in found["by_clicks"]
    ]
    names = ["clicks", "noise", "hccmeta", "IPDfromKM", "the clicks, joined by lines", "band covers"]
    exact, band = found["exact"], found["band"]
    return dict(
        clicks=table(head, rows),
        clicks_cells=table(names, cells),
        clicks_exact=f"{exact['exact']} of {exact['arms']}", band_draws=band["draws"], band_curves=band["curves"],
        band_coverage=percent(band["coverage"]),
    )  # fmt: skip


def public(found):
    def pair(values, shown):
        return None if values is None else " v ".join(format(value, shown) for value in values)

    two = [
        (r["trial"], r["endpoint"], r["printed"], f"{r['hr']:.3f}", f"{r['distance']:.3f}",
         f"{r['low']:.3f} to {r['high']:.3f}", f"{r['moved'][0]:.3f} to {r['moved'][1]:.3f}",
         pair(r["median_printed"], ".1f"), pair(r["median"], ".1f"), pair(r["year_printed"], ".3f"),
         pair(r["year"], ".3f")) for r in found["two_arms"]
    ]  # fmt: skip
    head = ["trial", "endpoint", "HR printed", "here", "log distance", "95 % of the draws", "other totals",
            "medians printed", "here", "S(12) printed", "here"]  # fmt: skip
    trips, limit = found["round_trips"], 0.05
    rows = [_distances(trips, name, text) for name, text in
            (("counts", "at-risk counts"), ("events", "at-risk counts, events"))]  # fmt: skip
    far = [(r["figure"], r["n"], r["printed"], *(f"{r[name]:.3f}" for name in
            ("patients", "counts_printed", "events_printed", "counts_truth", "events_truth")))
           for r in trips if max(r["counts_printed"], r["events_printed"]) > limit]  # fmt: skip
    return dict(
        public_two=table(head, two),
        public_single=table(
            ["source", "arm", "patients", "events", "at-risk counts met", "clicks off the curve, rms"],
            [(r["trial"], r["arm"], r["n"], r["events"], "all" if r["counts_met"] else "no", four(r["distance"]))
             for r in found["single"]],
        ),
        public_trips=table(
            ["known beside the clicks", "figures", "from the patients, median", "90th percentile", "from print, median",
             "90th percentile", "patients from print, median"], rows),
        public_far=table(
            ["figure", "patients", "HR printed", "patients from print", "counts: from print",
             "counts, events: from print", "counts: from patients", "counts, events: from patients"], far),
        public_sources="\n".join(f"- {name}: {text}" for name, text in found["sources"].items()),
        public_limit=limit, public_clicks=found["clicks"], public_noise=found["noise"], public_counts=found["counts"],
    )  # fmt: skip


def _distances(trips, name, text):
    ours, print_, own = (sorted(r[key] for r in trips) for key in (f"{name}_truth", f"{name}_printed", "patients"))
    return (text, len(trips), *(f"{quantile(values, share):.3f}" for values in (ours, print_) for share in (0.5, 0.9)),
            f"{quantile(own, 0.5):.3f}")  # fmt: skip


def printed(found):
    head = ["printed", "arms", "refused", "n, events, median met", "landmarks met", "RMSE of S(t), median",
            "90th percentile", "RMST error / horizon", "band covers", "log HR error, median",
            "90th percentile"]  # fmt: skip
    rows = []
    for r in found:
        met = min(r["met"][name] for name in ("n", "events", "median") if r["met"][name] is not None)
        rows.append((r["report"], r["arms"], r["failures"], percent(met), percent(r["met"]["landmark"]),
                     four(r["rmse_median"]), four(r["rmse_p90"]), four(r["rmst_error"]), percent(r["coverage"]),
                     four(r["log_hr_median"]), four(r["log_hr_p90"])))  # fmt: skip
    return dict(printed=table(head, rows), printed_draws=found[0]["draws"])


def typing(found):
    kinds = [(r["kind"], r["injected"], r["caught"]) for r in found["kinds"]]
    kinds.append(("all", *(sum(column) for column in list(zip(*kinds, strict=True))[1:])))
    rows = [(*row, percent(row[2] / row[1])) for row in kinds]
    return dict(typing=table(["kind of error", "injected", "caught", "share"], rows), typing_rows=f"{found['rows']:,}")
