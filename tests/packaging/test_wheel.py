"""The wheel, installed and run away from the checkout: it needs nothing but itself and its locked dependencies."""

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*command: Path | str, cwd: Path) -> str:
    """The output of a command that has to succeed, started with an empty environment."""
    done = subprocess.run(  # noqa: S603 - our own words
        command, cwd=cwd, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the source distribution, so that both are known to be whole."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT), cwd=folder)
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="session")
def installed(wheel: Path, runtime_packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a fresh virtual environment that holds the wheel and the locked dependencies."""
    environment = tmp_path_factory.mktemp("installed") / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", str(environment), cwd=environment.parent)
    python = environment / "bin" / "python"
    (packages,) = environment.glob("lib/python*/site-packages")
    (packages / "dependencies.pth").write_text(f"{runtime_packages}\n")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python)
    run(*pip, "install", "--quiet", "--no-deps", "--no-index", wheel, cwd=environment.parent)
    return environment / "bin"


def test_the_wheel_carries_schemas_examples_and_licence(wheel: Path) -> None:
    """Every file under schemas and examples is in the package byte for byte; tests are not."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        for folder in ("schemas", "examples"):
            for file in (path for path in (ROOT / folder).rglob("*") if path.is_file()):
                assert archive.read(f"connector/{file.relative_to(ROOT).as_posix()}") == file.read_bytes()
    assert any(name.endswith("/licenses/LICENSE") for name in names)
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"connector", "whatsapp_kafka_connector"}


def test_the_installed_package_is_not_the_checkout(installed: Path, tmp_path: Path) -> None:
    """The tests of this file look at the installed package, wherever pytest was started."""
    file = run(installed / "python", "-c", "import connector; print(connector.__file__)", cwd=tmp_path)
    assert Path(file.strip()).is_relative_to(installed.parent)


def test_the_command_tells_its_version(installed: Path, tmp_path: Path) -> None:
    """``connector --version`` is the project's version."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert version in run(installed / "connector", "--version", cwd=tmp_path)


@pytest.mark.parametrize("arguments", [("--help",), ("schemas", "check"), ("config", "schema")])
def test_the_command_runs_outside_the_checkout(installed: Path, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """Commands that need no broker work with nothing but the installed files."""
    assert run(installed / "connector", *arguments, cwd=tmp_path)


def test_every_command_can_be_asked_for_help(installed: Path, tmp_path: Path) -> None:
    """No command needs a package that the locked dependencies lack: each one is imported to answer."""
    listing = run(installed / "connector", "--help", cwd=tmp_path).partition("Commands:")[2]
    names = [line.split()[0] for line in listing.splitlines() if line.startswith("  ") and not line.startswith("   ")]
    assert "schemas" in names
    for name in names:
        assert "Usage" in run(installed / "connector", name, "--help", cwd=tmp_path)
