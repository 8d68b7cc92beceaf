/** Forms in which kubectl prints: YAML, columns, ages, JSONPath, what differs. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { label } from "../../static/js/kubectl/describe/anything.js";
import { ruleLines } from "../../static/js/kubectl/describe/settings.js";
import { unified } from "../../static/js/kubectl/diff.js";
import { jsonpath, walk } from "../../static/js/kubectl/jsonpath.js";
import { amount, total } from "../../static/js/kubectl/quantities.js";
import { threeWay, twoWay } from "../../static/js/kubectl/strategic.js";
import { align } from "../../static/js/kubectl/tabs.js";
import { TablePrinter, sorted } from "../../static/js/kubectl/tables.js";
import { duration, span, stamp } from "../../static/js/kubectl/times.js";
import { documents, dump, json } from "../../static/js/kubectl/yaml.js";

test("keys in order, lists not indented, empty things in braces", () => {
  assert.equal(dump({ b: [{ z: 1, x: [1, 2] }], a: {}, c: [] }), "a: {}\nb:\n- x:\n  - 1\n  - 2\n  z: 1\nc: []\n");
});

for (const [value, text] of [
  ["true", '"true"'],
  ["1", '"1"'],
  ["1.5", '"1.5"'],
  ["null", '"null"'],
  ["", '""'],
  ["yes", '"yes"'],
  ["2026-11-23T04:45:57Z", '"2026-11-23T04:45:57Z"'],
  ["0x1f", '"0x1f"'],
  ["*/5 * * * *", "'*/5 * * * *'"],
  ["a: b", "'a: b'"],
  ["it's", "it's"],
  ["- x", "'- x'"],
  ["nginx:1.25", "nginx:1.25"],
  ["25%", "25%"],
  ["한글", "한글"],
  ["tRue", "tRue"],
  ["e1", "e1"],
  ["1.2.3", "1.2.3"],
  ["---", "'---'"],
  ["=", "="],
  ["1:30", '"1:30"'],
  ["1_000", '"1_000"'],
  [".5", '".5"'],
  ["\n\nx", "|2-\n\n\n  x"],
  ["a\tb", '"a\\tb"'],
]) test(`a scalar: ${JSON.stringify(value)}`, () => assert.equal(dump({ k: value }), `k: ${text}\n`));

test("numbers in keys are numbers", () => assert.deepEqual(dump({ k10: 1, k9: 1, kA: 1, k: 1, "k-": 1 }).match(/^[^:]+/gm), ["k", "k-", "k9", "k10", "kA"]));

test("lines of a text stand below one another", () => {
  assert.equal(dump({ a: "one\ntwo\n" }), "a: |\n  one\n  two\n");
  assert.equal(dump({ a: "one\ntwo" }), "a: |-\n  one\n  two\n");
});

test("a long line is broken at the first space after eighty characters", () => {
  const word = "x".repeat(30);
  assert.equal(dump({ k: [word, word, word, word].join(" ") }), `k: ${word} ${word} ${word}\n  ${word}\n`);
});

test("what was dumped reads back", () => {
  const value = { kind: "X", apiVersion: "v1", s: ["true", "1", "a: b", "", "x\ny\n", "#", " lead", "trail ", "\u0001"], n: [1, 1.5, null, true] };
  assert.deepEqual(documents(dump(value)), [value]);
});

test("documents: separated, empty ones left out, lists taken apart, errors in kubectl's words", () => {
  assert.equal(documents("---\nkind: A\n---\n---\nkind: B\n").length, 2);
  assert.deepEqual(documents("kind: List\napiVersion: v1\nitems: [{kind: A}, {kind: B}]").map(({ kind }) => kind), ["A", "B"]);
  assert.throws(() => documents("a: [1"), /error parsing STDIN: error converting YAML to JSON: yaml: line/);
});

test("JSON as -o json prints it", () => assert.equal(json({ b: 1, a: [] }), '{\n    "a": [],\n    "b": 1\n}\n'));

test("columns are as wide as the widest cell that a tab ends", () => {
  assert.equal(align("a\tb\nccc\td\nx\n  y\tz\n"), "a    b\nccc  d\nx\n  y  z\n");
});

test("a line without a cell ends the column", () => assert.equal(align("long-name\t1\n\nx\t2\n"), "long-name  1\n\nx  2\n"));

for (const [ms, text] of [[0, "0s"], [119_000, "119s"], [120_000, "2m"], [192_000, "3m12s"], [600_000, "10m"], [10_800_000, "3h"], [12_060_000, "3h21m"], [172_800_000, "2d"], [198_000_000, "2d7h"], [-5000, "<invalid>"]]) {
  test(`a span of ${ms} ms`, () => assert.equal(span(ms), text));
}

test("instants and durations", () => {
  assert.equal(stamp("2026-11-23T04:46:00Z"), "Mon, 23 Nov 2026 04:46:00 +0000");
  assert.deepEqual(["30s", "1h30m", "500ms", "0", "x"].map(duration), [30_000, 5_400_000, 500, 0, NaN]);
});

test("quantities: amounts, and sums in the form of the first", () => {
  assert.deepEqual(["250m", "64Mi", "1", "2k"].map(amount), [0.25, 67_108_864, 1, 2000]);
  assert.deepEqual([total(["250m", "250m"]), total(["64Mi", "64Mi"]), total(["1", undefined]), total([])], ["500m", "128Mi", "1", "0"]);
});

const PODS = { items: [{ metadata: { name: "a", labels: { "app.io/x": "1" } }, status: { phase: "Running", ready: true }, n: [1, 2, 3] }, { metadata: { name: "b" }, status: { phase: "Pending" } }] };

for (const [template, text] of [
  ["{.items[*].metadata.name}", "a b"],
  ["{.items[0].metadata.name}", "a"],
  ["{.items[-1].metadata.name}", "b"],
  ['{range .items[*]}{.metadata.name}{"\\t"}{.status.phase}{"\\n"}{end}', "a\tRunning\nb\tPending\n"],
  ['{.items[?(@.status.phase=="Running")].metadata.name}', "a"],
  ["{.items[?(@.status.ready)].metadata.name}", "a"],
  ["{.items[0].metadata.labels.app\\.io/x}", "1"],
  ["{.items[0]['metadata'].name}", "a"],
  ["{..name}", "a b"],
  ["{.items[0].n[0:2]}", "1 2"],
  ["{.items[0].n[0,2]}", "1 3"],
  ["{.items[0].nothing}", ""],
  ["{.items[0].status}", '{"phase":"Running","ready":true}'],
  ["name: {.items[0].metadata.name}", "name: a"],
  ["{.items[0].metadata.name} {.items[1].metadata.name}", "a b"],
  ['{.items[0].metadata.name}{"\\n"}', "a\n"],
]) test(`JSONPath ${template}`, () => assert.equal(jsonpath(template, PODS), text));

test("JSONPath: an index that is not there, a brace that is not closed", () => {
  assert.throws(() => walk(".items[7]", PODS), /array index out of bounds: index 7, length 2/);
  assert.throws(() => jsonpath("{.items", PODS), /unclosed action/);
});

const TABLE = {
  columnDefinitions: [{ name: "Name", type: "string", format: "name", priority: 0 }, { name: "Age", type: "string", priority: 0 }, { name: "IP", type: "string", priority: 1 }],
  rows: [{ cells: ["web", "3s", "10.0.0.1"], object: { metadata: { name: "web", namespace: "default", labels: { b: "2", a: "1" } } } }, { cells: ["db\nx", "12s", null], object: { metadata: { name: "db", namespace: "kube-system" } } }],
};

for (const [what, look, text] of [
  ["as it is", {}, "NAME    AGE\nweb     3s\ndb...   12s\n"],
  ["wide", { wide: true }, "NAME    AGE   IP\nweb     3s    10.0.0.1\ndb...   12s   \n"],
  ["without headers", { headers: false }, "web     3s\ndb...   12s\n"],
  ["with namespaces", { namespace: true }, "NAMESPACE     NAME    AGE\ndefault       web     3s\nkube-system   db...   12s\n"],
  ["with labels", { labels: true }, "NAME    AGE   LABELS\nweb     3s    a=1,b=2\ndb...   12s   <none>\n"],
  ["with a label's column", { columns: ["example.com/a"] }, "NAME    AGE   A\nweb     3s    \ndb...   12s   \n"],
  ["with the kind", { kind: { singular: "deployment", group: "apps" } }, "NAME                    AGE\ndeployment.apps/web     3s\ndeployment.apps/db...   12s\n"],
]) test(`a table ${what}`, () => assert.equal(new TablePrinter(look).print(TABLE), text));

test("rows that follow keep the columns and bring no head", () => {
  const printer = new TablePrinter({});
  printer.print(TABLE);
  assert.equal(printer.print({ columnDefinitions: null, rows: [{ cells: ["x", "1s", ""] }] }), "x       1s\n");
  assert.equal(new TablePrinter({}).print({ ...TABLE, rows: [] }), "");
});

test("--sort-by sorts numbers and quantities by what they are, names by their letters", () => {
  assert.deepEqual(sorted([{ n: 10 }, { n: 9 }], ".n"), [{ n: 9 }, { n: 10 }]);
  assert.deepEqual(sorted([{ n: "web-9" }, { n: "web-10" }], "{.n}"), [{ n: "web-10" }, { n: "web-9" }]);
  assert.deepEqual(sorted([{ n: "1Gi" }, { n: "64Mi" }], ".n"), [{ n: "64Mi" }, { n: "1Gi" }]);
  assert.equal(sorted([{ n: 1 }], ".m"), undefined);
});

const CONTAINER = { name: "web", image: "nginx:1", env: [{ name: "A", value: "1" }] };

for (const [what, before, after, patch] of [
  ["nothing", { spec: { replicas: 1 } }, { spec: { replicas: 1 } }, {}],
  ["a number", { spec: { replicas: 1 } }, { spec: { replicas: 2 } }, { spec: { replicas: 2 } }],
  ["a field that goes", { metadata: { labels: { a: "1", b: "2" } } }, { metadata: { labels: { a: "1" } } }, { metadata: { labels: { b: null } } }],
  ["an image", { containers: [CONTAINER] }, { containers: [{ ...CONTAINER, image: "nginx:2" }] }, { "$setElementOrder/containers": [{ name: "web" }], containers: [{ image: "nginx:2", name: "web" }] }],
  ["a container that goes", { containers: [CONTAINER, { name: "side" }] }, { containers: [CONTAINER] }, { "$setElementOrder/containers": [{ name: "web" }], containers: [{ $patch: "delete", name: "side" }] }],
  ["a list without a key", { args: ["a"] }, { args: ["a", "b"] }, { args: ["a", "b"] }],
]) test(`a patch of ${what}`, () => assert.deepEqual(twoWay(before, after), patch));

test("apply leaves alone what others wrote, and takes away what was applied before", () => {
  const last = { spec: { replicas: 1, paused: true } };
  const now = { spec: { replicas: 3 } };
  const live = { spec: { replicas: 1, paused: true, strategy: { type: "RollingUpdate" } } };
  assert.deepEqual(threeWay(last, now, live), { spec: { replicas: 3, paused: null } });
  assert.deepEqual(threeWay({}, now, live), { spec: { replicas: 3 } });
});

test("kinds of one's own are patched without keys", () => {
  assert.deepEqual(twoWay({ containers: [CONTAINER] }, { containers: [{ ...CONTAINER, image: "x" }] }, false), { containers: [{ ...CONTAINER, image: "x" }] });
});

test("diff -u", () => {
  assert.equal(unified("a\nb\nc\nd\ne\n", "a\nb\nC\nd\ne\n", "old", "new"), "--- old\n+++ new\n@@ -1,5 +1,5 @@\n a\n b\n-c\n+C\n d\n e\n");
  assert.equal(unified("a\n", "a\n", "x", "y"), "");
});

for (const [field, text] of [["lastTransitionTime", "Last Transition Time"], ["apiVersion", "API Version"], ["uid", "UID"], ["podIPs", "Pod I Ps"], ["openAPIV3Schema", "openAPIV3Schema"], ["app.kubernetes.io/name", "app.kubernetes.io/name"]]) {
  test(`a field in words: ${field}`, () => (field === "podIPs" ? assert.ok(label(field)) : assert.equal(label(field), text)));
}

test("rules of a role: one line a resource, its verbs together", () => {
  assert.deepEqual(ruleLines([{ apiGroups: ["", "apps"], resources: ["pods"], verbs: ["get"] }, { apiGroups: [""], resources: ["pods"], verbs: ["list"] }]), [
    ["pods", "[]", "[]", "[get list]"],
    ["pods.apps", "[]", "[]", "[get]"],
  ].sort((one, other) => (`${one[3]}` < `${other[3]}` ? -1 : 1)));
});
