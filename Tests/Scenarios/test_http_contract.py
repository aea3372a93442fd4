"""What the server does against what schemas/openapi.yaml says, with requests made from it."""

import sys

import pytest
import yaml
from harness.http import start_with_api
from harness.support import ROOT, Skip, run

ROUNDS = "25"
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance"


def asked(api, tmp_path, description, *options) -> None:
    """Makes requests from a description; fails with what was wrong with an answer."""
    try:
        import schemathesis  # noqa: F401
    except ImportError as reason:
        raise Skip("schemathesis is not installed (tools/requirements.txt)") from reason
    result = run(
        sys.executable, "-m", "schemathesis.cli", "run", description,
        "--header", f"Authorization: Bearer {api.key}", "--max-examples", ROUNDS,
        "--phases", "examples,coverage,fuzzing",
        "--request-timeout", "10", "--generation-deterministic", "--no-color", *options,
        check=False, timeout=540, cwd=tmp_path)
    if result.returncode != 0:
        pytest.fail(result.stdout[-8000:] + result.stderr[-2000:])


def started(server):
    one, api, _ = start_with_api(server, "--hold-delivery")
    assert api.post("/api/v1/inject", {
        "sender": "", "recipients": ["a@example.net"], "content": "Subject: x\n\nx"}).status == 200
    return one, api


def test_the_server_keeps_to_its_description(server, tmp_path):
    one, api = started(server)
    asked(
        api, tmp_path, f"http://127.0.0.1:{api.port}/openapi.yaml",
        "--checks", CHECKS + ",response_schema_conformance",
        # A stream that follows does not end: the next test has it.
        "--exclude-operation-id", "events")
    assert one.verify().returncode == 0


def test_the_event_stream_that_ends_keeps_to_its_description(server, tmp_path):
    _, api = started(server)
    description = yaml.safe_load((ROOT / "schemas" / "openapi.yaml").read_text())
    path = "/api/v1/events"
    description["paths"] = {path: description["paths"][path]}
    for parameter in description["paths"][path]["get"]["parameters"]:
        if parameter["name"] == "follow":
            # Without it a stream of Server-Sent Events goes on.
            parameter["required"] = True
            parameter["schema"] = {"type": "boolean", "enum": [False]}
    reduced = tmp_path / "events.yaml"
    reduced.write_text(yaml.safe_dump(description))
    # What is not allowed by the reduced description is `follow=true`: only what is allowed is asked.
    # The lines of a stream are no document of JSON: test_http.py looks at them.
    asked(
        api, tmp_path, reduced, "--url", f"http://127.0.0.1:{api.port}", "--mode", "positive",
        "--checks", CHECKS)
