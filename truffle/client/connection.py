"""The source of a client, and its credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from botocore.session import Session

    from truffle.sources.api import Api


DEFAULT_TIMEOUT = 60.0
"""Seconds for one call of the client, over all regions and pages."""


class Connection:
    """The source of all results: EC2 itself, or the deployed stack at ``api_url``."""

    def __init__(
        self,
        *,
        profile: str | None = None,
        api_url: str | None = None,
        timeout: float = DEFAULT_TIMEOUT,
        ignore_denied: bool = False,
    ) -> None:
        if not isinstance(timeout, int | float) or not timeout > 0:
            from truffle.query import BadArgument

            raise BadArgument("timeout", str(timeout), "It must be a number of seconds above 0.")
        if api_url is not None:
            from truffle.sources.api import check_url

            check_url(api_url)
            _check_live(ignore_denied)
        self.profile = profile
        self.api_url = api_url
        self.timeout = timeout
        self.ignore_denied = ignore_denied
        self._session: Session | None = None

    @property
    def _caller(self) -> Session | str | None:
        return self._session or self.profile

    def sign_in(self, region: str | None = None) -> None:
        """Resolve the credentials now, and keep them for the calls of this client.

        Otherwise each call resolves them again, before its timeout begins. A profile with
        ``mfa_serial`` prompts for a code on the terminal; the AWS CLI's cache is shared. ``region``
        is the region whose STS is used if none is configured. Raises TruffleError.
        """
        from truffle.credentials import sign_in
        from truffle.ec2.sessions import open_session

        session = open_session(self.profile, region)
        sign_in(session)
        self._session = session

    def api(self) -> Api:
        """The deployed API. Raises BadArgument without one."""
        if self.api_url is None:
            from truffle.query import BadArgument

            allowed = "Events, history, usage, status and alerts need a stack: Truffle(api_url=…)."
            raise BadArgument("api_url", "", allowed)
        from truffle.sources.api import open_api

        return open_api(self.api_url, self._caller, self.timeout)


def _check_live(ignore_denied: bool) -> None:
    """Raises BadArgument for a stack, whose expected denials are a setting."""
    if ignore_denied:
        from truffle.query import BadArgument

        allowed = (
            "It applies to live listings only: for the deployed stack, set expected_denied in its "
            "cdk.json."
        )
        raise BadArgument("ignore_denied", "", allowed)
