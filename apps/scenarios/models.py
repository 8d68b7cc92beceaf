"""What is stored: a scenario, and the append-only log of the commands given to it.

The cluster itself is never stored. It is the replay of the log, see `replay.py`.
"""

from __future__ import annotations

from django.db import models

from apps.scenarios import tokens


class Scenario(models.Model):
    """A preset, a cluster's make-up, and a clock. Its story is its log of commands.

    Simulated now, in milliseconds since the scenario began:
    `anchor_sim_ms + (wall clock - anchor_wall_ms) * speed`, stopping once the cluster is at rest.
    """

    id = models.CharField(primary_key=True, max_length=16, default=tokens.new_id, editable=False)
    title = models.CharField(max_length=120, blank=True)
    preset = models.CharField(max_length=40, default="empty")
    config = models.JSONField(default=dict, blank=True)  # what differs from the preset's cluster: workers, seed …
    base = models.JSONField(default=list, blank=True)  # [[time_ms, command], …] it began with, before its own log
    key_hash = models.CharField(max_length=64, db_index=True)
    view_hash = models.CharField(max_length=64, blank=True, db_index=True)
    forked_from = models.CharField(max_length=16, blank=True)
    maker = models.CharField(max_length=64, blank=True, db_index=True)  # a keyed digest of the maker's address
    anchor_sim_ms = models.BigIntegerField(default=0)
    anchor_wall_ms = models.BigIntegerField(default=0)  # Unix time in milliseconds
    speed = models.FloatField(default=1.0)  # 0 = paused
    created = models.DateTimeField(auto_now_add=True)
    updated = models.DateTimeField(auto_now=True)

    class Meta:
        indexes = [models.Index(fields=["maker", "created"], name="scenario_maker_created")]

    def __str__(self) -> str:
        return self.title or self.id


class Command(models.Model):
    """One accepted request, with the simulated instant it was given. Never changed, never removed alone."""

    scenario = models.ForeignKey(Scenario, on_delete=models.CASCADE, related_name="commands")
    seq = models.PositiveIntegerField()
    time_ms = models.BigIntegerField()  # since the scenario began
    body = models.JSONField()
    agent = models.CharField(max_length=80, default="kubectl")
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["scenario", "seq"]
        constraints = [models.UniqueConstraint(fields=["scenario", "seq"], name="command_scenario_seq")]

    def __str__(self) -> str:
        return f"{self.scenario_id} #{self.seq}"
