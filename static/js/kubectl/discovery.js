/** What kinds the server has, and what a reader may call them. */

import { Failure } from "./failure.js";

const ACCEPT = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";

/**
 * @typedef {object} Resource
 * @property {string} plural
 * @property {string} singular
 * @property {string} kind
 * @property {string[]} shortNames
 * @property {string} group
 * @property {string} version
 * @property {boolean} namespaced
 * @property {string[]} verbs
 * @property {string[]} categories
 * @property {string[]} subresources
 */

/** @param {Resource} resource @returns {string} "deployments.apps" */
export function full(resource) {
  return resource.group ? `${resource.plural}.${resource.group}` : resource.plural;
}

/** @param {Resource} resource @returns {string} "deployment.apps", as in `deployment.apps/web` */
export function single(resource) {
  const name = resource.singular || resource.kind.toLowerCase();
  return resource.group ? `${name}.${resource.group}` : name;
}

/** @param {Resource} resource */
export function apiVersion(resource) {
  return resource.group ? `${resource.group}/${resource.version}` : resource.version;
}

/** @param {Resource} resource @param {string} [namespace] @param {string} [name] @param {string} [subresource] */
export function path(resource, namespace = "", name = "", subresource = "") {
  const root = resource.group ? `/apis/${resource.group}/${resource.version}` : `/api/${resource.version}`;
  const within = resource.namespaced && namespace ? `/namespaces/${encodeURIComponent(namespace)}` : "";
  return [`${root}${within}/${resource.plural}`, name && encodeURIComponent(name), subresource].filter(Boolean).join("/");
}

export class Discovery {
  /** @type {Resource[]|undefined} */
  #all;
  /** @type {Promise<Resource[]>|undefined} */
  #asked;

  /** @param {Api} api */
  constructor(api) {
    this.api = api;
    this.groups = [];
  }

  /** @param {boolean} [anew] @returns {Promise<Resource[]>} every version of every resource, the preferred version first */
  async all(anew = false) {
    if (this.#all && !anew) return this.#all;
    this.#asked ??= this.#fetch().finally(() => {
      this.#asked = undefined;
    });
    return this.#asked;
  }

  /** What is known by now, without asking. */
  get known() {
    return this.#all ?? [];
  }

  async #fetch() {
    const answers = [];
    for (const root of ["/api", "/apis"]) answers.push(await this.api.json("GET", root, { accept: ACCEPT }));
    const found = [];
    this.groups = [];
    for (const answer of answers) {
      for (const item of answer.items ?? []) {
        const group = item.metadata?.name ?? "";
        for (const { version, resources = [] } of item.versions ?? []) {
          this.groups.push(group ? `${group}/${version}` : version);
          for (const each of resources) found.push(record(group, version, each));
        }
      }
    }
    this.#all = found;
    return found;
  }

  /** One version of each resource. */
  async preferred() {
    const seen = new Set();
    return (await this.all()).filter((each) => !seen.has(full(each)) && seen.add(full(each)));
  }

  /**
   * @param {string} word  "po", "deployments.apps", "Deployment", "deployments.v1.apps"
   * @returns {Promise<Resource>}
   */
  async find(word) {
    let found = lookup(await this.all(), word);
    found ??= lookup(await this.all(true), word); // a kind that came since
    if (!found) throw new Failure(`error: the server doesn't have a resource type "${word}"`);
    return found;
  }

  /** @param {string} version  apiVersion @param {string} kind @returns {Promise<Resource|undefined>} */
  async ofKind(version, kind) {
    const match = (all) => all.find((each) => each.kind === kind && apiVersion(each) === version);
    return match(await this.all()) ?? match(await this.all(true));
  }

  /** @param {string} category  "all" */
  async inCategory(category) {
    return (await this.preferred()).filter((each) => each.categories.includes(category));
  }
}

/** @param {string} group @param {string} version @param {object} each @returns {Resource} */
function record(group, version, each) {
  return {
    plural: each.resource,
    singular: each.singularResource ?? "",
    kind: each.responseKind?.kind ?? "",
    shortNames: each.shortNames ?? [],
    group,
    version,
    namespaced: each.scope === "Namespaced",
    verbs: each.verbs ?? [],
    categories: each.categories ?? [],
    subresources: (each.subresources ?? []).map((sub) => sub.subresource),
  };
}

/** @param {Resource[]} all @param {string} word */
function lookup(all, word) {
  const [name, ...rest] = word.toLowerCase().split(".");
  const group = rest.join(".");
  const named = (each) => each.plural === name || each.singular === name || each.kind.toLowerCase() === name || each.shortNames.includes(name);
  const candidates = all.filter(named);
  if (!group) return candidates.find((each) => each.plural === name || each.singular === name) ?? candidates[0];
  return (
    candidates.find((each) => each.group === group) ??
    candidates.find((each) => `${each.version}.${each.group}` === group || (each.version === group && !each.group)) ??
    candidates.find((each) => each.group.startsWith(group))
  );
}
