"""Build the general weights: `python -m training DATA`, a folder with `mixed.jsonl(.gz)` and `broad.jsonl(.gz)`."""

import argparse
from pathlib import Path
from typing import Final

from tierway_proxy.core.classify.general import unpack
from training.building import weights_from

SHIPPED: Final = Path("proxy/tierway_proxy/core/classify/general.bin")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    parser.add_argument("data", type=Path, help="folder of labelled requests")
    parser.add_argument("-o", "--output", type=Path, default=SHIPPED, help="file to write (default: %(default)s)")
    options = parser.parse_args()
    packed = weights_from(options.data, print)
    options.output.write_bytes(packed)
    made = unpack(packed)
    print(f"{options.output}: {made.name}, {len(made.words)} words, {len(packed)} bytes")
    print(f"say so in contract/own_model.py: GENERAL = {made.name!r}")


if __name__ == "__main__":
    main()
