"""What makes requests trust whom the paid calls trust: the same TLS settings, made in the same place.

requests brings a list of authorities of its own and takes others from the environment, so that a connection test could
be green where every paid call fails, and the other way round.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from requests.adapters import DEFAULT_POOLSIZE, HTTPAdapter

from airflow_provider_platerec_ocr.engine.client.trust import tls_context

if TYPE_CHECKING:
    import requests

    from airflow_provider_platerec_ocr.core.settings import ClientSettings


class TrustingAdapter(HTTPAdapter):
    """Sends with the TLS settings of the connection.

    :param settings: of the connection.
    :param socket_options: for each socket, such as TCP keep-alive.
    """

    def __init__(self, settings: ClientSettings, socket_options: Any = None) -> None:
        self._settings = settings
        self._socket_options = socket_options
        self._tls: dict[str, Any] = {}
        super().__init__()

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **kwargs: Any) -> None:  # noqa: FBT001, FBT002  # as requests has it
        """Make the pool of connections; it is made anew for the first call over TLS."""
        options = {"socket_options": self._socket_options} if self._socket_options else {}
        super().init_poolmanager(connections, maxsize, block, **options, **self._tls, **kwargs)

    def proxy_manager_for(self, proxy: str, **proxy_kwargs: Any) -> Any:
        """Return what reaches a proxy; the way to an https one is trusted by the same rule."""
        tls = self._tls | {"proxy_ssl_context": self._tls["ssl_context"]} if self._tls else {}
        return super().proxy_manager_for(proxy, **tls, **proxy_kwargs)

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Leave the pool as it is: requests would add its own list of authorities."""

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Send once; raises :class:`OCRConfigError` for a certificate file that cannot be loaded."""
        proxied = any(str(proxy).startswith("https:") for proxy in (kwargs.get("proxies") or {}).values())
        if not self._tls and (str(request.url).startswith("https:") or proxied):
            self._tls = {"ssl_context": tls_context(self._settings)}
            self.init_poolmanager(DEFAULT_POOLSIZE, DEFAULT_POOLSIZE)
        known = {"verify": bool(self._settings.verify), "cert": None}
        return super().send(request, *args, **(kwargs | known))
