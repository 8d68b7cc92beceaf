/** The ruler's scale: the same numbers as the server's (k8sdocs/ruler.py). */

import assert from "node:assert/strict";
import { test } from "node:test";

globalThis.HTMLElement = class {};
globalThis.customElements = { define() {} };
globalThis.document = { createElement: () => ({}) };
const { numbers, unit } = await import("../../static/js/ruler.js");

test("a tick stands for as many revisions as keep ticks apart", () => {
  assert.deepEqual([unit(60, 660), unit(131, 330), unit(1300, 660), unit(40, 200)], [1, 5, 10, 1]);
});

test("numbers are round", () => {
  assert.deepEqual(numbers(4126, 4172, 5), [4130, 4140, 4150, 4160, 4170]);
  assert.deepEqual(numbers(0, 3, 5), [0, 1, 2, 3]);
  assert.deepEqual(numbers(0, 180, 5), [0, 50, 100, 150]);
});
