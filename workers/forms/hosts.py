"""Which hosts belong to a directory: nothing is typed anywhere else."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit


def host_of(url: str) -> str:
    """Return the host of an address, lower-case and without `www.`; empty for one that has none."""
    try:
        host = urlsplit(url if "//" in url else f"//{url}").hostname or ""
    except ValueError:
        return ""
    return host.rstrip(".").removeprefix("www.")


class OwnHosts:
    """The hosts of a directory: those of its site and its submission page, and everything below them."""

    def __init__(self, addresses: Iterable[str]) -> None:
        self._hosts = frozenset(filter(None, map(host_of, addresses)))

    def own(self, url: str) -> bool:
        """Whether an address lies on one of the hosts. Documents without a host (`about:srcdoc`) are their parent's."""
        if url.startswith(("about:srcdoc", "about:blank", "blob:")) or not url:
            return True
        host = host_of(url)
        return any(host == one or host.endswith(f".{one}") for one in self._hosts)
