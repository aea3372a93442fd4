"""Prints "passed failed skipped" of a test run, from its report files.

python totals.py swift DIRECTORY    the directory has output.txt and tests*.xml of `swift test`
python totals.py pytest FILE        JUnit XML
A run without a readable report counts as one failure.
"""

import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path


def from_xml(paths: list[Path]) -> tuple[int, int, int]:
    passed = failed = skipped = 0
    for path in paths:
        for case in ElementTree.parse(path).getroot().iter("testcase"):
            if case.find("failure") is not None or case.find("error") is not None:
                failed += 1
            elif case.find("skipped") is not None:
                skipped += 1
            else:
                passed += 1
    return passed, failed, skipped


def swift(directory: Path) -> tuple[int, int, int]:
    output = (directory / "output.txt").read_text(errors="replace")
    totals = from_xml(sorted(directory.glob("*.xml")))
    # The closing line of Swift Testing. Without it the run did not end by itself: a crash.
    closing = re.findall(r"Test run with (\d+) tests?.* (passed|failed) after", output)
    if not closing:
        return totals[0], totals[1] + 1, totals[2]
    if closing[-1][1] == "failed" and totals[1] == 0:
        return totals[0], 1, totals[2]
    return totals


def main() -> None:
    kind, place = sys.argv[1], Path(sys.argv[2])
    try:
        totals = swift(place) if kind == "swift" else from_xml([place])
    except (OSError, ElementTree.ParseError) as error:
        print(f"no report: {error}", file=sys.stderr)
        totals = (0, 1, 0)
    print(*totals)


main()
