"""Seats in numbered rows: who came keeps their seat, who comes takes the first free one, a crowd shares one.

An *area* (a node, an owner) has seats 0, 1, 2, … A guest belongs to a *group* (an owner's Pods). When a group has more
guests than `limit` in one area, they are drawn as tiles, one for each *mark* (state) with a count, and a tile takes a
seat.
"""

from __future__ import annotations

from typing import NamedTuple

Occupant = str | tuple[str, str]  # a guest, or a tile: group and mark
Crowd = tuple[str, str]  # area and group


class Guest(NamedTuple):
    """Where a guest belongs."""

    area: str
    group: str
    mark: str


class Seating:
    """Mutable while folding; `copy()` shares what a later write replaces rather than changes."""

    __slots__ = ("guests", "high", "limit", "members", "seats", "tiles")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.guests: dict[str, Guest] = {}
        self.seats: dict[str, dict[Occupant, int]] = {}
        self.members: dict[Crowd, dict[str, None]] = {}
        self.tiles: dict[Crowd, dict[str, int]] = {}  # crowds only: mark -> how many
        self.high: dict[str, int] = {}  # seats an area ever needed: it never shrinks

    def copy(self) -> Seating:
        other = Seating(self.limit)
        other.guests = dict(self.guests)
        other.seats = dict(self.seats)
        other.members = dict(self.members)
        other.tiles = dict(self.tiles)
        other.high = dict(self.high)
        return other

    def stays(self, name: str, area: str, group: str, mark: str) -> bool:
        """Whether putting this guest would change nothing that is drawn elsewhere."""
        guest = self.guests.get(name)
        if guest is None or guest.area != area or guest.group != group:
            return False
        return guest.mark == mark or (area, group) not in self.tiles

    def put(self, name: str, area: str, group: str, mark: str) -> None:
        """Seat a guest, or move it. A guest of group "" is never part of a crowd."""
        old = self.guests.get(name)
        if old is not None:
            if old.area == area and old.group == group:
                self._remark(name, old, mark)
                return
            self.drop(name)
        self.guests[name] = Guest(area, group, mark)
        crowd = (area, group)
        members = self.members[crowd] = {**self.members.get(crowd, {}), name: None}
        if crowd in self.tiles:
            self._count(crowd, mark, 1)
        elif group and len(members) > self.limit:
            self._crowd(crowd, members)
        else:
            self._sit(area, name)

    def drop(self, name: str) -> None:
        guest = self.guests.pop(name, None)
        if guest is None:
            return
        crowd = (guest.area, guest.group)
        members = dict(self.members[crowd])
        del members[name]
        if members:
            self.members[crowd] = members
        else:
            del self.members[crowd]
        if crowd not in self.tiles:
            self._stand(guest.area, name)
            return
        self._count(crowd, guest.mark, -1)
        if len(members) <= self.limit:
            for mark in self.tiles.pop(crowd):
                self._stand(guest.area, (guest.group, mark))
            for member in members:
                self._sit(guest.area, member)

    def forget(self, area: str) -> None:
        """The area is gone; its guests, if any are left, keep their seats until they are dropped."""
        if not self.seats.get(area):
            self.seats.pop(area, None)
            self.high.pop(area, None)

    def _remark(self, name: str, old: Guest, mark: str) -> None:
        if old.mark == mark:
            return
        self.guests[name] = old._replace(mark=mark)
        crowd = (old.area, old.group)
        if crowd in self.tiles:
            self._count(crowd, old.mark, -1)
            self._count(crowd, mark, 1)

    def _crowd(self, crowd: Crowd, members: dict[str, None]) -> None:
        area = crowd[0]
        seats = self.seats.get(area, {})
        for member in members:
            if member in seats:
                self._stand(area, member)
        self.tiles[crowd] = {}
        for member in members:
            self._count(crowd, self.guests[member].mark, 1)

    def _count(self, crowd: Crowd, mark: str, by: int) -> None:
        tiles = dict(self.tiles[crowd])
        count = tiles.get(mark, 0) + by
        if count:
            tiles[mark] = count
        else:
            del tiles[mark]
        self.tiles[crowd] = tiles
        area, group = crowd
        if count == by and by > 0:
            self._sit(area, (group, mark))
        elif not count:
            self._stand(area, (group, mark))

    def _sit(self, area: str, occupant: Occupant) -> None:
        seats = dict(self.seats.get(area, {}))
        taken = set(seats.values())
        seat = 0
        while seat in taken:
            seat += 1
        seats[occupant] = seat
        self.seats[area] = seats
        if seat >= self.high.get(area, 0):
            self.high[area] = seat + 1

    def _stand(self, area: str, occupant: Occupant) -> None:
        seats = dict(self.seats[area])
        del seats[occupant]
        if seats:
            self.seats[area] = seats
        else:
            del self.seats[area]
