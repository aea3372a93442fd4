"""etcd that lets in only who shows a certificate or a password: the lease works over both.

What keeps a site out is named in its status and its log, and the site writes nothing meanwhile.
"""

import smtplib

from harness.client import Recorder
from harness.etcd import Etcd, EtcdTLS
from harness.network import Authority
from harness.sites import Site, check_sites
from harness.support import listens, program, run, wait_until

TTL = "3s"


def section(cluster: Etcd, **options) -> dict:
    """The section `lease`, with a cluster of one member that is trusted."""
    return {
        "endpoints": cluster.endpoints, "ttl": TTL, "promote": "automatic", "witness": "trusted",
        **options}


def password(place, text: str, name: str = "password"):
    """A file with a password."""
    path = place / name
    path.write_text(text + "\n")
    return str(path)


def shown(authority: Authority, name: str = "waybill") -> dict:
    """The keys of `lease` for a client's certificate."""
    certificate, key = authority.issue(name)
    return {"authority": str(authority.certificate), "certificate": str(certificate),
            "key": str(key)}


def send(port: int, recipient: str) -> None:
    """One message that must be taken."""
    with smtplib.SMTP("127.0.0.1", port, timeout=20) as client:
        client.sendmail("sender@client.example", [recipient], "Subject: one\r\n\r\none\r\n")


def lease_of(one: Site, lease: dict) -> None:
    """Changes the section `lease` that the next start reads."""
    whole = one.whole
    whole["replication"]["lease"] = lease
    one.configure(whole)


def kept_out(one: Site, lease: dict, *said: str) -> None:
    """Started with this section, the site waits, says why, and writes nothing."""
    assert one.stop() == 0
    lease_of(one, lease)
    before = one.output_path.stat().st_size
    ended = one.last_sequence()
    one.launch()
    one.wait_role("waiting")
    one.wait_report(lambda report: report["lease"].get("problem"), "a reason")
    status = one.site("status", check=False)
    assert status.returncode == 1
    log = wait_until(
        lambda: (lambda text: text if "waiting for the lease" in text else None)(
            one.output_path.read_bytes()[before:].decode()), 30, "the reason in the log")
    for text in said:
        assert text in status.stdout, status.stdout
        assert text in log, log
    assert not listens(one.port)
    assert one.api.get("/health/ready").status == 503
    assert one.last_sequence() == ended


def takes_over(site, sink, etcd_section: dict, tmp_path) -> None:
    """A pair with this section: mail, kill -9, the standby takes over by itself."""
    first = site("anna", sink.port, lease=etcd_section).start_site()
    second = site(
        "bert", sink.port, lease=etcd_section, standby_of=first.site_port).start_site("standby")
    second.wait_connected()
    wait_until(
        lambda: [row for row in first.report()["standbys"] if row["connected"]], 30,
        "the standby at the primary")
    recorder = Recorder(first.port, tmp_path / "acknowledged", clients=2).start()
    wait_until(lambda: recorder.acknowledged > 20, 60, "20 messages")
    first.kill()
    second.wait_accepts()
    recorder.port, before = second.port, recorder.acknowledged
    wait_until(lambda: recorder.acknowledged > before + 20, 60, "mail at the new primary")
    recorder.stop()
    report = second.report()
    assert report["lease"]["held"] and report["epoch"] == 2
    second.wait_drained()
    assert second.stop() == 0
    sink.stop()
    counts = check_sites(second, first, acknowledged=[recorder.path], sink=sink, drained=True)
    assert counts["missing"] == counts["kept_elsewhere"]


def test_a_lease_over_tls_with_certificates_of_both_ends(site, sink, etcd, authority, tmp_path):
    cluster = etcd(tls=EtcdTLS(authority, clients_show=True))
    takes_over(site, sink, section(cluster, **shown(authority)), tmp_path)


def test_a_lease_of_a_user_that_may_use_the_prefix_only(site, sink, etcd, tmp_path):
    cluster = etcd()
    cluster.require_users("waybill", "secret", "/mail/")
    lease = section(
        cluster, prefix="/mail/", user="waybill", password_file=password(tmp_path, "secret"))
    takes_over(site, sink, lease, tmp_path)


def test_a_certificate_that_is_not_trusted_keeps_the_site_waiting_by_name(
        site, sink, etcd, authority, tmp_path):
    cluster, stranger = etcd(tls=EtcdTLS(authority, clients_show=True)), Authority(tmp_path / "other")
    good, other = section(cluster, **shown(authority)), shown(stranger)
    one = site("anna", sink.port, lease=good).start_site()
    send(one.port, "one@recipient.example")
    one.wait_drained()
    at = f"etcd at {cluster.endpoints[0]}: "
    # etcd's own certificate is of an authority that this site does not know.
    kept_out(
        one, {**good, "authority": other["authority"]}, at + "no answer: SSL certificate problem",
        "unable to get local issuer certificate")
    # This site's is of one that etcd does not know; or it shows none. With TLS 1.3 that is said after the
    # handshake, and whether the alert or the end of the connection is seen first is chance.
    kept_out(
        one, {**good, "certificate": other["certificate"], "key": other["key"]}, at + "no answer: ")
    kept_out(one, section(cluster, authority=good["authority"]), at + "no answer: ")
    assert one.stop() == 0
    lease_of(one, good)
    one.start_site()
    assert one.report()["position_epoch"] == 1
    send(one.port, "two@recipient.example")
    one.wait_drained()


def test_a_wrong_password_or_too_few_rights_keep_the_site_waiting_by_name(
        site, sink, etcd, tmp_path):
    cluster = etcd()
    cluster.require_users("waybill", "secret", "/waybill/")
    good = section(cluster, user="waybill", password_file=password(tmp_path, "secret"))
    one = site("anna", sink.port, lease=good).start_site()
    send(one.port, "one@recipient.example")
    one.wait_drained()
    wrong = password(tmp_path, "guessed", "wrong")
    kept_out(one, {**good, "password_file": wrong}, "invalid user ID or password (user waybill)")
    kept_out(
        one, {**good, "password_file": str(tmp_path / "nothing")},
        "the password of user waybill for etcd cannot be read")
    kept_out(one, section(cluster), "user name is empty")
    kept_out(one, {**good, "prefix": "/elsewhere/"}, "permission denied (user waybill)")
    # What is wrong is put right while it waits.
    cluster.allow("waybill", "/elsewhere/", as_root=True)
    one.wait_accepts()
    send(one.port, "two@recipient.example")
    one.wait_drained()


def test_a_password_that_was_changed_is_read_again_without_a_restart(site, sink, etcd, tmp_path):
    cluster = etcd()
    cluster.require_users("waybill", "secret", "/waybill/")
    place = password(tmp_path, "secret")
    one = site(
        "anna", sink.port, lease=section(cluster, user="waybill", password_file=place)).start_site()
    cluster.order("auth/user/changepw", as_root=True, name="waybill", password="secret2")
    one.wait_role("waiting")
    assert "invalid user ID or password" in one.report()["lease"]["problem"]
    password(tmp_path, "secret2")
    one.wait_accepts()
    assert one.report()["position_epoch"] == 1
    send(one.port, "one@recipient.example")
    one.wait_drained()


def signed_tokens(place, ttl: str) -> tuple[str, ...]:
    """etcd's flags for tokens that end whether they are used or not."""
    key, public = place / "token.key", place / "token.pem"
    run(program("openssl"), "genrsa", "-out", key, "2048")
    run(program("openssl"), "rsa", "-in", key, "-pubout", "-out", public)
    return ("--auth-token", f"jwt,pub-key={public},priv-key={key},sign-method=RS256,ttl={ttl}")


def test_a_token_that_ends_is_renewed_and_nobody_notices(site, sink, etcd, tmp_path):
    """Two seconds each: the lease goes on over several of them, and over a restart of etcd."""
    cluster = etcd(flags=signed_tokens(tmp_path, "2s"))
    cluster.require_users("waybill", "secret", "/waybill/")
    lease = section(cluster, user="waybill", password_file=password(tmp_path, "secret"))
    one = site("anna", sink.port, lease=lease).start_site()
    recorder = Recorder(one.port, tmp_path / "acknowledged", clients=2).start()
    revision = lease_revision(cluster)
    # A renewal every 0.6 s: beyond 12 of them three tokens have ended.
    wait_until(lambda: lease_revision(cluster) > revision + 12, 60, "renewals", every=0.2)
    report = one.report()
    assert report["role"] == "primary" and report["lease"]["held"]
    assert "the lease is lost" not in one.output(1_000_000)
    before = recorder.acknowledged
    wait_until(lambda: recorder.acknowledged > before + 20, 60, "mail")
    recorder.stop()


def test_a_change_of_etcds_users_does_not_stop_the_mail(site, sink, etcd, tmp_path):
    """Every such change makes the tokens that were given before it invalid."""
    cluster = etcd(flags=signed_tokens(tmp_path, "10m"))
    cluster.require_users("waybill", "secret", "/waybill/")
    lease = section(cluster, user="waybill", password_file=password(tmp_path, "secret"))
    one = site("anna", sink.port, lease=lease).start_site()
    revision = lease_revision(cluster)
    cluster.order("auth/user/add", as_root=True, name="somebody", password="else")
    wait_until(lambda: lease_revision(cluster) > revision + 3, 30, "renewals", every=0.2)
    assert "the lease is lost" not in one.output(1_000_000)
    assert one.report()["lease"]["held"]


def lease_revision(cluster: Etcd) -> int:
    """etcd's revision: each renewal is a new one."""
    status = cluster.order("auth/authenticate", name="root", password="root")
    answer = cluster.members[0].call(
        "/v3/kv/range", {"key": "L3dheWJpbGwvZXBvY2g="}, token=status["token"]) or {}
    return int(answer.get("header", {}).get("revision", 0))
