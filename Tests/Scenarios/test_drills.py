"""Each drill of replay/drills, as an operator runs it."""

import json
import sys

import pytest

from harness.support import ROOT, Skip, run

DRILLS = sorted(
    path.name for path in (ROOT / "replay" / "drills").iterdir()
    if path.is_file() and not path.suffix)


def test_there_are_drills():
    assert len(DRILLS) >= 7


@pytest.mark.parametrize("name", DRILLS)
def test_the_drill_passes(name, tmp_path):
    result = run(
        sys.executable, ROOT / "replay" / "drills" / name, "--scratch", tmp_path / "scratch",
        "--messages", "150", "--json", check=False, timeout=600)
    print(result.stdout, result.stderr)
    if result.returncode == 69:
        raise Skip(result.stdout.splitlines()[-2])
    assert result.returncode == 0
    numbers = json.loads(result.stdout.splitlines()[-1])
    assert numbers["verdict"] == "PASS"
    assert "messages acknowledged" in numbers
