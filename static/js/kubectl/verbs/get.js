/** get: lists and objects, as tables or whole, once or as they change. */

import { apiVersion, path } from "../discovery.js";
import { Failure, Refused } from "../failure.js";
import { SETS } from "../flags.js";
import { form, printed } from "../output.js";
import { TablePrinter, sorted } from "../tables.js";
import { address, described, namespaceFor, selection, targets } from "../targets.js";

export const get = {
  name: "get",
  usage: "get TYPE [NAME | -l LABEL] [-o FORM] [-w]",
  kinds: true,
  flags: {
    ...SETS.output,
    ...SETS.select,
    ...SETS.files,
    watch: { kind: "bool", short: "w" },
    "watch-only": { kind: "bool" },
    "output-watch-events": { kind: "bool" },
    "show-labels": { kind: "bool" },
    "show-kind": { kind: "bool" },
    "show-managed-fields": { kind: "bool" },
    "label-columns": { kind: "list", short: "L" },
    "sort-by": { kind: "text", values: [".metadata.name", ".metadata.creationTimestamp", ".lastTimestamp"] },
    "no-headers": { kind: "bool" },
    "ignore-not-found": { kind: "bool" },
    "chunk-size": { kind: "number" },
    subresource: { kind: "text", values: ["status", "scale"] },
    template: { kind: "text" },
    raw: { kind: "text" },
  },
  run,
};

/** @param {Line} line */
async function run(line) {
  if (line.flags.raw) {
    const response = await line.api.send("GET", line.flags.raw, { accept: "application/json, */*" });
    line.out(await response.text());
    return;
  }
  const wanted = line.flags.filename ? (await described(line)).map(({ resource, name }) => ({ resource, name })) : await targets(line, line.args);
  if (wanted.length === 0) {
    throw new Failure(
      `You must specify the type of resource to get. Use "kubectl api-resources" for a complete list of supported resources.\n\nerror: Required resource not specified.\nUse "kubectl explain <resource>" for a detailed description of that resource (e.g. kubectl explain pods).\nSee 'kubectl get -h' for help and examples`,
    );
  }
  const { form: shape } = form(line);
  const watching = line.flags.watch || line.flags["watch-only"];
  if (watching && new Set(wanted.map(({ resource }) => resource)).size > 1) throw new Failure("error: you may only specify a single resource type");
  if (watching && wanted.length > 1) throw new Failure("error: you may only specify a single resource name with --watch");
  if (shape && shape !== "wide") await whole(line, wanted, watching);
  else await tables(line, wanted, shape === "wide", watching);
}

/** @param {Line} line @param {Target[]} wanted @param {boolean} wide @param {boolean} watching */
async function tables(line, wanted, wide, watching) {
  const kinds = new Set(wanted.map(({ resource }) => resource)).size > 1 || line.args.some((each) => each === "all" || each.includes("/")) && wanted.length > 1 || line.flags["show-kind"];
  const sort = line.flags["sort-by"];
  let printer;
  let last;
  let any = false;
  for (const { resource, name } of wanted) {
    const namespace = namespaceFor(line, resource);
    if (resource !== last) {
      printer = new TablePrinter({
        wide,
        headers: !line.flags["no-headers"],
        namespace: resource.namespaced && Boolean(line.flags["all-namespaces"]),
        labels: line.flags["show-labels"],
        columns: (line.flags["label-columns"] ?? []).flatMap((each) => each.split(",")),
        kind: kinds ? resource : undefined,
      });
    }
    let table;
    const query = name ? {} : selection(line);
    if (sort) query.includeObject = "Object";
    const where = path(resource, namespace, name, name ? line.flags.subresource : "");
    if (!line.flags["watch-only"]) {
      try {
        table = name
          ? await line.api.table(where, query)
          : await line.api.list(where, { ...query, limit: sort ? undefined : (line.flags["chunk-size"] ?? 500) }, TABLE);
      } catch (error) {
        if (!(error instanceof Refused) || !name || error.code !== 404) throw error;
        if (!line.flags["ignore-not-found"]) line.fail(error);
        continue;
      }
      if (sort && !name) {
        const rows = sorted(table.rows ?? [], sort, (row) => row.object);
        if (!rows) throw new Failure(`error: couldn't find any field with path "{${sort.replace(/^\{|\}$/g, "")}}" in the list of objects`);
        table = { ...table, rows };
      }
      const text = printer.print(table, line.flags["output-watch-events"] && watching ? "ADDED" : "");
      if (text && any && resource !== last) line.out("\n");
      if (text) any = true;
      line.out(text);
    }
    last = resource;
    if (watching) await follow(line, resource, namespace, name, table, printer, query);
  }
  if (!any && !line.failed && !watching && !line.flags["ignore-not-found"]) nothing(line, wanted);
}

const TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

/** @param {Line} line @param {Target[]} wanted */
function nothing(line, wanted) {
  const within = !line.flags["all-namespaces"] && wanted.every(({ resource }) => resource.namespaced);
  line.err(within ? `No resources found in ${line.namespace} namespace.\n` : "No resources found\n");
}

/** Prints what happens until the reader has seen enough. */
async function follow(line, resource, namespace, name, table, printer, query) {
  const since = table?.metadata?.resourceVersion ?? table?.rows?.[0]?.object?.metadata?.resourceVersion;
  const only = name ? { fieldSelector: `metadata.name=${name}` } : query;
  for await (const { type, object } of line.api.watch(path(resource, namespace), { ...only, resourceVersion: since, allowWatchBookmarks: true }, true)) {
    if (type === "BOOKMARK") continue;
    if (type === "ERROR") throw new Refused(object, object.code);
    line.out(printer.print(object, line.flags["output-watch-events"] ? type : ""));
  }
}

/** @param {Line} line @param {Target[]} wanted @param {boolean} watching */
async function whole(line, wanted, watching) {
  const found = [];
  let since;
  for (const { resource, name } of wanted) {
    const namespace = namespaceFor(line, resource);
    try {
      if (name) found.push({ resource, namespace, name, object: await line.api.get(address({ resource, namespace, name }, line.flags.subresource)) });
      else {
        const list = await line.api.list(path(resource, namespace), selection(line));
        since = list.metadata?.resourceVersion;
        for (const item of list.items) found.push({ resource, namespace, name: item.metadata.name, object: { apiVersion: apiVersion(resource), kind: resource.kind, ...item } });
      }
    } catch (error) {
      if (!(error instanceof Refused) || !name || error.code !== 404) throw error;
      if (!line.flags["ignore-not-found"]) line.fail(error);
    }
  }
  if (line.failed && found.length === 0) return;
  const list = wanted.length > 1 || !wanted[0].name;
  const order = line.flags["sort-by"] ? (sorted(found, line.flags["sort-by"], ({ object }) => object) ?? found) : found;
  if (!line.flags["watch-only"]) line.out(printed(line, order, list && !watching));
  if (!watching) return;
  const [{ resource, name }] = wanted;
  const query = name ? { fieldSelector: `metadata.name=${name}` } : selection(line);
  const version = since ?? found[0]?.object.metadata.resourceVersion;
  for await (const { type, object } of line.api.watch(path(resource, namespaceFor(line, resource)), { ...query, resourceVersion: version, allowWatchBookmarks: true })) {
    if (type === "BOOKMARK") continue;
    if (type === "ERROR") throw new Refused(object, object.code);
    line.out(printed(line, [{ resource, namespace: object.metadata.namespace ?? "", name: object.metadata.name, object }], false));
  }
}
