"""The five programs: what each needs, how it is built and how it is started."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MAVEN = ("mvn", "--batch-mode", "--no-transfer-progress")
# crm and the contract in one build: crm takes it from there, and nothing is installed into the user's repository.
CRM = ("-f", "examples/crm/with-contract.xml")
GO_FOLDERS = "examples/warehouse generated/go tests/conformance/cloudevents"


@dataclass(frozen=True)
class Tool:
    """A toolchain's command, how to ask for its version, and the oldest that will do."""

    name: str
    version_arguments: tuple[str, ...]
    oldest: tuple[int, ...]

    def problem(self) -> str | None:
        """Say what keeps it from being used; None if nothing does."""
        if shutil.which(self.name) is None:
            return f"{self.name} is not installed"
        asked = [self.name, *self.version_arguments]
        answer = subprocess.run(asked, capture_output=True, text=True, check=False)  # noqa: S603 - a tool's own version
        found = re.search(r'(?<=version ")\d+(\.\d+)*|\d+(\.\d+)+', answer.stdout + answer.stderr)
        version = found.group() if found else "0"
        if tuple(int(part) for part in version.split(".")) < self.oldest:
            return f"{self.name} {'.'.join(map(str, self.oldest))} or newer is needed, found {version}"
        return None


@dataclass(frozen=True)
class Proof:
    """A command that tests, and patterns of what it prints when it has tested: with no tests left most succeed as well."""

    command: tuple[str, ...]
    shows: tuple[str, ...]

    def hold(self) -> None:
        """Run it. Raises RuntimeError with what it said if it fails, or if one of the patterns is not in it."""
        printed = succeed(self.command)
        if missing := [pattern for pattern in self.shows if not re.search(pattern, printed, re.MULTILINE)]:
            raise RuntimeError(f"{' '.join(self.command)} does not show {missing}:\n{printed[-3000:]}")


@dataclass(frozen=True)
class Program:
    """A program of one language; all commands are run in the root of the repository."""

    name: str
    language: str
    part: str
    tools: tuple[Tool, ...]
    build: tuple[tuple[str, ...], ...]
    command: tuple[str, ...]
    golden_vectors: tuple[str, ...]
    golden_passed: str
    tests: tuple[Proof, ...]

    def problem(self) -> str | None:
        """Say which toolchain is missing or too old; None if the program can be built."""
        return next((problem for tool in self.tools if (problem := tool.problem())), None)

    def prepare(self) -> None:
        """Build it, and what it depends on; quick when nothing changed.

        Raises:
            RuntimeError: with what the build said.

        """
        for command in self.build:
            succeed(command)


def succeed(command: tuple[str, ...], seconds: float = 1200) -> str:
    """Run a command in the root of the repository and answer what it said. Raises RuntimeError with it if it fails."""
    done = subprocess.run(  # noqa: S603 - the project's own builds and tests
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=seconds, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout[-3000:]}")
    return done.stdout


def cargo(folder: str, command: str) -> tuple[str, ...]:
    """Make a command for cargo, which reads its configuration from the folder it is run in."""
    return ("sh", "-c", f"cd {folder} && cargo {command}")


PROGRAMS = (
    Program(
        name="warehouse",
        language="Go",
        part="reports water damage",
        tools=(Tool("go", ("version",), (1, 26)),),
        build=(("go", "-C", "examples/warehouse", "build", "-o", "../../build/programs/warehouse", "."),),
        command=("build/programs/warehouse",),
        golden_vectors=("go", "-C", "generated/go/contract_test", "test", "-count=1", "-v", "-run", "(?i)golden", "./..."),
        golden_passed="^--- PASS: .*[Gg]olden",
        tests=(
            Proof(
                ("go", "-C", "generated/go/contract_test", "test", "-count=1", "-v", "./..."),
                ("^--- PASS: .*Golden", "^--- PASS: .*Constraint", "^--- PASS: .*ModuleProxy"),
            ),
            Proof(("go", "-C", "examples/warehouse", "test", "-count=1", "-v", "./..."), ("^--- PASS: ",)),
            Proof(
                ("sh", "-c", f'unformatted=$(gofmt -l {GO_FOLDERS}) && test -z "$unformatted" && echo formatted'),
                ("^formatted$",),
            ),
        ),
    ),
    Program(
        name="orders",
        language="TypeScript",
        part="places orders",
        tools=(Tool("node", ("--version",), (20, 10)), Tool("npm", ("--version",), (10,))),
        build=(
            ("npm", "--prefix", "generated/typescript", "ci", "--silent"),
            ("make", "--silent", "-C", "examples/orders"),
        ),
        command=("node", "examples/orders/dist/main.js"),
        golden_vectors=("npm", "--prefix", "generated/typescript", "test", "--", "--test-name-pattern=golden"),
        golden_passed="^✔ golden ",
        tests=(
            Proof(
                ("npm", "--prefix", "generated/typescript", "test", "--silent"),
                ("^✔ golden ", "^✔ .* keeps the constraints", "^✔ .* breaks the constraints"),
            ),
            # What an older compilation left is not taken for the test.
            Proof(
                ("sh", "-c", "rm -f examples/orders/dist/*.test.js && npm --prefix examples/orders test --silent"),
                ("^✔ a line that moves is promised once",),
            ),
            Proof(("npm", "--prefix", "examples/orders", "run", "lint", "--silent"), ("^Checked [1-9]",)),
        ),
    ),
    Program(
        name="crm",
        language="Java",
        part="makes the third order a VIP's",
        tools=(Tool("java", ("-version",), (17,)), Tool("mvn", ("--version",), (3, 8))),
        build=((*MAVEN, "--quiet", *CRM, "package", "-DskipTests"),),
        command=("java", "-cp", "examples/crm/target/classes:examples/crm/target/dependency/*", "crm.Crm"),
        golden_vectors=(*MAVEN, "-f", "generated/java/pom.xml", "test", "-Dtest=GoldenTest"),
        golden_passed="Tests run: [1-9]",
        tests=(
            Proof(
                (*MAVEN, *CRM, "test"),
                tuple(
                    rf"Tests run: [1-9].*\.{name}$"
                    for name in ("GoldenTest", "ConstraintTest", "SubjectsTest", "CustomersTest")
                ),
            ),
        ),
    ),
    Program(
        name="purchasing",
        language="Rust",
        part="orders what is missing",
        tools=(Tool("cargo", ("--version",), (1, 89)),),
        build=(cargo("examples/purchasing", "build --quiet"),),
        command=("build/rust/debug/purchasing",),
        golden_vectors=cargo("generated/rust", "test --features constraints --test golden"),
        golden_passed="test result: ok. [1-9]",
        tests=(
            Proof(
                cargo("generated/rust", "test --features constraints"),
                (r"Running tests/constraints\.rs.*\s+running [1-9]", r"Running tests/golden\.rs.*\s+running [1-9]"),
            ),
            Proof(cargo("examples/purchasing", "test"), (r"^test result: ok\. [1-9]",)),
        ),
    ),
    Program(
        name="audit",
        language="Python",
        part="checks that all agree",
        tools=(),
        build=(),
        command=(sys.executable, "-m", "examples.audit"),
        golden_vectors=(sys.executable, "-m", "pytest", "-q", "tests/unit/contract/test_golden_vectors.py"),
        golden_passed="[1-9][0-9]* passed",
        tests=tuple(
            Proof((sys.executable, "-m", "pytest", "-q", file), ("^[1-9][0-9]* passed",))
            for file in ("tests/unit/contract/test_golden_vectors.py", "tests/unit/examples/test_audit.py")
        ),
    ),
)
