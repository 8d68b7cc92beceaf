/** The playhead, without a page. Run by tests/js/test_modules.py with `node --test`. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { PACE_MS, Playhead } from "../../static/js/playhead.js";

/** @param {Partial<import("../../static/js/playhead.js").Step>} step */
const step = (step) => ({ time: "", time_ms: 0, text: "", cause: 0, rank: "change", ...step });

const story = [
  step({ index: 1, revision: 101, time_ms: 1000 }),
  step({ index: 2, revision: 102, time_ms: 1010, cause: 1 }),
  step({ index: 3, revision: 103, time_ms: 1010, rank: "event", cause: 2 }),
  step({ index: 4, revision: 103, time_ms: 1015, rank: "note", cause: 2 }),
  step({ index: 5, revision: 104, time_ms: 1020, cause: 4 }),
  step({ index: 6, revision: 105, time_ms: 9000, rank: "heartbeat" }),
  step({ index: 7, revision: 106, time_ms: 9010, cause: 5 }),
];

function started(at = 100) {
  const playhead = new Playhead({ base: 100, head: 106, at });
  playhead.add(story);
  return playhead;
}

test("stepping goes from change to change", () => {
  const playhead = started();
  const seen = [];
  for (let next = playhead.nextStop(); next !== undefined; next = playhead.nextStop()) {
    seen.push(next);
    playhead.seek(next);
  }
  assert.deepEqual(seen, [101, 102, 104, 106]);
});

test("stepping back takes the same stops in reverse, and ends at the beginning", () => {
  const playhead = started(106);
  const seen = [];
  for (let back = playhead.previousStop(); back !== undefined; back = playhead.previousStop()) {
    seen.push(back);
    playhead.seek(back);
  }
  assert.deepEqual(seen, [104, 102, 101, 100]);
});

test("why: the chain of causes, one a revision, the latest first", () => {
  assert.deepEqual(
    started().causes(106).map((cause) => cause.revision),
    [104, 103, 102, 101],
  );
});

test("steps that come twice or out of order count once", () => {
  const playhead = new Playhead({ base: 100, head: 100, at: 100 });
  let grown = 0;
  playhead.addEventListener("steps", () => (grown += 1));
  playhead.add([story[4], story[0]]);
  playhead.add([story[0]]);
  playhead.add(story);
  assert.equal(grown, 2);
  assert.deepEqual(playhead.steps.map((each) => each.index), [1, 2, 3, 4, 5, 6, 7]);
  assert.equal(playhead.head, 106);
});

test("a place outside the run is brought back into it, and staying is no move", () => {
  const playhead = started();
  let moves = 0;
  playhead.addEventListener("move", () => (moves += 1));
  playhead.seek(9999);
  assert.equal(playhead.at, 106);
  playhead.seek(1);
  assert.equal(playhead.at, 100);
  playhead.seek(100);
  assert.equal(moves, 2);
});

test("a revision is told by what changed in it, not by a note", () => {
  assert.equal(started().stepAt(103).rank, "event");
});

test("the pause before the next stop", () => {
  const playhead = started(104);
  assert.equal(playhead.pause(), PACE_MS);
  playhead.speed = 4;
  assert.equal(playhead.pause(), PACE_MS / 4);
  playhead.speed = "real";
  assert.equal(playhead.pause(), 4000); // eight simulated seconds, but nobody waits that long
  playhead.seek(101);
  assert.equal(playhead.pause(), 40);
});

test("many waiting pictures are shown faster than one", () => {
  const playhead = started();
  playhead.following = true;
  assert.ok(playhead.pause(50) < playhead.pause(1));
});

test("one's own change is played at the usual pace, and faster the more of it waits", () => {
  const few = started(100);
  few.own = true;
  assert.equal(few.pause(), PACE_MS);
  few.add(Array.from({ length: 60 }, (_, n) => ({ index: 50 + n, revision: 200 + n, time_ms: 9000 + n, rank: "change" })));
  assert.ok(few.pause() < PACE_MS / 4);
  few.own = false;
  assert.equal(few.pause(), PACE_MS);
});

const noted = [
  step({ index: 1, revision: 100, at: "100.1", rank: "note" }),
  step({ index: 2, revision: 100, at: "100.2", rank: "note" }),
  step({ index: 3, revision: 101, at: "101" }),
  step({ index: 4, revision: 101, at: "101.1", rank: "note" }),
  step({ index: 5, revision: 102, at: "102" }),
];

function through(playhead, act) {
  const seen = [];
  for (let next = playhead[act](); next !== undefined; next = playhead[act]()) {
    seen.push(next);
    playhead.seek(next);
  }
  return seen;
}

test("where notes show, each is a stop; there and back the stops are the same", () => {
  const playhead = new Playhead({ base: 100, head: 102, at: "100.0" });
  playhead.noted = true;
  playhead.add(noted);
  assert.deepEqual(through(playhead, "nextStop"), ["100.1", "100.2", "101.0", "101.1", 102]);
  assert.deepEqual(through(playhead, "previousStop"), ["101.1", "101.0", "100.2", "100.1", "100.0"]);
});

test("where they do not, stepping goes past them; a revision is all that followed on it", () => {
  const playhead = new Playhead({ base: 100, head: 102, at: 100 });
  playhead.add(noted);
  assert.deepEqual(through(playhead, "nextStop"), [101, 102]);
  playhead.seek("100.1");
  assert.equal(playhead.place, "100.1");
  assert.equal(playhead.nextStop(), 101);
  assert.ok(playhead.rank(101) > playhead.rank("101.0"));
  assert.ok(playhead.rank(101) < playhead.rank(102));
});

test("the tenth note is not the first", () => {
  const playhead = new Playhead({ base: 1, head: 1, at: "1.1" });
  playhead.noted = true;
  playhead.add(Array.from({ length: 12 }, (_, index) => step({ index: index + 1, revision: 1, at: `1.${index + 1}`, rank: "note" })));
  playhead.seek("1.10");
  assert.equal(playhead.stepAt(playhead.place).index, 10);
  assert.equal(playhead.nextStop(), "1.11");
  assert.equal(playhead.previousStop(), "1.9");
  assert.equal(playhead.near(1), "1.0");
  assert.equal(playhead.near(1.95), "1.12");
});
