"""Pages are kept in memory between requests; each test begins without them."""

from __future__ import annotations

import pytest

from apps.articles import pages


@pytest.fixture(autouse=True)
def _no_kept_pages():
    pages.forget()
