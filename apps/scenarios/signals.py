"""What the rest of the site may want to hear of: `hearing.py` tells whoever watches a scenario, in every process."""

from django.dispatch import Signal

# A command was made durable, or the clock was set. Sent after the transaction; arguments: scenario_id, and session, the
# copy that knows of it already.
scenario_changed = Signal()
