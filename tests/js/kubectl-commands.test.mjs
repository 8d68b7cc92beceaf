/** Whole commands against a server that answers from a table: which requests are made, what is printed, what Tab offers. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { complete } from "../../static/js/kubectl/complete.js";
import { Kubectl } from "../../static/js/kubectl/kubectl.js";

/** @param {string} resource @param {string} kind @param {object} [more] */
const resource = (resource, kind, more = {}) => ({ resource, responseKind: { kind }, singularResource: kind.toLowerCase(), scope: "Namespaced", verbs: ["create", "delete", "get", "list", "patch", "watch"], ...more });
const group = (name, versions) => ({ metadata: name ? { name } : {}, versions });
const CORE = group("", [{ version: "v1", resources: [resource("pods", "Pod", { shortNames: ["po"], categories: ["all"], subresources: [{ subresource: "log" }] }), resource("nodes", "Node", { scope: "Cluster", shortNames: ["no"] }), resource("namespaces", "Namespace", { scope: "Cluster", shortNames: ["ns"] }), resource("services", "Service", { shortNames: ["svc"] })] }]);
const APPS = group("apps", [{ version: "v1", resources: [resource("deployments", "Deployment", { shortNames: ["deploy"], categories: ["all"], subresources: [{ subresource: "scale" }] })] }]);
const DEPLOYMENT = { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "web", namespace: "default", generation: 1 }, spec: { replicas: 2, selector: { matchLabels: { app: "web" } }, template: { metadata: { labels: { app: "web" } }, spec: { containers: [{ name: "web", image: "nginx:1" }] } } }, status: { observedGeneration: 1, replicas: 2, updatedReplicas: 2, availableReplicas: 2 } };
const POD = { metadata: { name: "web-0", namespace: "default" } };
const status = (code, reason, message, details = {}) => ({ code, body: { kind: "Status", apiVersion: "v1", status: "Failure", reason, message, details, code } });

const ROUTES = {
  "GET /api": { items: [CORE] },
  "GET /apis": { items: [APPS] },
  "GET /api/v1/namespaces/default/pods": { kind: "PodList", metadata: { resourceVersion: "7" }, items: [POD, { metadata: { name: "web-1", namespace: "default" } }] },
  "GET /api/v1/namespaces/default/pods/nope": status(404, "NotFound", 'pods "nope" not found'),
  "GET /api/v1/nodes": { items: [{ metadata: { name: "worker-1" } }, { metadata: { name: "worker-2" } }] },
  "GET /api/v1/namespaces": { items: [{ metadata: { name: "default" } }, { metadata: { name: "kube-system" } }] },
  "GET /apis/apps/v1/namespaces/default/deployments": { items: [DEPLOYMENT] },
  "GET /apis/apps/v1/namespaces/default/deployments/web": DEPLOYMENT,
  "PATCH /apis/apps/v1/namespaces/default/deployments/web": DEPLOYMENT,
  "PATCH /apis/apps/v1/namespaces/default/deployments/web/scale": { kind: "Scale" },
  "GET /api/v1/namespaces/default/services/web": status(404, "NotFound", 'services "web" not found'),
  "POST /api/v1/namespaces/default/services": status(422, "Invalid", "x", { kind: "Service", name: "web", causes: [{ field: "spec.ports", message: "Required value" }] }),
  "POST /api/v1/namespaces": { kind: "Namespace", apiVersion: "v1", metadata: { name: "demo" } },
  "DELETE /apis/apps/v1/namespaces/default/deployments/web": status(403, "Forbidden", 'deployments.apps "web" is forbidden: no'),
};

function started(routes = ROUTES) {
  const asked = [];
  const fetch = async (address, { method, body, headers }) => {
    const [path, query = ""] = address.split("?");
    asked.push({ method, path, query: decodeURIComponent(query), body, headers });
    const found = routes[`${method} ${path}`] ?? status(404, "NotFound", `nothing at ${method} ${path}`);
    const code = found.body ? found.code : method === "POST" ? 201 : 200;
    return new Response(JSON.stringify(found.body ?? found), { status: code });
  };
  const kubectl = new Kubectl({ base: "", fetch, headers: { "X-CSRFToken": "t" } });
  const run = async (line, box = "") => {
    const said = { out: "", err: "", said: [] };
    const code = await kubectl.run(line, { out: (text) => (said.out += text), err: (text) => (said.err += text), say: (id, params) => said.said.push([id, params]), box: async () => box });
    return { ...said, code };
  };
  return { kubectl, run, asked };
}

test("kinds are asked for once, names however they are written", async () => {
  const { run, asked } = started();
  for (const line of ["kubectl get po -o name", "k get pods -o name", "get pod -o name", "kubectl get Pod -o name"]) assert.equal((await run(line)).out, "pod/web-0\npod/web-1\n", line);
  assert.deepEqual(asked.filter(({ path }) => path === "/api").length, 1);
});

test("every request names the terminal and carries the page's token", async () => {
  const { run, asked } = started();
  await run("kubectl scale deploy/web --replicas=5");
  assert.ok(asked.every(({ headers }) => headers["X-K8sdocs-Agent"] === "k8sdocs-terminal" && headers["X-CSRFToken"] === "t"));
  assert.equal(asked.at(-1).body, '{"spec":{"replicas":5}}');
});

for (const [line, id, params] of [
  ["kubectl gte pods", "unknown-command-near", { command: "gte", near: "get" }],
  ["kubectl frobnicate", "unknown-command", { command: "frobnicate" }],
  ["kubectl rollout statsu deploy/web", "unknown-command-near", { command: "rollout statsu", near: "rollout status" }],
  ["kubectl get pods --ouptut=yaml", "unknown-flag-near", { flag: "--ouptut", command: "kubectl get", near: "--output" }],
  ["kubectl exec -it web-0 -- sh", "refused-stream", { command: "exec" }],
  ["kubectl port-forward pod/x 80", "refused-stream", { command: "port-forward" }],
  ["kubectl run -it x --image=y", "refused-stream", { command: "run -it" }],
  ["kubectl proxy", "refused-local", { command: "proxy" }],
  ["kubctl get pods", "no-program-near", { word: "kubctl", near: "kubectl" }],
  ["rm -rf /", "no-program", { word: "rm" }],
  ["kubectl get pods | wc -l", "no-shell", { mark: "|" }],
  ["kubectl get pods 'x", "open-quote", { quote: "'" }],
  ["kubectl -n default get pods", "flag-first", { flag: "-n" }],
  ["kubectl apply -f web.yaml", "no-files", { file: "web.yaml" }],
  ["kubectl apply -f https://k8s.io/x.yaml", "no-addresses", { file: "https://k8s.io/x.yaml" }],
]) {
  test(`it says in the reader's words what it cannot do: ${line}`, async () => {
    const { run, asked } = started();
    const { said, code, out, err } = await run(line);
    assert.deepEqual([said, code, out, err], [[[id, params]], 1, "", ""]);
    assert.equal(asked.filter(({ method }) => method !== "GET").length, 0);
  });
}

for (const [line, err] of [
  ["kubectl get pods nope", 'Error from server (NotFound): pods "nope" not found\n'],
  ["kubectl get nosuch", 'error: the server doesn\'t have a resource type "nosuch"\n'],
  ["kubectl delete deploy web", 'Error from server (Forbidden): deployments.apps "web" is forbidden: no\n'],
  ["kubectl get pods -o foo", 'error: unable to match a printer suitable for the output format "foo", allowed formats are: custom-columns,json,jsonpath,jsonpath-as-json,name,wide,yaml\n'],
  ["kubectl scale deploy web", "error: The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0\nSee 'kubectl scale -h' for help and examples\n"],
  ["kubectl set image deploy/web x=y", 'error: unable to find container named "x"\n'],
]) {
  test(`refused in kubectl's words: ${line}`, async () => {
    const { run } = started();
    assert.deepEqual(await run(line), { out: "", err, said: [], code: 1 });
  });
}

test("causes of a refusal", async () => {
  const { run } = started();
  assert.equal((await run("kubectl apply -f -", "kind: Service\napiVersion: v1\nmetadata: {name: web}\n")).err, 'The Service "web" is invalid: spec.ports: Required value\n');
});

test("what runs behind a manifest: looked for, then written with itself in an annotation", async () => {
  const { run, asked } = started();
  const { out } = await run("kubectl apply -f -", "kind: Namespace\napiVersion: v1\nmetadata: {name: demo}\n---\n");
  assert.equal(out, "namespace/demo created\n");
  const [look, write] = asked.slice(-2);
  assert.deepEqual([look.method, look.path], ["GET", "/api/v1/namespaces/demo"]);
  assert.equal(write.query, "fieldManager=kubectl-client-side-apply&fieldValidation=Strict");
  assert.equal(JSON.parse(write.body).metadata.annotations["kubectl.kubernetes.io/last-applied-configuration"], '{"apiVersion":"v1","kind":"Namespace","metadata":{"annotations":{},"name":"demo"}}\n');
});

test("an image is set by a patch of that image alone", async () => {
  const { run, asked } = started();
  assert.equal((await run("kubectl set image deploy/web web=nginx:2")).out, "deployment.apps/web image updated\n");
  assert.deepEqual(JSON.parse(asked.at(-1).body), { spec: { template: { spec: { "$setElementOrder/containers": [{ name: "web" }], containers: [{ image: "nginx:2", name: "web" }] } } } });
});

test("an edit that changes nothing sends nothing", async () => {
  const { kubectl, asked } = started();
  let shown = "";
  let err = "";
  const code = await kubectl.run("kubectl edit deploy web", { out: () => {}, err: (text) => (err += text), say: () => {}, box: async (_, text) => (shown = text) });
  assert.match(shown, /^# Please edit the object below/);
  assert.deepEqual([err, code], ["Edit cancelled, no changes made.\n", 0]);
  assert.ok(asked.every(({ method }) => method === "GET"));
});

test("a dry run of the client asks nobody to change anything", async () => {
  const { run, asked } = started();
  const { out } = await run("kubectl create deployment hello --image=nginx:1 --dry-run=client -o yaml");
  assert.match(out, /^apiVersion: apps\/v1\nkind: Deployment\nmetadata:\n  labels:\n    app: hello\n  name: hello\nspec:\n  replicas: 1\n/);
  assert.ok(asked.every(({ method }) => method === "GET"));
});

test("the namespace of the context can be changed", async () => {
  const { run, asked } = started();
  await run("kubectl config set-context --current --namespace=kube-system");
  await run("kubectl get pods");
  assert.equal(asked.at(-1).path, "/api/v1/namespaces/kube-system/pods");
});

test("stopped: no words, and the shell's own code", async () => {
  const { kubectl } = started();
  const end = new AbortController();
  kubectl.at.fetch = async () => {
    end.abort();
    throw end.signal.reason;
  };
  let words = "";
  const write = (text) => (words += text);
  assert.equal(await kubectl.run("kubectl get pods -w", { out: write, err: write, say: write, box: async () => "" }, end.signal), 130);
  assert.equal(words, "");
});

for (const [typed, found] of [
  ["ku", ["kubectl"]],
  ["kubectl desc", ["describe"]],
  ["kubectl rollout s", ["status"]],
  ["kubectl get po", ["pods"]],
  ["kubectl get ", ["pods", "deployments", "services", "nodes", "namespaces"]],
  ["kubectl get pods web-", ["web-0", "web-1"]],
  ["kubectl get pods web-0 ", ["web-1"]],
  ["kubectl scale ", ["deployments"]],
  ["kubectl scale deploy/", ["deploy/web"]],
  ["kubectl cordon worker-", ["worker-1", "worker-2"]],
  ["kubectl logs we", ["web-0", "web-1"]],
  ["kubectl get pods -n kube", ["kube-system"]],
  ["kubectl get pods --namespace=k", ["--namespace=kube-system"]],
  ["kubectl get pods -o ya", ["yaml"]],
  ["kubectl get pods --show-l", ["--show-labels"]],
  ["kubectl get pods --field", ["--field-selector="]],
  ["kubectl set image deploy/web ", ["web="]],
  ["kubectl create dep", ["deployment"]],
  ["kubectl get nosuch ", []],
  ["kubectl frob ", []],
]) {
  test(`Tab after: ${typed}`, async () => assert.deepEqual((await complete(started().kubectl, typed)).found, found));
}
