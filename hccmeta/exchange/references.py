"""References of the studies for reference managers: RIS and BibTeX."""

from __future__ import annotations

import re

_BIBTEX = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
_BIBTEX |= {char: "\\" + char for char in "{}%&#_$"}
_UNPRINTED = ("registry_record", "protocol")


def _text(value) -> str:
    """One line of text; missing is empty."""
    return "" if value is None or value != value else " ".join(str(value).split())


def _records(studies) -> list[dict[str, str]]:
    missing = studies.isna()
    rows = studies.astype("object").where(~missing, None).to_dict("records")
    return [{name: _text(value) for name, value in row.items()} for row in rows]


def ris(studies) -> str:
    """The studies table as RIS, one record per study."""
    lines = []
    for row in _records(studies):
        kind = "GEN" if row["design"] in _UNPRINTED and not row["journal"] else "JOUR"
        tags = [
            ("TY", kind), ("ID", row["study_id"]), ("AU", _author(row)), ("TI", row["title"] or row["label"]),
            ("T2", row["journal"]), ("PY", row["year"]), ("DO", row["doi"]), ("AN", row["pmid"]),
            ("C2", row["pmcid"]), ("M1", row["registry"]),
        ]  # fmt: skip
        lines += [f"{tag}  - {text}" for tag, text in tags if text]
        lines += ["ER  - ", ""]
    return "\r\n".join(lines) + ("\r\n" if lines else "")


def bibtex(studies) -> str:
    """The studies table as BibTeX, one entry per study, its key the study_id."""
    entries = []
    for row in _records(studies):
        fields = {
            "author": _author(row), "title": row["title"] or row["label"], "journal": row["journal"],
            "year": row["year"], "doi": row["doi"], "pmid": row["pmid"], "pmcid": row["pmcid"], "note": row["registry"],
        }  # fmt: skip
        kind = "article" if row["journal"] else "misc"
        body = ",\n".join(f"  {name} = {{{_bibtex_text(name, text)}}}" for name, text in fields.items() if text)
        entries.append(f"@{kind}{{{row['study_id']},\n{body}\n}}\n")
    return "\n".join(entries)


def _author(row: dict[str, str]) -> str:
    """`Family, Initials` of the first author and `others`, as reference managers expect it."""
    name = re.sub(r"\s+et al\.?$", "", row["first_author"])
    family, _, initials = name.rpartition(" ")
    return f"{family}, {initials}" if family else name


def _bibtex_text(name: str, text: str) -> str:
    if name == "doi":
        return text
    safe = "".join(_BIBTEX.get(char, char) for char in text)
    return f"{{{safe}}}" if name == "title" else safe + (" and others" if name == "author" else "")
