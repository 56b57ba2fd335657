"""The picture of a soak: what was held over time, the later half shaded, and the command beneath."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from tests.soak.judge import MEBIBYTE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.soak.samples import Sample

_PANELS: tuple[tuple[str, float, dict[str, str]], ...] = (
    ("memory, MiB", MEBIBYTE, {"service_memory": "service", "broker_memory": "broker"}),
    (
        "open files and connections",
        1,
        {
            "service_descriptors": "files, service",
            "broker_descriptors": "files, broker",
            "service_connections": "connections, service",
        },
    ),
    ("threads of the service", 1, {"service_threads": "threads"}),
    ("on disk, MiB", MEBIBYTE, {"database_bytes": "database (a log: it grows)", "wal_bytes": "write-ahead log"}),
    ("rows", 1, {"outbox_rows": "outbox", "parked_rows": "parked messages"}),
    ("calls and messages", 1, {"answers": "answered so far"}),
)


def draw(samples: Sequence[Sample], path: Path, *, command: str, verdict: str) -> None:
    """Write the picture."""
    figure = Figure(figsize=(12, 9), layout="constrained")
    FigureCanvasAgg(figure)
    minutes = [sample.seconds / 60 for sample in samples]
    for axes, (title, unit, lines) in zip(figure.subplots(3, 2).flat, _PANELS, strict=True):
        for what, label in lines.items():
            values = [float("nan") if (value := getattr(sample, what)) is None else value / unit for sample in samples]
            axes.plot(minutes, values, label=label, linewidth=1)
        axes.axvspan(minutes[-1] / 2, minutes[-1], color="0.93")
        axes.set_title(title, fontsize=10)
        axes.set_ylim(bottom=0, top=1.1 * axes.get_ylim()[1])
        axes.set_xlabel("minutes", fontsize=8)
        axes.legend(fontsize=8, loc="lower right")
        axes.grid(visible=True, linewidth=0.3)
    figure.suptitle(f"{command}: {samples[-1].seconds / 60:.0f} minutes. {verdict}", fontsize=11)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=80)
