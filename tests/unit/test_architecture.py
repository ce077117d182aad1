"""The floors hold, and what is shipped is what the design says."""

from __future__ import annotations

import ast
import subprocess
import sys
import zipfile
from importlib.metadata import entry_points
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_import_floors_hold() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_a_wheel_holds_just_the_packages_and_their_data(tmp_path: Path) -> None:
    build = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert build.returncode == 0, build.stderr
    names = zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist()
    tops = {name.split("/")[0] for name in names if ".dist-info" not in name}
    assert tops == {"api", "flows", "infra", "monitors", "workers"}
    for data in ("infra/migrations/0001", "workers/directories/seed.csv", "workers/forms/"):
        assert any(name.startswith(data) for name in names), data


def test_prefect_finds_the_worker_type_by_its_entry_point() -> None:
    found = {point.name: point.value for point in entry_points(group="prefect.collections")}
    assert found["fleet"] == "workers.prefect_worker"


def sleeps_outside_a_loop(tree: ast.AST) -> list[int]:
    """Lines that sleep for a fixed time. Inside a `while` it is the pause of a wait for a condition."""
    waits = {id(call) for loop in ast.walk(tree) if isinstance(loop, ast.While) for call in ast.walk(loop)}
    return [
        call.lineno
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and ast.unparse(call.func).endswith("sleep") and id(call) not in waits
        if call.args and ast.unparse(call.args[0]) != "0"
    ]


def test_a_fixed_sleep_is_found() -> None:
    code = "async def t():\n    await asyncio.sleep(1)\n    while True:\n        time.sleep(1)"
    assert sleeps_outside_a_loop(ast.parse(code)) == [2]


def test_no_test_sleeps_for_a_fixed_time() -> None:
    found = {
        str(path.relative_to(ROOT)): lines
        for path in (ROOT / "tests").rglob("*.py")
        if (lines := sleeps_outside_a_loop(ast.parse(path.read_text())))
    }
    assert found == {}
