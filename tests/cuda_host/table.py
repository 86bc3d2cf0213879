"""Write the tables of docs/gpu: ``python tests/cuda_host/table.py``, some twenty minutes on two cores.

What the compiler reports of each kernel, for each architecture.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from cuda_host import kernel_table


def main():
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    kernel_table.write()


if __name__ == "__main__":
    main()
