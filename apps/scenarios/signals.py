"""What the rest of the site may want to hear of: `hearing.py` tells whoever watches a scenario, in every process."""

from django.dispatch import Signal

# A command was made durable, or the clock was set. Sent after the transaction; arguments: scenario_id, and session, the
# copy that knows of it already.
scenario_changed = Signal()

# The API server of a scenario answered a request that left no step behind: a read, a dry run, a refusal. Arguments:
# scenario_id, and told, a dict of `agent`, `method`, `path` and `status`. Sent on the event loop that answered.
request_answered = Signal()
