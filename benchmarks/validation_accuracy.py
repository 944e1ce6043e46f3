"""Tables of docs/validation.md that rest on stored measurements: coverage, reconstruction, typing errors."""

from __future__ import annotations


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
        **clicks(stored["clicks"]), **printed(stored["printed"]), **typing(stored["typing"]),
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
