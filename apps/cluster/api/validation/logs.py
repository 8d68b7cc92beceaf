"""The options of a request for a container's log.

Models      pkg/apis/core/validation/validation.go (ValidatePodLogOptions)
Leaves out  nothing
"""

from __future__ import annotations

from apps.cluster.api.validation.fields import NEGATIVE, Errors, forbidden, invalid, not_supported, required
from apps.cluster.apimachinery.meta import Obj
from apps.cluster.apimachinery.status import FieldError

STREAMS = ("All", "Stdout", "Stderr")
ABOVE_ZERO = "must be greater than 0"


def pod_log_options(options: Obj, select_streams: bool = False) -> list[FieldError]:
    """`select_streams` stands for the feature PodLogsQuerySplitStreams, off in 1.36."""
    errors: Errors = []
    tail, limit, since = (options.get(name) for name in ("tailLines", "limitBytes", "sinceSeconds"))
    if tail is not None and tail < 0:
        invalid(errors, "tailLines", tail, NEGATIVE)
    if limit is not None and limit < 1:
        invalid(errors, "limitBytes", limit, ABOVE_ZERO)
    if since is not None and options.get("sinceTime") is not None:
        forbidden(errors, "", "at most one of `sinceTime` or `sinceSeconds` may be specified")
    elif since is not None and since < 1:
        invalid(errors, "sinceSeconds", since, ABOVE_ZERO)
    stream = options.get("stream")
    if not select_streams:
        if stream is not None:
            forbidden(errors, "stream", "may not be specified")
    elif stream is None:
        required(errors, "stream", "must be specified")
    else:
        if stream not in STREAMS:
            not_supported(errors, "stream", stream, STREAMS)
        if stream != "All" and tail is not None:
            forbidden(errors, "", "`tailLines` and specific `stream` are mutually exclusive for now")
    return errors
