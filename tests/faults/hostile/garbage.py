"""Random bytes, and valid messages that were damaged; the same seed gives the same garbage."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

GOLDEN = Path(__file__).parents[2] / "golden" / "v1"
_GARBAGE_BYTES_MAX = 200


def golden_messages() -> dict[str, list[bytes]]:
    """Read the golden vectors: the encoded messages of each type."""
    files = sorted(GOLDEN.glob("*.json"))
    documents = [json.loads(file.read_text()) for file in files]
    return {document["message"]: [bytes.fromhex(vector["wire"]) for vector in document["vectors"]] for document in documents}


def garbage(chance: random.Random, seeds: list[bytes]) -> Iterator[bytes]:
    """Make payloads without end: every third random, the others damaged copies of the seeds."""
    while True:
        yield chance.randbytes(chance.randrange(_GARBAGE_BYTES_MAX))
        yield mutated(chance, chance.choice(seeds))
        yield mutated(chance, chance.choice(seeds))


def mutated(chance: random.Random, payload: bytes) -> bytes:
    """Damage a payload in one to four places: a bit, a byte, a piece doubled, lost, cut off, or put in from nowhere."""
    damaged = bytearray(payload)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(damaged) + 1)
        piece = chance.randint(1, 8)
        match chance.randrange(6):
            case 0 if at < len(damaged):
                damaged[at] ^= 1 << chance.randrange(8)
            case 1 if at < len(damaged):
                damaged[at] = chance.randrange(256)
            case 2:
                damaged[at:at] = damaged[at : at + piece]
            case 3:
                del damaged[at : at + piece]
            case 4:
                del damaged[at:]
            case _:
                damaged[at:at] = chance.randbytes(piece)
    return bytes(damaged)
