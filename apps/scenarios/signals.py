"""What the rest of the site may want to hear of: `apps.live` tells every process that watches a scenario."""

from django.dispatch import Signal

# A command was made durable, or the clock was set. Sent after the transaction; arguments: scenario_id.
scenario_changed = Signal()
