"""Loads a program's modules, waits until what it needs is there, then becomes the program.

    python -m infra.local.standby --load prefect.cli --until http://127.0.0.1:4200/api/health -- prefect worker start …

Most of a Prefect program's start is importing. Done while the server still boots, it costs no time.
"""

from __future__ import annotations

import argparse
import importlib
import runpy
import sys
import time

from infra.local.network import ask_now

_ASK_EVERY = 0.1  # s


def main(arguments: list[str]) -> None:
    """Load, wait, run. It waits without limit: whoever started this process knows when to give up."""
    own, program = _split(arguments)
    for module in own.load:
        importlib.import_module(module)
    while not all(ask_now(url) is not None for url in own.until):
        time.sleep(_ASK_EVERY)
    sys.argv = program
    runpy.run_module(program[0], run_name="__main__", alter_sys=True)


def _split(arguments: list[str]) -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser("python -m infra.local.standby", description=__doc__)
    parser.add_argument("--load", action="append", default=[], help="module to import at once")
    parser.add_argument("--until", action="append", default=[], help="address that has to answer with 200 first")
    parser.add_argument("program", nargs="+", help="module to run, and its arguments, after --")
    options = parser.parse_args(arguments)
    return options, options.program


if __name__ == "__main__":
    main(sys.argv[1:])
