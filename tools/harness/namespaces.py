"""Places with a network of their own, joined by a bridge: Linux network namespaces. Needs root."""

import os
import subprocess

from .http import API
from .sites import Site
from .support import Skip, program, run

NETWORK = "10.91.7"


class Places:
    """Each has an address NETWORK.number; this process reaches them all by the bridge, at number 1."""

    def __init__(self, *names: str):
        if os.geteuid() != 0:
            raise Skip("network namespaces need root")
        self.ip = program("ip")
        self.tag = f"wb{os.getpid() % 100_000}"
        self.numbers = {name: number for number, name in enumerate(names, 2)}

    def __enter__(self) -> "Places":
        made = run(self.ip, "link", "add", self.tag, "type", "bridge", check=False)
        if made.returncode != 0:
            raise Skip(f"no bridge can be made here: {made.stderr.strip()}")
        try:
            run(self.ip, "address", "add", f"{NETWORK}.1/24", "dev", self.tag)
            run(self.ip, "link", "set", self.tag, "up")
            for name in self.numbers:
                self._add(name)
        except (RuntimeError, subprocess.SubprocessError) as error:
            self.__exit__()
            raise Skip(f"no network namespace can be made here: {error}") from None
        return self

    def __exit__(self, *_) -> None:
        for name in self.numbers:
            run(self.ip, "netns", "delete", self._space(name), check=False)
            run(self.ip, "link", "delete", self._outer(name), check=False)
        run(self.ip, "link", "delete", self.tag, check=False)

    def address(self, name: str) -> str:
        """Of a place."""
        return f"{NETWORK}.{self.numbers[name]}"

    def wrapper(self, name: str) -> tuple[str, ...]:
        """Goes before a command that is to run there."""
        return (self.ip, "netns", "exec", self._space(name))

    def cut(self, name: str) -> None:
        """The place's cable is pulled: nothing comes, nothing goes, nobody is told."""
        run(self.ip, "link", "set", self._outer(name), "down")

    def join(self, name: str) -> None:
        """And put in again."""
        run(self.ip, "link", "set", self._outer(name), "up")

    def worsen(self, name: str, milliseconds: int, loss_percent: float) -> bool:
        """What goes to the place is late and gets lost; False where the kernel cannot do it."""
        return run(
            program("tc"), "qdisc", "replace", "dev", self._outer(name), "root", "netem", "delay",
            f"{milliseconds}ms", "loss", f"{loss_percent}%", check=False).returncode == 0

    def _space(self, name: str) -> str:
        return f"{self.tag}-{name}"

    def _outer(self, name: str) -> str:
        return f"{self.tag}v{self.numbers[name]}"

    def _add(self, name: str) -> None:
        space, outer = self._space(name), self._outer(name)
        run(self.ip, "netns", "add", space)
        run(self.ip, "link", "add", outer, "type", "veth", "peer", "name", "eth0", "netns", space)
        run(self.ip, "link", "set", outer, "master", self.tag, "up")
        for words in (
                ("address", "add", f"{self.address(name)}/24", "dev", "eth0"),
                ("link", "set", "eth0", "up"), ("link", "set", "lo", "up")):
            run(self.ip, "-n", space, *words)


def settle(one: Site, places: Places) -> Site:
    """Moves a site that has not been started into the place of its name; the next hop is at the bridge."""
    one.address = places.address(one.name)
    one.wrapper = places.wrapper(one.name)
    one.whole["listeners"][0].update(
        address=f"{one.address}:{one.port}", relay_from=[f"{NETWORK}.0/24"])
    route = one.whole["delivery"]["default_route"]
    route["smarthost"] = route["smarthost"].replace("127.0.0.1", f"{NETWORK}.1")
    # The bridge is this machine's alone.
    one.whole.setdefault("server", {})["http"] = {
        "listen": f"{one.address}:{one.http_port}", "allow_plaintext_beyond_loopback": True}
    one.configure(one.whole)
    one.flags = [flag.replace("127.0.0.1:", f"{one.address}:") for flag in one.flags]
    one.api = API(one.http_port, one.api.key, one.address)
    return one
