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

    __slots__ = ("crowds", "guests", "high", "limit", "members", "seats")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.guests: dict[str, Guest] = {}
        self.seats: dict[str, dict[Occupant, int]] = {}
        self.members: dict[Crowd, dict[str, None]] = {}
        self.crowds: dict[Crowd, dict[str, dict[str, None]]] = {}  # mark -> guests; where there are more than `limit`
        self.high: dict[str, int] = {}  # seats an area ever needed: it never shrinks

    def copy(self) -> Seating:
        other = Seating(self.limit)
        other.guests = dict(self.guests)
        other.seats = dict(self.seats)
        other.members = dict(self.members)
        other.crowds = dict(self.crowds)
        other.high = dict(self.high)
        return other

    def stays(self, name: str, area: str, group: str, mark: str) -> bool:
        """Whether putting this guest would change nobody's seat."""
        guest = self.guests.get(name)
        if guest is None or guest.area != area or guest.group != group:
            return False
        return guest.mark == mark or (area, group) not in self.crowds

    def put(self, name: str, area: str, group: str, mark: str) -> None:
        """Seat a guest, or move it. A guest of group "" is never part of a crowd."""
        old = self.guests.get(name)
        if old is not None:
            if old.area == area and old.group == group:
                if old.mark != mark:
                    self.guests[name] = old._replace(mark=mark)
                    if (area, group) in self.crowds:
                        self._part((area, group), old.mark, name)
                        self._join((area, group), mark, name)
                return
            self.drop(name)
        self.guests[name] = Guest(area, group, mark)
        crowd = (area, group)
        members = self.members[crowd] = {**self.members.get(crowd, {}), name: None}
        if crowd in self.crowds:
            self._join(crowd, mark, name)
        elif group and len(members) > self.limit:
            self._gather(crowd, members)
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
        if crowd not in self.crowds:
            self._stand(guest.area, name)
            return
        self._part(crowd, guest.mark, name)
        if len(members) <= self.limit:
            self._scatter(crowd)

    def forget(self, area: str) -> None:
        """The area is gone; its guests, if any are left, keep their seats until they are dropped."""
        if not self.seats.get(area):
            self.seats.pop(area, None)
            self.high.pop(area, None)

    # A guest alone with its mark keeps a seat of its own, so whoever did not change does not move.

    def _gather(self, crowd: Crowd, members: dict[str, None]) -> None:
        """One too many: equal guests share the seat of the first of them."""
        area, group = crowd
        marks: dict[str, dict[str, None]] = {}
        for member in members:
            marks.setdefault(self.guests[member].mark, {})[member] = None
        self.crowds[crowd] = marks
        for mark, equal in marks.items():
            seated = [member for member in equal if member in self.seats.get(area, {})]
            if len(equal) == 1:
                if not seated:
                    self._sit(area, next(iter(equal)))
                continue
            if seated:
                self._sit(area, (group, mark), min(self._stand(area, member) for member in seated))
            else:
                self._sit(area, (group, mark))

    def _scatter(self, crowd: Crowd) -> None:
        """Few enough again: the first of each tile takes its seat, the others find seats."""
        area, group = crowd
        waiting = []
        for mark, equal in self.crowds.pop(crowd).items():
            if len(equal) > 1:
                first, *others = equal
                self._sit(area, first, self._stand(area, (group, mark)))
                waiting += others
        for member in waiting:
            self._sit(area, member)

    def _join(self, crowd: Crowd, mark: str, name: str) -> None:
        area, group = crowd
        marks = self.crowds[crowd] = dict(self.crowds[crowd])
        equal = marks[mark] = {**marks.get(mark, {}), name: None}
        if len(equal) == 1:
            self._sit(area, name)
        elif len(equal) == 2:
            self._sit(area, (group, mark), self._stand(area, next(iter(equal))))

    def _part(self, crowd: Crowd, mark: str, name: str) -> None:
        area, group = crowd
        marks = self.crowds[crowd] = dict(self.crowds[crowd])
        equal = dict(marks[mark])
        del equal[name]
        if equal:
            marks[mark] = equal
        else:
            del marks[mark]
        if not equal:
            self._stand(area, name)
        elif len(equal) == 1:
            self._sit(area, next(iter(equal)), self._stand(area, (group, mark)))

    def _sit(self, area: str, occupant: Occupant, seat: int = -1) -> None:
        seats = dict(self.seats.get(area, {}))
        if seat < 0:
            taken = set(seats.values())
            seat = 0
            while seat in taken:
                seat += 1
        seats[occupant] = seat
        self.seats[area] = seats
        if seat >= self.high.get(area, 0):
            self.high[area] = seat + 1

    def _stand(self, area: str, occupant: Occupant) -> int:
        seats = dict(self.seats[area])
        seat = seats.pop(occupant)
        if seats:
            self.seats[area] = seats
        else:
            del self.seats[area]
        return seat
