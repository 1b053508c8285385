"""`python -m mamlgrid`: the same as the command `mamlgrid`."""

import sys

from ._figures.command_line import main

if __name__ == "__main__":
    sys.exit(main())
