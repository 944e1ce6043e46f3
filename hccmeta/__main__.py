"""Command line: `python -m hccmeta report | check | audit | verify | template | import | diff | export`."""

from __future__ import annotations

import argparse
import sys

from .errors import HccmetaError


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of 1 or more")
    return int(text)


def _report(options) -> int:
    from .report.run import report

    return report(selection=options.selection, jobs=options.jobs)


def _check(options) -> int:
    from .evidence.check import report_check

    text, code = report_check(options.folder)
    print(text, file=sys.stderr if code else sys.stdout)
    return code


def _audit(options) -> int:
    from .evidence.audit import audit_numbers, report_audit
    from .evidence.load import load_tables

    print(report_audit(audit_numbers(load_tables(options.folder))))
    return 0


def _verify(options) -> int:
    from .report.manifest import verify

    return verify(jobs=options.jobs)


def _template(options) -> int:
    from .exchange.form import write_form

    print(f"{write_form(options.file)} is ready: fill it in, then run `python -m hccmeta import {options.file}`.")
    return 0


def _import(options) -> int:
    from .exchange.import_form import import_form
    from .exchange.import_report import describe_import

    print(describe_import(import_form(options.file, options.folder, check_only=options.check), options.folder))
    return 0


def _diff(options) -> int:
    from .exchange.changes import describe_changes

    print(describe_changes(options.base))
    return 0


def _export(options) -> int:
    from .evidence.load import load_tables
    from .exchange.export import export

    print(export(load_tables(), options.folder))
    return 0


def _add_exchange(commands) -> None:
    template = commands.add_parser("template", help="write an empty spreadsheet form for a new study")
    template.add_argument("file", help="name of the new .xlsx file; an existing file is not replaced")
    template.set_defaults(run=_template)
    add = commands.add_parser("import", help="check a filled form and add its rows to the tables, all or none")
    add.add_argument("file", help="the filled .xlsx form")
    add.add_argument("folder", nargs="?", default=None, help="folder with the CSV tables (default data/extracted)")
    add.add_argument("--check", action="store_true", help="only check, add nothing")
    add.set_defaults(run=_import)
    diff = commands.add_parser("diff", help="which results changed since a version, and which rows caused it")
    diff.add_argument("--base", default="HEAD", help="git tag, branch or commit (default HEAD)")
    diff.set_defaults(run=_diff)
    export = commands.add_parser("export", help="write the analyses for R and RevMan, and the references")
    export.add_argument("folder", nargs="?", default=None, help="folder to write (default reports/export)")
    export.set_defaults(run=_export)


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m hccmeta", description="Meta-analysis workbook: RT plus ICI in HCC.")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    report = commands.add_parser(
        "report", help="check the tables, run the notebooks that are out of date, write the front page"
    )
    report.add_argument("--selection", default="", help="name of a saved selection (selections/NAME.yaml)")
    report.add_argument("--jobs", type=_positive, default=2, help="notebooks at a time (default 2)")
    report.set_defaults(run=_report)
    for name, function, text in (
        ("check", _check, "check the tables against the schema and the rules"),
        ("audit", _audit, "list printed numbers that cannot be right"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument(
            "folder", nargs="?", default=None, help="folder with the CSV tables (default data/extracted)"
        )
        command.set_defaults(run=function)
    verify = commands.add_parser("verify", help="build the report again elsewhere and compare every file")
    verify.add_argument("--jobs", type=_positive, default=2)
    verify.set_defaults(run=_verify)
    _add_exchange(commands)
    return top


def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    try:
        return options.run(options)
    except (HccmetaError, FileNotFoundError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
