"""Rebuilds everything that is made from protos/, or proves with --check that it is fresh.

A language whose toolchain is missing or too old is named as left alone; with CI set in the environment that is a failure.
"""

import argparse
import filecmp
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from tools.asyncapi_document import asyncapi_document
from tools.contract import ContractError
from tools.descriptors import read_image
from tools.generate import languages, third_party
from tools.generate.third_party import ROOT
from tools.golden_vectors import golden_vectors
from tools.reference import reference


def documents(destination: Path) -> None:
    """Write what is read by people and by tests."""
    image = read_image(str(third_party.CONTRACT))
    texts = {"docs/reference.md": reference(image), "docs/asyncapi.yaml": asyncapi_document(image)}
    for name, text in (texts | golden_vectors()).items():
        (destination / name).parent.mkdir(parents=True, exist_ok=True)
        (destination / name).write_text(text, encoding="utf-8")


PARTS: dict[str, tuple[Callable[[Path], None], tuple[str, ...]]] = {
    "Python": (languages.python, ("generated/python/stock", "generated/python/buf")),
    "Go": (languages.go, ("generated/go/allocationv1",)),
    "TypeScript": (languages.typescript, ("generated/typescript/lib",)),
    "Documents": (documents, ("docs/reference.md", "docs/asyncapi.yaml", "tests/golden/v1")),
}


def main() -> None:
    """Generate in place, or compare a fresh generation with what is committed."""
    parser = argparse.ArgumentParser(prog="python -m tools.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; fail if something is stale")
    check: bool = parser.parse_args().check
    third_party.build_images()
    stale, missing = [], []
    for name, (generate, outputs) in PARTS.items():
        with tempfile.TemporaryDirectory() as folder:
            try:
                generate(Path(folder))
            except languages.MissingToolError as error:
                missing.append(f"{name}: not {'checked' if check else 'rebuilt'}, {error}")
                continue
            except ContractError as error:
                sys.exit(f"{name}: {error}")
            if check:
                stale += stale_files(ROOT, Path(folder), outputs)
            else:
                replace(ROOT, Path(folder), outputs)
    report(stale, missing)


def report(stale: Iterable[str], missing: Iterable[str]) -> None:
    """Say what is wrong, and exit accordingly."""
    for line in missing:
        sys.stdout.write(f"{line}\n")
    if stale := list(stale):
        sys.exit("stale, run `make generate`: " + ", ".join(stale))
    if list(missing) and os.environ.get("CI"):
        sys.exit("every toolchain must be there in CI, and new enough")


def stale_files(committed: Path, fresh: Path, outputs: Iterable[str]) -> list[str]:
    """Name the files that differ, are missing or stand there without a source."""
    names = {name for root in (committed, fresh) for output in outputs for name in files_of(root, output)}
    return sorted(
        str(name)
        for name in names
        if not (committed / name).exists()
        or not (fresh / name).exists()
        or not filecmp.cmp(committed / name, fresh / name, shallow=False)
    )


def files_of(root: Path, output: str) -> list[Path]:
    """List the files that an output consists of: itself, or all in a folder."""
    path = root / output
    found = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return [file.relative_to(root) for file in found if "__pycache__" not in file.parts]


def replace(committed: Path, fresh: Path, outputs: Iterable[str]) -> None:
    """Put a fresh generation in the place of the old one."""
    for output in outputs:
        if (committed / output).is_dir():
            shutil.rmtree(committed / output)
        for name in files_of(fresh, output):
            (committed / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(fresh / name, committed / name)


if __name__ == "__main__":
    main()
