"""What `config check` finds before a start does, and what a running server takes of a changed file."""

import json
import os
import re
import secrets
import signal
import smtplib
import ssl
import sys

import pytest

from harness.configuration import configuration
from harness.peer import Peer
from harness.stones import source
from harness.support import ROOT, free_port, run, wait_until, waybill_binary


@pytest.fixture
def context(authority):
    """TLS of a smarthost that calls itself localhost."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("localhost"))
    return context


def check(path, text: str | dict):
    """`config check` of a file with this text."""
    file = path / "waybill.yaml"
    file.write_text(text if isinstance(text, str) else json.dumps(text))
    return file, run(waybill_binary(), "config", "check", file, check=False)


def send(port: int, recipient: str) -> None:
    with smtplib.SMTP("127.0.0.1", port, timeout=20) as client:
        client.sendmail("sender@client.example", [recipient], "Subject: one\r\n\r\none\r\n")


def test_configuration_errors_name_file_line_and_key(tmp_path):
    file, result = check(tmp_path, "listeners:\n  - address: 127.0.0.1:2525\n    colour: blue\n")
    assert result.returncode == 78
    assert f"{file}:3" in result.stderr and "colour" in result.stderr


def test_the_sample_of_the_documentation_can_be_used(tmp_path):
    """As it is, and with everything in it that a comment has switched off."""
    sample = (ROOT / "docs" / "operations" / "waybill.yaml").read_text()
    _, result = check(tmp_path, sample)
    assert result.returncode == 0, result.stderr
    uncommented = re.sub(r"^#(?! \S)", "", sample, flags=re.MULTILINE)
    file, result = check(tmp_path, uncommented)
    # Only the files that it names are missing.
    assert result.returncode == 78
    assert all(
        line.startswith((f"{file}: users: ", f"{file}: certificate of listener "))
        for line in result.stderr.splitlines()), result.stderr


def test_a_file_that_is_named_and_cannot_be_read_is_found_by_the_check(tmp_path):
    gone = tmp_path / "gone"
    text = configuration(25, tls=(gone / "c.pem", gone / "k.pem"), users=gone / "users",
                         trust=gone / "roots.pem", name_server=53)
    text["server"] = {"http": {"listen": "127.0.0.1:8025", "keys": str(gone / "keys")}}
    text["replication"] = {
        "certificate": str(gone / "site.pem"), "key": str(gone / "site.key"),
        "authority": str(gone / "ca.pem")}
    file, result = check(tmp_path, text)
    assert result.returncode == 78 and not result.stdout
    for key, name in {
            "users": "users", "certificate of listener": "c.pem", "server.http.keys": "keys",
            "delivery.trusted_roots": "roots.pem", "replication": "site.pem"}.items():
        assert any(
            line.startswith(f"{file}: {key}") and str(gone / name) in line
            for line in result.stderr.splitlines()), (key, result.stderr)


def test_what_a_server_starts_without_is_a_warning(tmp_path):
    text = configuration(25, backup={
        "to": str(tmp_path / "archive"), "credentials": str(tmp_path / "gone")})
    file, result = check(tmp_path, text)
    assert result.returncode == 0, result.stderr
    assert result.stdout == f"{file}: can be used; 1 listener\n"
    assert f"{file}: warning: backup.credentials" in result.stderr


def test_a_file_without_listeners_cannot_be_used(tmp_path):
    file, result = check(tmp_path, "hostname: mx.example.org\n")
    assert result.returncode == 78
    assert result.stderr == f"{file}: there is no listener; expected `listeners`\n"


@pytest.mark.parametrize("flags", [
    ("--relay-from", "127.0.0.0/8"), ("--tls-certificate", "c.pem", "--tls-key", "k.pem"),
    ("--tls-key", "k.pem")])
def test_a_flag_for_listen_without_it_is_refused(tmp_path, flags):
    file = tmp_path / "waybill.yaml"
    file.write_text(json.dumps(configuration(free_port())))
    result = run(
        waybill_binary(), "serve", "--data", tmp_path / "data", "--config", file, *flags,
        check=False, timeout=20)
    assert result.returncode == 64
    assert f"{flags[0]} is for --listen: give --listen HOST:PORT too" in result.stderr
    assert not (tmp_path / "data").exists()


def test_a_renewed_password_of_a_smarthost_is_taken(server, authority, context, tmp_path):
    """The file's text is the same, so the event log says nothing; what is sent next has it."""
    password, port = tmp_path / "password", free_port()
    password.write_text("old\n")
    with Peer(tls=context, users={"waybill": "new"}) as peer:
        waybill = server(
            port=port, listen=False, relay_from=None,
            configuration=configuration(
                port, smarthost=f"localhost:{peer.port}", smarthost_tls="required",
                trust=authority.certificate, smarthost_login=("waybill", password)))
        with waybill:
            send(port, "b@recipient.example")
            refused = waybill.wait_for("deferred")[0]
            assert "535" in str(refused["reply"])
            password.write_text("new\n")
            os.kill(waybill.pid, signal.SIGHUP)
            waybill.wait_for("delivered")
            assert [message.user for message in peer.messages] == ["waybill"]
            assert len(waybill.of_type("configuration_applied")) == 1


def test_renewed_roots_of_trust_are_taken_under_the_same_name(server, authority, context, tmp_path):
    roots, port = tmp_path / "roots.pem", free_port()
    other, _ = authority.issue("another.example")
    roots.write_bytes(other.read_bytes())
    with Peer(tls=context) as peer:
        waybill = server(
            port=port, listen=False, relay_from=None,
            configuration=configuration(
                port, smarthost=f"localhost:{peer.port}", smarthost_tls="required", trust=roots))
        with waybill:
            send(port, "b@recipient.example")
            waybill.wait_for("deferred")
            roots.write_bytes(authority.certificate.read_bytes())
            os.kill(waybill.pid, signal.SIGHUP)
            waybill.wait_for("delivered")
            assert peer.messages[0].tls
            assert waybill.output(1_000_000).count("roots of trust read again") == 1


def test_users_of_the_command_line_may_log_in_at_the_files_listeners(server, authority, tmp_path):
    users, port = tmp_path / "users", free_port()
    run(waybill_binary(), "user", "add", "ada", "--file", users, input="correct horse\n")
    waybill = server(
        "--users", str(users), "--hold-delivery", port=port, listen=False, relay_from=None,
        configuration=configuration(port, tls=authority.issue("waybill.example"), relay_from=()))
    with waybill, smtplib.SMTP("localhost", port, timeout=20) as client:
        client.starttls(context=ssl.create_default_context(cafile=str(authority.certificate)))
        client.login("ada", "correct horse")
        client.sendmail("ada@client.example", ["b@recipient.example"], "Subject: one\r\n\r\none\r\n")
        assert waybill.wait_for("received")[0]["identity"] == "ada"


@pytest.mark.parametrize("mistaken", [False, True])
def test_a_promoted_standby_delivers_by_its_file_as_it_is_now(site, sink, mistaken):
    """The file was changed while the site was a standby; the start is long ago. Of a file with a mistake
    nothing is taken, and the site is promoted all the same."""
    first = site("anna", sink.port).start_site()
    second = site("bert", sink.port, standby_of=first.site_port).start_site("standby")
    second.wait_connected()
    send(first.port, "b@recipient.example")
    first.wait_drained()
    with Peer() as elsewhere:
        second.configure({
            **second.whole,
            "delivery": {
                **second.whole["delivery"], **({"deliverx": 1} if mistaken else {}),
                "default_route": {"smarthost": f"127.0.0.1:{elsewhere.port}"}}})
        second.wait_caught_up(first)
        first.kill()
        second.wait_lost()
        second.promote()
        send(second.port, "c@recipient.example")
        second.wait_drained()
        assert len(elsewhere.received("c@recipient.example")) == (0 if mistaken else 1)
        assert ("deliverx" in second.output()) == mistaken
        assert second.stop() == 0
        sink.stop()
        assert sink.taken() == (2 if mistaken else 1)


def test_the_backup_holds_the_secrets_that_the_configuration_names(server, authority, tmp_path):
    """And without encryption their names only."""
    password, key, port = tmp_path / "password", tmp_path / "backup.key", free_port()
    password.write_text("let me in\n")
    key.write_text(secrets.token_hex(32) + "\n")
    for archive, backup in (
            ("sealed", {"key": str(key)}), ("open", {})):
        place = tmp_path / archive
        waybill = server(
            "--hold-delivery", port=port, listen=False, relay_from=None,
            configuration=configuration(
                port, smarthost="smart.example", smarthost_tls="required",
                smarthost_login=("waybill", password),
                backup={"to": str(place), "interval": "100ms", **backup}))
        with waybill:
            def configurations() -> int:
                answer = run(
                    waybill_binary(), "backup", "list", "--archive", place, "--json", check=False)
                return json.loads(answer.stdout)["configurations"] if answer.returncode == 0 else 0

            wait_until(lambda: configurations() > 0, 30, "a configuration")
        (folder,) = [path for path in place.iterdir() if not path.name.startswith(".")]
        to = tmp_path / f"site-{archive}"
        run(sys.executable, ROOT / "tools" / "waybill-backup-reader", "site", folder, to,
            *(("--key", key) if backup else ()))
        kept = to / "password"
        assert kept.exists() == (archive == "sealed"), list(to.iterdir())
        assert not backup or kept.read_text() == "let me in\n"
        # The key of the backup is kept elsewhere.
        assert not (to / key.name).exists()


def test_types_of_events_that_do_not_exist_are_refused_by_every_query(server):
    waybill = server("--hold-delivery")
    with waybill:
        source(waybill.port, 1)
    for command in (("log", "cat"), ("log", "tail", "--for", "1s"), ("log", "export")):
        refused = waybill.command(*command, "--type", "bounce", check=False, timeout=20)
        assert refused.returncode == 64, (command, refused.stderr)
        assert 'no event type "bounce"' in refused.stderr and "bounced" in refused.stderr
    assert len(waybill.json("log", "cat", "--type", "received")) == 1


def test_a_trace_of_a_mailbox_says_when_there_is_more(server):
    waybill = server("--hold-delivery")
    with waybill:
        for _ in range(5):
            send(waybill.port, "b@recipient.example")
    whole = waybill.command("trace", "b@recipient.example", "--limit", "5")
    assert "more" not in whole.stderr
    cut = waybill.command("trace", "b@recipient.example", "--limit", "3", "--json")
    rows = [json.loads(line) for line in cut.stdout.splitlines()]
    ids = [event["message_id"] for event in waybill.of_type("received")]
    assert [row["message_id"] for row in rows if row["type"] == "received"] == ids[2:]
    assert "the newest 3 messages; more came before: --limit 30" in cut.stderr
