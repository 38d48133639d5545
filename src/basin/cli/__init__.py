"""The command line: `basin list | run | race | claims | report | show`.

Parsing imports nothing heavy, so `basin --help` answers at once; each verb imports what it needs when it is called.
A mistake of the user's ends with one line that says what was expected, what came and how to mend it, and status 2.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

VERBS = {
    "list": "studies, their claims, presets and measured cost",
    "run": "run or resume studies, write their reports, print the verdicts",
    "race": "optimisers side by side on a surface or a network, each at its best learning rate",
    "claims": "the ledger: every claim of every study that has been run",
    "report": "rebuild the reports from the store",
    "show": "one run: what it was, how it ended, its curves",
}

INTERRUPTED = 130
MISTAKE = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status: 0, 2 for a mistake of the user's, 130 after Ctrl-C."""
    options = _parse(arguments)
    if options.verb is None:
        _parser().print_help()
        return MISTAKE
    try:
        _find_data(options)
        return importlib.import_module(f"basin.cli.{options.verb}").run(options)
    except (ValueError, OSError) as error:
        print(f"basin: {_one_line(error)}", file=sys.stderr)
        return MISTAKE
    except KeyboardInterrupt:
        again = " ".join(["basin", *(sys.argv[1:] if arguments is None else arguments)])
        print(f"\nbasin: interrupted; everything finished so far is kept, go on with: {again}", file=sys.stderr)
        return INTERRUPTED


class _Parser(argparse.ArgumentParser):
    """Ends a mistake with one line instead of a page of usage."""

    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: {message}; see {self.prog} --help", file=sys.stderr)
        sys.exit(MISTAKE)


def _find_data(options: argparse.Namespace) -> None:
    """Let every reader of files know the folder of data sets that the user named, in this process and its children."""
    folder = getattr(options, "data_root", None)
    if folder is None:
        return
    if not os.path.isdir(folder):
        raise ValueError(f"--data-root: expected a folder of data sets, got {folder}, which is none; check the path")
    os.environ["BASIN_DATA"] = os.path.abspath(folder)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = _parser()
    options, rest = parser.parse_known_args(arguments)
    if rest and (options.verb not in ("run", "race") or any(word.startswith("-") for word in rest)):
        parser.error(f"unknown argument {rest[0]}")
    if rest:  # fields may stand after the options
        (options.studies if options.verb == "run" else options.fields).extend(rest)
    return options


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="basin",
        description="How does the way a network is trained decide how well it generalises?",
        epilog="A first look: basin run large-batch",
    )
    verbs = parser.add_subparsers(dest="verb", metavar="VERB")
    made = {
        name: verbs.add_parser(name, help=text, description=text.capitalize() + ".") for name, text in VERBS.items()
    }
    for name in ("run", "race", "claims", "report", "show"):
        made[name].add_argument("--out", default="runs", metavar="FOLDER", help="folder of all studies (default: runs)")
    for name in ("run", "race"):
        made[name].add_argument(
            "--data-root", metavar="FOLDER", help="where MNIST, CIFAR and the like lie (default: $BASIN_DATA)"
        )
    run = made["run"]
    run.add_argument("studies", nargs="+", metavar="STUDY", help="a study's name, or all; then field.path=value ...")
    run.add_argument("--preset", default="quick", help="size of the study (default: quick)")
    run.add_argument("--seeds", type=int, metavar="N", help="runs of each arm, in place of the preset's number")
    run.add_argument("--dry-run", action="store_true", help="say what it will cost; train and store nothing")
    _add_race(made["race"])
    made["claims"].add_argument("--json", action="store_true", help="print the records instead of a table")
    made["show"].add_argument("run", metavar="RUN", help="a run's id, or its first digits")
    return parser


def _add_race(race: argparse.ArgumentParser) -> None:
    race.add_argument("scene", metavar="SCENE", help="a surface (basin list names them), or network")
    race.add_argument("fields", nargs="*", metavar="field.path=value", help="as in rules.adam.beta2=0.99")
    race.add_argument("--optimizers", metavar="A,B,...", help="who takes part, as in adam,sgd,momentum")
    race.add_argument("--steps", type=int, metavar="N", help="updates of each walk or training")
    race.add_argument("--starts", type=int, metavar="N", help="starts (of a network: seeds) of the ranking")
    race.add_argument("--start", metavar="X,Y", help="where the picture's walks begin; --start=-1,2 if negative")
    race.add_argument("--target", type=float, metavar="H", help="height, or training loss, at which a race is won")


def _one_line(error: Exception) -> str:
    from pydantic import ValidationError

    from basin.spec.base import first_error

    if isinstance(error, ValidationError):
        return first_error(error)
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror or error}"
    return " ".join(str(error).split())
