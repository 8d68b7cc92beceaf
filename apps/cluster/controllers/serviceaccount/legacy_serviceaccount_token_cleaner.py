"""The cleaner of legacy tokens that came with their accounts: unused for a year they are marked, a year later they go.

Models      pkg/controller/serviceaccount/legacy_serviceaccount_token_cleaner.go
Leaves out  tokens that are used: nobody comes with one here, so the API server never dates a use
"""

from __future__ import annotations

from collections.abc import Container
from datetime import date, timedelta

from apps.cluster.apimachinery.meta import Obj, annotations_of, labels_of, name_of, namespace_of, uid_of
from apps.cluster.apimachinery.status import StatusError
from apps.cluster.apimachinery.timestamps import EPOCH, parse
from apps.cluster.apiserver.admission.service_account import secret_names
from apps.cluster.client import Client, Controller, Informers, Recorder
from apps.cluster.controllers.serviceaccount.tokens_controller import NAME, TYPE, UID
from apps.cluster.engine import Engine

TRACKING = "kube-apiserver-legacy-service-account-token-tracking"  # the ConfigMap that says since when uses are dated
LAST_USED = "kubernetes.io/legacy-token-last-used"
INVALID_SINCE = "kubernetes.io/legacy-token-invalid-since"
DAY_MS = 24 * 3_600_000
YEAR_MS = 365 * DAY_MS
KEEP, MARK, REMOVE = "", "mark", "remove"


def day(text: str | None) -> date | None:
    """A date as a label holds it; None when it is none."""
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None


def tracked_long_enough(since: date, now_ms: int) -> bool:
    """Uses have been dated for a year, counted from the day after the first."""
    return now_ms >= (since + timedelta(days=1) - EPOCH.date()).days * DAY_MS + YEAR_MS


def verdict(secret: Obj, account: Obj | None, mounted: Container[str], now_ms: int) -> str:
    """What becomes of a token. Pure. `account`: whose it says it is. `mounted`: Secrets that Pods near it name."""
    metadata, labels = secret["metadata"], labels_of(secret)
    limit = (EPOCH + timedelta(milliseconds=now_ms - YEAR_MS)).date()
    if secret.get("type") != TYPE or "deletionTimestamp" in metadata:
        return KEEP
    if parse(metadata["creationTimestamp"]) >= now_ms - YEAR_MS:
        return KEEP
    if LAST_USED in labels:
        used = day(labels[LAST_USED])
        if used is None or used >= limit:
            return KEEP
    named = [one.get("name") for one in (account or {}).get("secrets") or ()]
    if name_of(secret) not in named or name_of(secret) in mounted:
        return KEEP  # somebody made it on purpose, or a Pod uses it
    since = day(labels.get(INVALID_SINCE))
    if since is None:
        return MARK
    return KEEP if since >= limit else REMOVE


class LegacySATokenCleaner(Controller):
    """One key: every token, once a day, while there are any."""

    name = "legacy-serviceaccount-token-cleaner-controller"

    def __init__(self, engine: Engine, client: Client, informers: Informers, recorder: Recorder) -> None:
        super().__init__(engine, client, informers, recorder)
        self.secrets = informers("secrets")
        self.accounts = informers("serviceaccounts")
        self.pods = informers("pods")
        self.secrets.add_handler(self._secret)

    def _secret(self, secret: Obj) -> None:
        if secret.get("type") == TYPE:
            self._again()

    def _again(self) -> None:
        """Upstream looks every day from its start on; a day without tokens would find nothing."""
        self.enqueue("", DAY_MS - self.engine.now_ms % DAY_MS, quiet=True)

    def sync(self, key: str) -> None:
        found = [secret for secret in self.secrets.list() if secret.get("type") == TYPE]
        if not found:
            return
        self._again()
        if not self._tracked():
            return
        for secret in found:
            mounted = {name for pod in self.pods.list(namespace_of(secret)) for name in secret_names(pod["spec"])}
            wanted = verdict(secret, self._account(secret), mounted, self.engine.now_ms)
            try:
                if wanted == MARK:
                    today = (EPOCH + timedelta(milliseconds=self.engine.now_ms)).date().isoformat()
                    body = {"metadata": {"uid": uid_of(secret), "labels": {INVALID_SINCE: today}}}
                    self.client.patch(
                        "secrets", namespace_of(secret), name_of(secret), body, type="merge", why="token.mark-unused"
                    )
                elif wanted == REMOVE:
                    self.client.delete("secrets", namespace_of(secret), name_of(secret), why="token.remove-unused")
            except StatusError:
                self.errors += 1  # the next look is tomorrow

    def _tracked(self) -> bool:
        try:
            tracking = self.client.get("configmaps", "kube-system", TRACKING)
        except StatusError:
            return False
        since = day((tracking.get("data") or {}).get("since"))
        return since is not None and tracked_long_enough(since, self.engine.now_ms)

    def _account(self, secret: Obj) -> Obj | None:
        annotations = annotations_of(secret)
        account = self.accounts.get(f"{namespace_of(secret)}/{annotations.get(NAME, '')}")
        if account is None or annotations.get(UID, uid_of(account)) not in ("", uid_of(account)):
            return None
        return account
