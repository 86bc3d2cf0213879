"""Write the tables of docs/gpu: ``python tests/cuda_host/table.py kernels roofline``, half an hour on two cores.

What the compiler reports of each kernel, for each architecture; what each kernel moves and computes.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from cuda_host import kernel_table, roofline

TABLES = {"kernels": kernel_table.write, "roofline": roofline.write}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tables", nargs="+", choices=TABLES)
    for name in parser.parse_args().tables:
        TABLES[name]()


if __name__ == "__main__":
    main()
