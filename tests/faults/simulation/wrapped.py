"""What a broken part is built around: another adapter."""

from __future__ import annotations

from typing import Any


class Wrapped:
    """Another adapter in all but what its subclass says."""

    def __init__(self, inner: Any) -> None:  # noqa: ANN401 - any adapter
        self._inner = inner

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the adapter has
        return getattr(self._inner, name)
