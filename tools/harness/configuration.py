"""Configuration files for the tests: the one place that knows the keys of waybill.yaml."""

from pathlib import Path


def configuration(
    port: int, *, host_name: str = "waybill.example", relay_from: tuple[str, ...] = ("127.0.0.0/8",),
    tls: tuple[Path, Path] | None = None, implicit_tls_port: int | None = None,
    users: Path | None = None, message_octets: int | None = None, recipients: int | None = None,
    sessions_per_address: int | None = None,
    smarthost: str | None = None, smarthost_tls: str | None = None,
    smarthost_login: tuple[str, str] | None = None, trust: Path | None = None,
    routes: list[dict] | None = None, mx_port: int | None = None,
    retry: str | None = "1s", retry_most: str = "2s", give_up_after: str | None = None,
    delay_warning: str | None = None, name_server: int | None = None,
    free_space_floor: str | None = None,
) -> dict:
    """What a test needs to say, as a configuration. Everything absent keeps its default."""
    raise NotImplementedError
