/**
 * Strategic merge patches: what must be sent so that an object becomes another, its lists matched by their keys.
 * Kinds of CustomResourceDefinitions know no keys; for them the same is made as a plain merge patch.
 */

/** Lists whose parts are told apart by a field. `ports` depends on whose they are. */
const KEYS = {
  containers: ["name"],
  initContainers: ["name"],
  ephemeralContainers: ["name"],
  env: ["name"],
  volumes: ["name"],
  volumeMounts: ["mountPath"],
  volumeDevices: ["devicePath"],
  imagePullSecrets: ["name"],
  secrets: ["name"],
  resourceClaims: ["name"],
  hostAliases: ["ip"],
  topologySpreadConstraints: ["topologyKey"],
  conditions: ["type"],
  addresses: ["type"],
  ownerReferences: ["uid"],
  ports: ["containerPort", "port"],
};

/** @param {string} field @param {object[]} parts @returns {string|undefined} the field that tells them apart */
function keyOf(field, parts) {
  return (KEYS[field] ?? []).find((key) => parts.every((part) => part !== null && typeof part === "object" && part[key] !== undefined));
}

/** @param {*} value */
const isMap = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

/** @param {*} one @param {*} other @returns {boolean} */
export function equal(one, other) {
  if (one === other) return true;
  if (Array.isArray(one) && Array.isArray(other)) return one.length === other.length && one.every((each, number) => equal(each, other[number]));
  if (!isMap(one) || !isMap(other)) return false;
  const keys = Object.keys(one);
  return keys.length === Object.keys(other).length && keys.every((key) => Object.hasOwn(other, key) && equal(one[key], other[key]));
}

/**
 * @param {object} original  what was wanted before: fields that left it since are deleted
 * @param {object} modified  what is wanted now
 * @param {object} current  what there is
 * @param {boolean} [keyed]  lists are merged by their keys
 * @returns {object} the patch, empty if there is nothing to do
 */
export function threeWay(original, modified, current, keyed = true) {
  const patch = {};
  for (const [field, wanted] of Object.entries(modified)) {
    if (wanted === undefined) continue;
    const there = current?.[field];
    const before = original?.[field];
    if (isMap(wanted) && isMap(there)) {
      const inner = threeWay(isMap(before) ? before : {}, wanted, there, keyed);
      if (Object.keys(inner).length) patch[field] = inner;
    } else if (keyed && Array.isArray(wanted) && Array.isArray(there) && keyOf(field, [...wanted, ...there])) {
      Object.assign(patch, list(field, keyOf(field, [...wanted, ...there]), Array.isArray(before) ? before : [], wanted, there));
    } else if (!equal(wanted, there) && !(wanted === null && there === undefined)) patch[field] = wanted;
  }
  for (const field of Object.keys(original ?? {})) {
    if (modified[field] === undefined && current?.[field] !== undefined) patch[field] = null;
  }
  return patch;
}

/** @param {string} field @param {string} key @param {object[]} before @param {object[]} wanted @param {object[]} there */
function list(field, key, before, wanted, there) {
  const parts = [];
  for (const part of wanted) {
    const known = there.find((each) => each[key] === part[key]);
    if (!known) parts.push(part);
    else {
      const inner = threeWay(before.find((each) => each[key] === part[key]) ?? {}, part, known);
      if (Object.keys(inner).length) parts.push({ ...inner, [key]: part[key] });
    }
  }
  for (const part of before) {
    if (wanted.every((each) => each[key] !== part[key]) && there.some((each) => each[key] === part[key])) parts.push({ $patch: "delete", [key]: part[key] });
  }
  if (parts.length === 0) return {};
  return { [`$setElementOrder/${field}`]: wanted.map((part) => ({ [key]: part[key] })), [field]: parts };
}

/** @param {object} before @param {object} after @param {boolean} [keyed] @returns {object} what makes one of the other */
export function twoWay(before, after, keyed = true) {
  return threeWay(before, after, before, keyed);
}
