"""What the server does against what schemas/openapi.yaml says, with requests made from it."""

import sys

import pytest
from harness.http import start_with_api
from harness.support import Skip, run

ROUNDS = "25"


def test_the_server_keeps_to_its_description(server, tmp_path):
    try:
        import schemathesis  # noqa: F401
    except ImportError as reason:
        raise Skip("schemathesis is not installed (tools/requirements.txt)") from reason
    one, api, _ = start_with_api(server, "--hold-delivery")
    assert api.post("/api/v1/inject", {
        "sender": "", "recipients": ["a@example.net"], "content": "Subject: x\n\nx"}).status == 200
    result = run(
        sys.executable, "-m", "schemathesis.cli", "run", f"http://127.0.0.1:{api.port}/openapi.yaml",
        "--header", f"Authorization: Bearer {api.key}", "--max-examples", ROUNDS,
        "--checks", "not_a_server_error,status_code_conformance,content_type_conformance,"
        "response_schema_conformance", "--phases", "examples,coverage,fuzzing",
        # A stream that follows does not end; test_http.py has the events.
        "--exclude-operation-id", "events",
        "--request-timeout", "10", "--generation-deterministic", "--no-color",
        check=False, timeout=540, cwd=tmp_path)
    if result.returncode != 0:
        pytest.fail(result.stdout[-8000:] + result.stderr[-2000:])
    assert one.verify().returncode == 0
