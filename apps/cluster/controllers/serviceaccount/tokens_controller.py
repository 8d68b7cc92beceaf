"""The ServiceAccount token controller: fills Secrets that ask for an account's token, and removes them with it.

Models      pkg/controller/serviceaccount/tokens_controller.go (1.36: it makes no Secrets of its own any more)
Leaves out  a signature that anyone could check
"""

from __future__ import annotations

import json
from base64 import b64encode, urlsafe_b64encode
from hashlib import sha256

from apps.cluster.apimachinery.meta import Obj, annotations_of, key_of, name_of, namespace_of, uid_of
from apps.cluster.apimachinery.status import StatusError
from apps.cluster.client import Client, Controller, Informers, Recorder
from apps.cluster.controllers.rootca.publisher import ROOT_CA
from apps.cluster.engine import Engine

TYPE = "kubernetes.io/service-account-token"
NAME, UID = "kubernetes.io/service-account.name", "kubernetes.io/service-account.uid"
ACCOUNT_INDEX = "token of"


def _account_key(secret: Obj) -> str:
    """An index value: the ServiceAccount whose token a Secret holds."""
    name = annotations_of(secret).get(NAME, "") if secret.get("type") == TYPE else ""
    return f"{namespace_of(secret)}/{name}" if name else ""


def _base64(text: str) -> str:
    return b64encode(text.encode()).decode()


def token(account: Obj, secret: Obj) -> str:
    """A JSON web token in the form of a legacy one. Pure."""
    claim = "kubernetes.io/serviceaccount/"
    namespace, name = namespace_of(account), name_of(account)
    claims = {
        "iss": "kubernetes/serviceaccount",
        f"{claim}namespace": namespace,
        f"{claim}secret.name": name_of(secret),
        f"{claim}service-account.name": name,
        f"{claim}service-account.uid": uid_of(account),
        "sub": f"system:serviceaccount:{namespace}:{name}",
    }
    parts = [json.dumps(one, separators=(",", ":")).encode() for one in ({"alg": "RS256", "kid": "sa"}, claims)]
    parts.append(sha256(parts[1]).digest() * 8)
    return ".".join(urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


class TokensController(Controller):
    """Keys are "secret default/x" and "account default/y"."""

    name = "serviceaccount-token-controller"

    def __init__(self, engine: Engine, client: Client, informers: Informers, recorder: Recorder) -> None:
        super().__init__(engine, client, informers, recorder)
        self.accounts = informers("serviceaccounts")
        self.secrets = informers("secrets")
        self.secrets.add_index(ACCOUNT_INDEX, _account_key)
        self.secrets.add_handler(self._secret, lambda _, new: self._secret(new))
        self.accounts.add_handler(self._account, None, self._account)

    def _secret(self, secret: Obj) -> None:
        if secret.get("type") == TYPE:
            self.enqueue("secret " + key_of(secret))

    def _account(self, account: Obj) -> None:
        for secret in self.secrets.by_index(ACCOUNT_INDEX, key_of(account)):
            self._secret(secret)

    def sync(self, key: str) -> None:
        """Raises: StatusError, the write was refused; the turn is tried again later."""
        secret = self.secrets.get(key.partition(" ")[2])
        if secret is None or secret.get("type") != TYPE:
            return
        namespace, wanted = namespace_of(secret), annotations_of(secret)
        if not wanted.get(NAME):
            return
        account = self.accounts.get(f"{namespace}/{wanted[NAME]}")
        if account is None or wanted.get(UID, uid_of(account)) != uid_of(account):
            try:
                self.client.delete(
                    "secrets", namespace, name_of(secret), uid=uid_of(secret), why="token.remove", owner=wanted[NAME]
                )
            except StatusError as error:
                if error.reason not in ("NotFound", "Conflict"):
                    raise
            return
        self._fill(secret, account)

    def _fill(self, secret: Obj, account: Obj) -> None:
        data = dict(secret.get("data") or {})
        data["ca.crt"] = _base64(ROOT_CA)
        data.setdefault("namespace", _base64(namespace_of(secret)))
        if not data.get("token"):
            data["token"] = _base64(token(account, secret))
        if data == secret.get("data"):
            return
        annotations = {**annotations_of(secret), NAME: name_of(account), UID: uid_of(account)}
        new = {**secret, "metadata": {**secret["metadata"], "annotations": annotations}, "data": data}
        self.client.update("secrets", new, why="token.fill", owner=name_of(account))
