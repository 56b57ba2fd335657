"""Whether what was seen stayed flat: a line through the later half of the samples may hardly rise."""

from __future__ import annotations

from itertools import combinations
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.soak.samples import Sample

MEBIBYTE = 1 << 20
MEMORY_JUDGED_FROM_SECONDS = 300.0
"""How long the later half must be: before that, caches and the broker's window of message ids still fill."""
WAL_BYTES_MAX = 64 * MEBIBYTE
_SAMPLES_MIN = 4
_MEMORY = {
    "service_memory": ("memory of the service", 0.05, 8 * MEBIBYTE),
    # It rises and falls by 30 MiB within twenty minutes, as its collector and its caches go: a leak does not fall again.
    "broker_memory": ("memory of the broker", 0.1, 32 * MEBIBYTE),
}
_COUNTS = {
    "service_descriptors": "open files of the service",
    "service_connections": "connections of the service",
    "service_threads": "threads of the service",
    "broker_descriptors": "open files of the broker",
}
_COUNT_GROWTH_MAX = 8.0


def growing(samples: Sequence[Sample]) -> list[str]:
    """Say what grew, or did not end as it should; nothing: all is flat."""
    return list(_growing(samples))


def is_memory_judged(samples: Sequence[Sample]) -> bool:
    """Whether the run was long enough to say something about memory."""
    later = later_half(samples)
    return bool(later) and later[-1].seconds - later[0].seconds >= MEMORY_JUDGED_FROM_SECONDS


def later_half(samples: Sequence[Sample]) -> list[Sample]:
    """Answer the samples of the second half of the load; the very last one is of the quiet after it."""
    under_load = samples[:-1]
    end = under_load[-1].seconds if under_load else 0.0
    return [sample for sample in under_load if sample.seconds >= end / 2]


def growth(samples: Sequence[Sample], what: str) -> tuple[float, float]:
    """Answer by how much the line through the later half rises from its beginning to its end, and the median.

    Its slope is the median of the slopes between any two samples (Theil and Sen): waves and spikes, wherever they happen to
    lie, do not tilt it.
    """
    seen = [(sample.seconds, float(value)) for sample in later_half(samples) if (value := getattr(sample, what)) is not None]
    if len(seen) < _SAMPLES_MIN:
        raise ValueError(f"{len(seen)} samples of {what} in the later half, {_SAMPLES_MIN} are needed")
    times, values = zip(*seen, strict=True)
    slope = median((later[1] - earlier[1]) / (later[0] - earlier[0]) for earlier, later in combinations(seen, 2))
    return slope * (times[-1] - times[0]), median(values)


def _growing(samples: Sequence[Sample]) -> Iterator[str]:
    for what, name in _COUNTS.items():
        risen, middle = growth(samples, what)
        if risen > _COUNT_GROWTH_MAX:
            yield f"{name} grew by {risen:.1f} in the later half, around {middle:.0f}; the limit is {_COUNT_GROWTH_MAX:.0f}"
    if is_memory_judged(samples):
        for what, (name, part_max, bytes_max) in _MEMORY.items():
            risen, middle = growth(samples, what)
            limit = max(bytes_max, part_max * middle)
            if risen > limit:
                yield (
                    f"{name} grew by {risen / MEBIBYTE:.1f} MiB in the later half, around {middle / MEBIBYTE:.0f} MiB; "
                    f"the limit is {limit / MEBIBYTE:.1f} MiB"
                )
    if (wal := max(sample.wal_bytes for sample in samples)) > WAL_BYTES_MAX:
        yield f"the write-ahead log reached {wal / MEBIBYTE:.1f} MiB; the limit is {WAL_BYTES_MAX / MEBIBYTE:.0f} MiB"
    if samples[-1].outbox_rows:
        yield f"{samples[-1].outbox_rows} events were left in the outbox when all was quiet"
