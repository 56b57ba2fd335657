"""Replays days of real order lines through the doors of a running allocation service, and checks what it made of them.

Only the contract is used: gRPC for batches (CreateBatch), lines (Allocate) and the lists at the end, NATS for adjustments
(`batch.quantity.changed`) and for everything that the service announces. What each row of the files means is told in days.py.

Each day goes like this. The orders of the day are known beforehand, so its stock can be made to fit: of every sku --coverage
of what will be asked for, --in-stock of that on the shelf, the rest as a shipment expected the next midnight. Then the rows
follow in their order, many lines at once; an adjustment waits for the lines of its sku above it, is applied to the latest
shelf of that sku, and races with the lines below. Damage displaces lines only from a shelf that is nearly sold out, hence
the defaults: less is bought than asked for (0.9), and most of it lies on the shelf (0.8). The damage of the first six days
then displaces 22 lines. A few find room in the shipment or on the shelf itself; the others are backordered, and some of
them are promised again when the stock of the next days comes.

Order ids, skus and batches get the name of the run as a prefix: replayed twice on one data folder, the days never meet.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import secrets
import sys
from pathlib import Path

from examples.online_retail.errors import ReplayError

INTERRUPTED = 130
SHARE_MAX = 10


def main() -> int:
    """Run the command line; answer 1 if a check fails or the replay cannot be done."""
    arguments = _parser().parse_args()
    try:
        from examples.online_retail.program import replay  # noqa: PLC0415 - help is fast, and Ctrl-C quiet while it loads

        return 0 if asyncio.run(replay(arguments)) else 1
    except ReplayError as error:
        print(f"online_retail: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("online_retail: stopped", file=sys.stderr)
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    what = (__doc__ or "").partition("\n")[0]
    parser = argparse.ArgumentParser("online_retail", description=what, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="one *.csv file per day, replayed in the order of names")
    parser.add_argument("--coverage", type=_share, default=0.9, help="how much of each day's demand is bought, 0 to 10")
    parser.add_argument("--in-stock", type=_share, default=0.8, help="how much of that is in stock; the rest is expected later")
    parser.add_argument("--in-flight", type=_count, default=64, help="calls that wait for an answer at the same time")
    parser.add_argument(
        "--run", type=_name, default=secrets.token_hex(4), help="prefix of this replay's ids, another one each time"
    )
    parser.add_argument("--grpc", default="127.0.0.1:50051", metavar="ADDRESS", help="where the service listens")
    parser.add_argument("--nats", default="nats://127.0.0.1:4222", metavar="URL", help="where its broker listens")
    parser.add_argument("--deadline-seconds", type=float, default=60.0, help="how long to wait for the last events")
    return parser


def _share(text: str) -> float:
    share = float(text)
    if not 0 < share <= SHARE_MAX:
        raise argparse.ArgumentTypeError(f"{text} is not above 0 and at most {SHARE_MAX}")
    return share


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError("1 or more")
    return count


def _name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9]{1,32}", text):
        raise argparse.ArgumentTypeError("1 to 32 letters and digits")
    return text


if __name__ == "__main__":
    sys.exit(main())
