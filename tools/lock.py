"""Chooses versions of all packages within pyproject.toml and pins them, with hashes and without download hosts."""

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UV = "uv==0.13.9"


def main() -> None:
    """Write requirements-dev.txt (everything) and requirements.txt (what the service needs to run) anew."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        python = Path(folder) / "bin" / "python"
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", UV], check=True)
        pin(python, "requirements-dev.txt", "--extra", "dev", "--upgrade")
        pin(python, "requirements.txt", "--constraint", "requirements-dev.txt")


def pin(python: Path, output: str, *which: str) -> None:
    """Write one file of pinned packages."""
    subprocess.run(
        [
            *(str(python), "-m", "uv", "pip", "compile", "pyproject.toml", *which),
            *("--universal", "--python-version", "3.11"),
            *("--generate-hashes", "--no-emit-index-url", "--no-annotate", "--no-header", "--quiet"),
            *("--no-emit-package", "stock-allocation-contract"),
            *("--output-file", output),
        ],
        cwd=ROOT,
        check=True,
    )


if __name__ == "__main__":
    main()
