"""A browser as far as signing in goes: it keeps cookies, fills in forms, and says where a request comes from."""

import re
from typing import Any

import httpx2

_FIELD = re.compile(r'<input type="hidden" name="([a-z_]+)"(?: autocomplete="\w+")? value="([^"]*)"')


class Browser(httpx2.Client):
    """Redirects are not followed, so that a test sees each step."""

    def __init__(self, url: str, **headers: str) -> None:
        super().__init__(
            base_url=url,
            timeout=60,
            headers={"Accept": "text/html", "Sec-Fetch-Site": "same-origin", **headers},
            trust_env=False,
        )

    def fill_in(self, page: str, action: str | None = None, **fields: str) -> httpx2.Response:
        """Load a page and send its form, hidden fields and all."""
        shown = self.get(page)
        assert shown.status_code == 200, shown.text
        hidden = dict(_FIELD.findall(shown.text))
        return self.post(action or page.partition("?")[0], data=hidden | fields)

    def enter(self, name: str, password: str, **fields: Any) -> httpx2.Response:
        """Sign in."""
        return self.fill_in("/sign-in", name=name, password=password, **fields)
