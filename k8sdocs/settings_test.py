"""Settings for the tests: files straight from `static/`, a database file of its own, no waiting for hashes or disks."""

import os
import tempfile

from k8sdocs.settings import *  # noqa: F403
from k8sdocs.settings import DATABASES, STORAGES

SECRET_KEY = "only-for-tests"  # noqa: S105
ALLOWED_HOSTS = ["*"]
STORAGES = {**STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = True
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A file, not memory: threads each have a connection of their own, as they have when the site runs.
    DATABASES["default"]["TEST"] = {"NAME": f"{tempfile.gettempdir()}/k8sdocs-test-{os.getpid()}.sqlite3"}
    DATABASES["default"]["OPTIONS"]["init_command"] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;"
