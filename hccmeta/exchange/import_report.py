"""What an import did, in words: rows added, what the audit finds in them, what to do next."""

from __future__ import annotations

from .import_form import Imported


def describe_import(done: Imported, folder=None) -> str:
    """Text for the terminal: rows per table, findings of the audit on the new studies, next steps."""
    counts = ", ".join(f"{name} {count}" for name, count in done.added.items())
    if not done.written:
        return f"No problem found. Without --check these rows would be added: {counts}."
    lines = [f"All is well; added: {counts}."]
    if done.studies:
        lines += _findings(done.studies, folder)
    lines.append("Next: `make report`, then `make diff` shows what the new rows changed.")
    return "\n".join(lines)


def _findings(studies: tuple[str, ...], folder) -> list[str]:
    from ..evidence.audit import audit_numbers
    from ..evidence.load import load_tables

    found = audit_numbers(load_tables(folder))
    found = found[found["study_id"].isin(studies) & (found["severity"] != "info")]
    if not len(found):
        return ["The audit finds nothing that the printed numbers contradict."]
    lines = ["The audit doubts these printed numbers; compare them with the paper:"]
    for row in found.itertuples():
        numbers = f"printed {row.printed}, implied {row.implied}"
        lines.append(f"  {row.severity} {row.key}, {row.rule}: {numbers}. {row.message}")
    return lines
