"""Draw the README's picture: `python docs/picture.py results/SUITE docs/SUITE.svg`."""

import io
import re
import sys
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console

from mtbench.records.results import Results
from mtbench.report import summarize
from mtbench.report.formats import table


def main(folder: str, target: str) -> None:
    """Draw the table of a folder of records as SVG, with fonts of the reader's machine."""
    console = Console(
        record=True, width=90, file=io.StringIO(), force_terminal=True, highlight=False
    )
    table(summarize(Results.read(Path(folder))), console)
    form = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    command = f"mtbench run suites/{Path(folder).name}.yaml"
    console.save_svg(target, title=command, code_format=form)


if __name__ == "__main__":
    main(*sys.argv[1:])
