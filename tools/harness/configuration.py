"""Configuration files for the tests: the one place that knows the keys of waybill.yaml."""

from pathlib import Path


def configuration(
    port: int, *, host_name: str = "waybill.example", relay_from: tuple[str, ...] = ("127.0.0.0/8",),
    tls: tuple[Path, Path] | None = None, implicit_tls_port: int | None = None,
    users: Path | None = None, message_octets: int | None = None, recipients: int | None = None,
    sessions_per_address: int | None = None,
    smarthost: str | None = None, smarthost_tls: str | None = None,
    smarthost_login: tuple[str, Path] | None = None, trust: Path | None = None,
    routes: list[dict] | None = None, mx_port: int | None = None,
    retry: str = "1s", retry_most: str = "2s", give_up_after: str | None = None,
    delay_warning: str | None = None, name_server: int | None = None,
    allow_any_address: bool = False,
    free_space_floor: str | None = None, segment_size: str | None = None,
    content_retention: str | None = None, backup: dict | None = None,
    delivery_more: dict | None = None,
) -> dict:
    """What a test needs to say, as a configuration. Everything absent keeps its default.

    `smarthost_login` is a user and the file that holds the password; `delivery_more` are further keys of
    the section `delivery`.
    """
    listener: dict = {"address": f"127.0.0.1:{port}"}
    if relay_from:
        listener["relay_from"] = list(relay_from)
    limits = {
        "message_size": message_octets, "recipients": recipients,
        "sessions_per_address": sessions_per_address,
    }
    limits = {key: value for key, value in limits.items() if value is not None}
    if limits:
        listener["limits"] = limits
    listeners = [listener]
    if implicit_tls_port:
        listeners.append(
            {**listener, "name": "implicit", "address": f"127.0.0.1:{implicit_tls_port}",
             "tls": "implicit"})
    whole: dict = {"hostname": host_name, "listeners": listeners}
    if tls:
        whole["tls"] = {"certificate": str(tls[0]), "key": str(tls[1])}
    if users:
        whole["users"] = str(users)
    route: dict = {}
    if smarthost:
        route["smarthost"] = smarthost
    if smarthost_tls:
        route["tls"] = smarthost_tls
    if smarthost_login:
        route["user"], route["password_file"] = smarthost_login[0], str(smarthost_login[1])
    if mx_port:
        route["port"] = mx_port
    if allow_any_address:
        route["allow_any_address"] = True
    schedule = {"first": retry, "max": retry_most, "jitter": 0}
    if give_up_after:
        schedule["give_up_after"] = give_up_after
    delivery: dict = {"retry": schedule, "backoff": {"first": retry, "max": retry_most}}
    if trust:
        delivery["trusted_roots"] = str(trust)
    if route:
        delivery["default_route"] = route
    if routes:
        delivery["routes"] = routes
    if delay_warning:
        delivery["notifications"] = {"delay_warning_after": delay_warning}
    delivery.update(delivery_more or {})
    whole["delivery"] = delivery
    if name_server:
        whole["resolver"] = {"servers": [f"127.0.0.1@{name_server}"]}
    log = {"free_space_floor": free_space_floor, "segment_size": segment_size,
           "content_retention": content_retention}
    log = {key: value for key, value in log.items() if value is not None}
    if log:
        whole["log"] = log
    if backup:
        whole["backup"] = backup
    return whole
