"""Which addresses may be connected to: the public ones, and those that the settings allow.

The decision is made on the address that a name has at the very moment of connecting, and the connection goes to that
address: a name cannot be looked up once for the check and once more for the connection.
"""

import ipaddress
import re
import socket
import ssl
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Self
from urllib.request import getproxies, proxy_bypass

import httpcore2
import httpx2

from assay.errors import Permanent

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# IPv4 in IPv6 for translators (RFC 6052 section 2.1).
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_KEPT_SECONDS = 5.0
_HOST_NAME = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?")


class OutOfReach(Permanent):
    """An address that is not public, and that no setting allows."""


@dataclass(frozen=True, slots=True)
class Reach:
    """What may be connected to besides public addresses: networks, and hosts by name, whatever their address is."""

    networks: tuple[Network, ...] = ()
    hosts: frozenset[str] = frozenset()

    @classmethod
    def read(cls, allowed: Iterable[str]) -> Self:
        """What a list of hosts, addresses and networks (`10.0.0.0/8`) allows. Raises ValueError for another word."""
        networks: list[Network] = []
        hosts: set[str] = set()
        for word in allowed:
            name = word.strip().lower().rstrip(".")
            try:
                networks.append(ipaddress.ip_network(name))
            except ValueError as error:
                if "/" in name or ":" in name or not _HOST_NAME.fullmatch(name):
                    raise ValueError(f"{word!r} is no host, address or network: {error}") from None
                hosts.add(name)
        return cls(tuple(networks), frozenset(hosts))

    def allows(self, host: str, address: Address) -> bool:
        """Whether this address may be connected to, as that host."""
        if host.lower().rstrip(".") in self.hosts:
            return True
        meant = _meant(address)
        if any(one in network for one in (address, meant) for network in self.networks):
            return True
        return is_public(meant)

    def addresses(self, host: str, port: int) -> list[str]:
        """The addresses of a host that may be connected to. Raises OutOfReach when it has none, OSError without any."""
        found = dict.fromkeys(
            str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        )
        allowed = [one for one in found if self.allows(host, ipaddress.ip_address(one.partition("%")[0]))]
        if not allowed:
            raise _refused(host, next(iter(found), ""))
        return allowed

    def check_literal(self, host: str) -> None:
        """Raise OutOfReach for a host that is written as an address which may not be connected to."""
        try:
            address = ipaddress.ip_address(host.strip("[]").partition("%")[0])
        except ValueError:
            return
        if not self.allows(host, address):
            raise _refused(host, str(address))


def is_public(address: Address) -> bool:
    """Whether an address is one of the public internet's, and of one machine.

    Addresses of 6to4 and Teredo stand for others, and nobody needs them any more (RFC 7526, RFC 6343): they are not.
    """
    if isinstance(address, ipaddress.IPv6Address) and (address.sixtofour or address.teredo):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def _meant(address: Address) -> Address:
    """The IPv4 address that is really connected to by an IPv6 one (RFC 4291 section 2.5.5.2, RFC 6052)."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address


def _refused(host: str, address: str) -> OutOfReach:
    where = host if host == address or not address else f"{host} ({address})"
    return OutOfReach(
        f"{where} is not a public address, and nothing allows it: "
        "add the host or its network to ASSAY_FEEDS__REACHABLE if it is meant"
    )


class _Network(httpcore2.NetworkBackend):
    """Connects to allowed addresses only."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        self._plain = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        try:
            addresses = self._reach.addresses(host, port)
        except (OSError, UnicodeError) as error:
            raise httpcore2.ConnectError(str(error)) from error
        for place, address in enumerate(addresses):
            try:
                return self._plain.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                if place == len(addresses) - 1:
                    raise
        raise AssertionError("there is at least one address")


class _Direct(httpx2.HTTPTransport):
    """Connects by itself, to allowed addresses only."""

    def __init__(self, reach: Reach, verify: ssl.SSLContext | bool) -> None:
        super().__init__(verify=verify)
        self._pool.close()
        self._pool = httpcore2.ConnectionPool(
            ssl_context=httpx2.create_ssl_context(verify=verify),
            keepalive_expiry=_KEPT_SECONDS,
            network_backend=_Network(reach),
        )


class GuardedTransport(httpx2.BaseTransport):
    """Sends requests to allowed addresses only.

    Through a proxy it is the proxy that looks names up and connects. What this machine can know is still checked
    before: hosts written as addresses, and the addresses that a name has here. Where it has none, the proxy decides.
    """

    def __init__(
        self, reach: Reach, verify: ssl.SSLContext | bool, proxy: str | None, *, trust_environment: bool
    ) -> None:
        self._reach = reach
        self._verify = verify
        self._proxy = proxy
        self._trusts = trust_environment
        self._direct = _Direct(reach, verify)
        self._proxied: dict[str, httpx2.HTTPTransport] = {}

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """The answer. Raises OutOfReach before anything is sent."""
        proxy = self._proxy_for(request.url)
        if proxy is None:
            return self._direct.handle_request(request)
        self._reach.check_literal(request.url.host)
        with suppress(OSError, UnicodeError):
            self._reach.addresses(request.url.host, request.url.port or 0)
        if proxy not in self._proxied:
            self._proxied[proxy] = httpx2.HTTPTransport(verify=self._verify, proxy=proxy)
        return self._proxied[proxy].handle_request(request)

    def _proxy_for(self, url: httpx2.URL) -> str | None:
        if self._proxy is not None or not self._trusts:
            return self._proxy
        # HTTPS_PROXY and its kin, as the rest of the program and curl read them.
        known = getproxies()
        found = known.get(url.scheme) or known.get("all")
        return None if found is None or proxy_bypass(url.host) else found

    def close(self) -> None:
        """Close every connection."""
        for one in (self._direct, *self._proxied.values()):
            one.close()
