/** The words of a line, its flags, what is pasted. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { parse } from "../../static/js/kubectl/flags.js";
import { distance, nearest, split } from "../../static/js/kubectl/words.js";
import { read } from "../../static/js/terminal/pasted.js";

for (const [line, words] of [
  ["kubectl get pods", ["kubectl", "get", "pods"]],
  ["  get   pods  ", ["get", "pods"]],
  [`patch deploy web -p '{"spec":{"replicas":3}}'`, ["patch", "deploy", "web", "-p", '{"spec":{"replicas":3}}']],
  [`label pod web "note=two words"`, ["label", "pod", "web", "note=two words"]],
  [`run x --env="A=\\"b\\""`, ["run", "x", '--env=A="b"']],
  ["get pods \\\n  -o wide", ["get", "pods", "-o", "wide"]],
  ["get pods # all of them", ["get", "pods"]],
  ["a\\ b", ["a b"]],
  ["x ''", ["x", ""]],
]) test(`words of: ${line}`, () => assert.deepEqual(split(line).words, words));

test("what only a shell understands is found, but not inside quotes", () => {
  assert.equal(split("get pods | grep web").shell, "|");
  assert.equal(split("get pods > file").shell, ">");
  assert.equal(split("get pods -o jsonpath='{.a}|{.b}'").shell, "");
  assert.equal(split("create cronjob x --schedule='*/5 * * * *'").shell, "");
});

test("an open quote is told", () => assert.equal(split("label pod web 'a").quote, "'"));

test("the last word is still typed unless a space follows it", () => {
  assert.equal(split("get po").open, true);
  assert.equal(split("get po ").open, false);
});

const FLAGS = { output: { kind: "text", short: "o" }, watch: { kind: "bool", short: "w" }, filename: { kind: "list", short: "f" }, replicas: { kind: "number" }, "dry-run": { kind: "maybe", alone: "unchanged" } };

for (const [words, args, flags] of [
  [["pods", "-o", "wide"], ["pods"], { output: "wide" }],
  [["-owide", "pods"], ["pods"], { output: "wide" }],
  [["-o=wide"], [], { output: "wide" }],
  [["--output=jsonpath={.a=b}"], [], { output: "jsonpath={.a=b}" }],
  [["pods", "-wo", "yaml"], ["pods"], { watch: true, output: "yaml" }],
  [["--watch=false"], [], { watch: false }],
  [["-f", "-", "-f", "x"], [], { filename: ["-", "x"] }],
  [["-f", "-"], [], { filename: ["-"] }],
  [["--replicas=3", "-n", "kube-system"], [], { replicas: 3, namespace: "kube-system" }],
  [["--dry-run", "pods"], ["pods"], { "dry-run": "unchanged" }],
  [["--dry-run=server"], [], { "dry-run": "server" }],
  [["tier-"], ["tier-"], {}],
]) {
  test(`flags of: ${words.join(" ")}`, () => {
    const parsed = parse(words, FLAGS, "get");
    assert.deepEqual([parsed.args, parsed.flags], [args, flags]);
  });
}

test("what follows two dashes is nobody's flag", () => assert.deepEqual(parse(["j", "--", "sh", "-c", "true"], FLAGS, "create job").rest, ["sh", "-c", "true"]));

test("an unknown flag names the nearest", () => {
  assert.throws(() => parse(["--ouput=yaml"], FLAGS, "get"), (error) => error.id === "unknown-flag-near" && error.params.near === "--output");
  assert.throws(() => parse(["--zzzzzzzz"], FLAGS, "get"), (error) => error.id === "unknown-flag");
});

test("a flag without its value, a number that is none", () => {
  assert.throws(() => parse(["-o"], FLAGS, "get"), /flag needs an argument: 'o' in -o/);
  assert.throws(() => parse(["--replicas=x"], FLAGS, "scale"), /invalid argument "x" for "--replicas" flag/);
});

test("distance counts changes, and two letters swapped as one", () => {
  assert.equal(distance("gte", "get"), 1);
  assert.equal(nearest("descirbe", ["get", "describe", "delete"]), "describe");
  assert.equal(nearest("xyzzy", ["get", "describe"]), "");
});

for (const [what, text, lines, manifest] of [
  ["a command behind a prompt", "$ kubectl get pods\n", ["kubectl get pods"], ""],
  ["several commands", "$ kubectl get pods\n# a comment\n$ kubectl get nodes", ["kubectl get pods", "kubectl get nodes"], ""],
  ["a command over lines", "kubectl create deployment web \\\n  --image=nginx", ["kubectl create deployment web --image=nginx"], ""],
  ["a manifest alone", "apiVersion: v1\nkind: Namespace\n", ["kubectl apply -f -"], "apiVersion: v1\nkind: Namespace"],
  ["a manifest behind its separator", "---\nkind: Pod\napiVersion: v1", ["kubectl apply -f -"], "---\nkind: Pod\napiVersion: v1"],
  ["a command with its manifest", "kubectl apply -f - <<EOF\nkind: Pod\nEOF\n", ["kubectl apply -f -"], "kind: Pod"],
  ["the same, in quotes", "cat <<'END' | kubectl apply -f -\nkind: Pod\nEND", ["kubectl apply -f -"], "kind: Pod"],
]) {
  test(`pasted: ${what}`, () => assert.deepEqual(read(text), { lines, manifest }));
}
