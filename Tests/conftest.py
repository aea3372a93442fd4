"""Fixtures of the scenario and crash tests."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tools"))

from harness.etcd import Etcd  # noqa: E402
from harness.network import Authority  # noqa: E402
from harness.sites import CountingSink, Site  # noqa: E402
from harness.support import Skip  # noqa: E402
from harness.waybill import Waybill  # noqa: E402


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    try:
        return (yield)
    except Skip as reason:
        pytest.skip(str(reason))


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef, request):
    try:
        return (yield)
    except Skip as reason:
        pytest.skip(str(reason))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    setattr(item, "report_" + report.when, report)
    return report


@pytest.fixture
def server(tmp_path, request):
    """Makes servers that are gone when the test ends; shows what they printed when it failed."""
    made: list[Waybill] = []

    def make(*flags, **options) -> Waybill:
        one = Waybill(tmp_path / f"waybill{len(made)}", *flags, **options)
        made.append(one)
        return one

    yield make
    failed = getattr(request.node, "report_call", None)
    for one in made:
        one.kill()
        if failed is not None and failed.failed:
            print(f"--- {one.output_path}\n{one.output()}")


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    """A certificate authority for the whole run."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def sink(tmp_path):
    """The far end of all sites: takes everything, and writes down what it took."""
    with CountingSink(tmp_path / "sink") as one:
        yield one


@pytest.fixture
def etcd(tmp_path):
    """Makes clusters that are gone when the test ends."""
    made = []

    def make(members: int = 1, **options) -> Etcd:
        one = Etcd(tmp_path / f"etcd{len(made)}", members, **options)
        made.append(one)
        return one.start()

    yield make
    for one in made:
        one.wake()
        one.stop()


@pytest.fixture
def site(tmp_path, request, authority):
    """Makes sites that are gone when the test ends; shows what they printed when it failed."""
    made: list[Site] = []

    def make(name: str, next_hop: int, *flags, **options) -> Site:
        directory = tmp_path / f"{name}{len(made)}"
        one = Site(directory, name, options.pop("by", authority), next_hop, *flags, **options)
        made.append(one)
        return one

    yield make
    failed = getattr(request.node, "report_call", None)
    for one in made:
        one.kill()
        if failed is not None and failed.failed:
            print(f"--- {one.name}: {one.output_path}\n{one.output()}")
