"""Chooses versions of all packages within pyproject.toml and pins them, with hashes and without download hosts."""

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UV = "uv==0.13.9"


def main() -> None:
    """Write requirements.txt anew, in an environment that exists for this alone."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        python = Path(folder) / "bin" / "python"
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", UV], check=True)
        subprocess.run(
            [
                *(str(python), "-m", "uv", "pip", "compile", "pyproject.toml", "--extra", "dev"),
                *("--universal", "--python-version", "3.11", "--upgrade"),
                *("--generate-hashes", "--no-emit-index-url", "--no-header", "--quiet"),
                *("--output-file", "requirements.txt"),
            ],
            cwd=ROOT,
            check=True,
        )


if __name__ == "__main__":
    main()
