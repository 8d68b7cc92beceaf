/** Containers, volumes and Pod templates, as descriptions show them. */

import { stamp } from "../times.js";
import { annotations, labels, selectorText, tolerations } from "./page.js";
import { shown, walk } from "../jsonpath.js";

/** @typedef {Page} Page */

/** @param {string} text */
const orNone = (text) => text || "<none>";

/** @param {object} probe */
function probeText(probe) {
  const numbers = `delay=${probe.initialDelaySeconds ?? 0}s timeout=${probe.timeoutSeconds ?? 0}s period=${probe.periodSeconds ?? 0}s #success=${probe.successThreshold ?? 0} #failure=${probe.failureThreshold ?? 0}`;
  if (probe.exec) return `exec [${(probe.exec.command ?? []).join(" ")}] ${numbers}`;
  if (probe.httpGet) {
    const { scheme = "", host = "", port, path = "" } = probe.httpGet;
    return `http-get ${scheme.toLowerCase()}://${host}:${port}${path} ${numbers}`;
  }
  if (probe.tcpSocket) return `tcp-socket ${probe.tcpSocket.host ?? ""}:${probe.tcpSocket.port} ${numbers}`;
  if (probe.grpc) return `grpc <pod>:${probe.grpc.port} ${probe.grpc.service ?? ""} ${numbers}`;
  return `unknown ${numbers}`;
}

/** @param {Page} page @param {string} name @param {object|undefined} state */
function stateLines(page, name, state = {}) {
  const { running, terminated, waiting } = state;
  if (running) {
    page.write(2, `${name}:\tRunning\n`);
    page.write(3, `Started:\t${stamp(running.startedAt)}\n`);
  } else if (terminated) {
    page.write(2, `${name}:\tTerminated\n`);
    if (terminated.reason) page.write(3, `Reason:\t${terminated.reason}\n`);
    if (terminated.message) page.write(3, `Message:\t${terminated.message}\n`);
    page.write(3, `Exit Code:\t${terminated.exitCode ?? 0}\n`);
    if (terminated.signal) page.write(3, `Signal:\t${terminated.signal}\n`);
    page.write(3, `Started:\t${stamp(terminated.startedAt)}\n`);
    page.write(3, `Finished:\t${stamp(terminated.finishedAt)}\n`);
  } else {
    page.write(2, `${name}:\tWaiting\n`);
    if (waiting?.reason) page.write(3, `Reason:\t${waiting.reason}\n`);
  }
}

/** @param {Page} page @param {object|undefined} resources @param {number} level */
export function resourceLines(page, resources, level) {
  for (const [title, found] of [["Limits", resources?.limits], ["Requests", resources?.requests]]) {
    const names = Object.keys(found ?? {}).sort();
    if (names.length) page.write(level, `${title}:\n`);
    for (const name of names) page.write(level + 1, `${name}:\t${found[name]}\n`);
  }
}

/** @param {Page} page @param {object} container @param {object|undefined} pod */
function environment(page, container, pod) {
  if (container.envFrom?.length) {
    page.write(2, "Environment Variables from:\n");
    for (const each of container.envFrom) {
      const [from, source] = each.configMapRef ? ["ConfigMap", each.configMapRef] : ["Secret", each.secretRef ?? {}];
      const prefix = each.prefix ? ` with prefix '${each.prefix}'` : "";
      page.write(3, `${source.name}\t${from}${prefix}\tOptional: ${Boolean(source.optional)}\n`);
    }
  }
  page.write(2, `Environment:${container.env?.length ? "" : "\t<none>"}\n`);
  for (const { name, value = "", valueFrom } of container.env ?? []) {
    if (!valueFrom) {
      value.split("\n").forEach((part, number) => page.write(3, `${number ? "" : `${name}:`}\t${part}\n`));
    } else if (valueFrom.fieldRef) {
      // Only metadata is looked up, as the real one does.
      const found = pod && valueFrom.fieldRef.fieldPath.startsWith("metadata.") ? shown(walk(`.${valueFrom.fieldRef.fieldPath}`, pod)[0]) : "";
      page.write(3, `${name}:\t${found} (${valueFrom.fieldRef.apiVersion}:${valueFrom.fieldRef.fieldPath})\n`);
    } else if (valueFrom.resourceFieldRef) {
      const { resource } = valueFrom.resourceFieldRef;
      const [list, key] = resource.split(".");
      page.write(3, `${name}:\t${container.resources?.[list]?.[key] ?? "node allocatable"} (${resource})\n`);
    } else if (valueFrom.secretKeyRef) {
      const { key, name: secret, optional } = valueFrom.secretKeyRef;
      page.write(3, `${name}:\t<set to the key '${key}' in secret '${secret}'>\tOptional: ${Boolean(optional)}\n`);
    } else if (valueFrom.configMapKeyRef) {
      const { key, name: map, optional } = valueFrom.configMapKeyRef;
      page.write(3, `${name}:\t<set to the key '${key}' of config map '${map}'>\tOptional: ${Boolean(optional)}\n`);
    }
  }
}

/**
 * @param {Page} page @param {string} label @param {object[]|undefined} containers
 * @param {object[]|undefined} statuses @param {object|undefined} pod  undefined: a template's @param {string} [space]
 */
export function containers(page, label, containers, statuses, pod, space = "") {
  const known = new Map((statuses ?? []).map((each) => [each.name, each]));
  page.write(0, `${space}${label}:${containers?.length ? "" : " <none>"}\n`);
  for (const each of containers ?? []) {
    const status = known.get(each.name);
    page.write(1, `${space ? " " : ""}${each.name}:\n`);
    if (status) page.write(2, `Container ID:\t${status.containerID ?? ""}\n`);
    page.write(2, `Image:\t${each.image}\n`);
    if (status) page.write(2, `Image ID:\t${status.imageID ?? ""}\n`);
    const ports = each.ports ?? [];
    const named = ({ name }) => (name ? ` (${name})` : "");
    page.write(2, `Port${ports.length > 1 ? "s" : ""}:\t${orNone(ports.map((port) => `${port.containerPort}/${port.protocol}${named(port)}`).join(", "))}\n`);
    page.write(2, `Host Port${ports.length > 1 ? "s" : ""}:\t${orNone(ports.map((port) => `${port.hostPort ?? 0}/${port.protocol}${named(port)}`).join(", "))}\n`);
    const seccomp = each.securityContext?.seccompProfile;
    if (seccomp) page.write(2, `SeccompProfile:\t${seccomp.type}\n`);
    for (const [title, words] of [["Command", each.command], ["Args", each.args]]) {
      if (!words?.length) continue;
      page.write(2, `${title}:\n`);
      for (const word of words) for (const part of word.split("\n")) page.write(3, `${part}\n`);
    }
    if (status) {
      stateLines(page, "State", status.state);
      if (status.lastState?.terminated) stateLines(page, "Last State", status.lastState);
      page.write(2, `Ready:\t${status.ready ? "True" : "False"}\n`);
      page.write(2, `Restart Count:\t${status.restartCount ?? 0}\n`);
    }
    resourceLines(page, each.resources, 2);
    if (each.livenessProbe) page.write(2, `Liveness:\t${probeText(each.livenessProbe)}\n`);
    if (each.readinessProbe) page.write(2, `Readiness:\t${probeText(each.readinessProbe)}\n`);
    if (each.startupProbe) page.write(2, `Startup:\t${probeText(each.startupProbe)}\n`);
    environment(page, each, pod);
    const mounts = [...(each.volumeMounts ?? [])].sort((one, other) => (one.mountPath < other.mountPath ? -1 : 1));
    page.write(2, `Mounts:${mounts.length ? "" : "\t<none>"}\n`);
    for (const mount of mounts) {
      const how = [mount.readOnly ? "ro" : "rw", ...(mount.subPath ? [`path="${mount.subPath}"`] : [])].join(",");
      page.write(3, `${mount.mountPath} from ${mount.name} (${how})\n`);
    }
    if (each.volumeDevices?.length) {
      page.write(2, "Devices:\n");
      for (const device of each.volumeDevices) page.write(3, `${device.devicePath} from ${device.name}\n`);
    }
  }
}

/** What a volume is, by the field that says it: its type line, then its fields. */
const VOLUMES = {
  hostPath: (v) => ["HostPath (bare host directory volume)", ["Path", v.path], ["HostPathType", v.type ?? "<none>"]],
  emptyDir: (v) => ["EmptyDir (a temporary directory that shares a pod's lifetime)", ["Medium", v.medium ?? ""], ["SizeLimit", v.sizeLimit ?? "<unset>"]],
  secret: (v) => ["Secret (a volume populated by a Secret)", ["SecretName", v.secretName], ["Optional", Boolean(v.optional)]],
  configMap: (v) => ["ConfigMap (a volume populated by a ConfigMap)", ["Name", v.name], ["Optional", Boolean(v.optional)]],
  persistentVolumeClaim: (v) => ["PersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)", ["ClaimName", v.claimName], ["ReadOnly", Boolean(v.readOnly)]],
  nfs: (v) => ["NFS (an NFS mount that lasts the lifetime of a pod)", ["Server", v.server], ["Path", v.path], ["ReadOnly", Boolean(v.readOnly)]],
  csi: (v) => ["CSI (a Container Storage Interface (CSI) volume source)", ["Driver", v.driver], ["FSType", v.fsType ?? ""], ["ReadOnly", Boolean(v.readOnly)]],
  ephemeral: () => ["EphemeralVolume (an inline specification for a volume that gets created and deleted with the pod)"],
  image: (v) => ["Image (a container image or OCI artifact)", ["Reference", v.reference], ["PullPolicy", v.pullPolicy]],
};

/** @param {Page} page @param {object[]|undefined} volumes @param {string} [space] */
export function volumes(page, volumes, space = "") {
  if (!volumes?.length) {
    page.write(0, `${space}Volumes:\t<none>\n`);
    return;
  }
  page.write(0, `${space}Volumes:\n`);
  for (const volume of volumes) {
    page.write(1, `${space ? " " : ""}${volume.name}:\n`);
    const kind = Object.keys(VOLUMES).find((each) => volume[each]);
    if (kind) {
      const [type, ...fields] = VOLUMES[kind](volume[kind]);
      page.write(2, `Type:\t${type}\n`);
      for (const [label, value] of fields) page.write(2, `${label}:\t${value}\n`);
    } else if (volume.projected) projected(page, volume.projected);
    else if (volume.downwardAPI) {
      page.write(2, "Type:\tDownwardAPI (a volume populated by information about the pod)\n    Items:\n");
      for (const item of volume.downwardAPI.items ?? []) page.write(3, `${item.fieldRef?.fieldPath ?? item.resourceFieldRef?.resource} -> ${item.path}\n`);
    } else page.write(1, "<unknown>\n");
  }
}

/** @param {Page} page @param {object} source */
function projected(page, source) {
  page.write(2, "Type:\tProjected (a volume that contains injected data from multiple sources)\n");
  for (const each of source.sources ?? []) {
    if (each.secret) page.write(2, `SecretName:\t${each.secret.name}\n    Optional:\t${Boolean(each.secret.optional)}\n`);
    else if (each.downwardAPI) page.write(2, "DownwardAPI:\ttrue\n");
    else if (each.configMap) page.write(2, `ConfigMapName:\t${each.configMap.name}\n    Optional:\t${Boolean(each.configMap.optional)}\n`);
    else if (each.serviceAccountToken) page.write(2, `TokenExpirationSeconds:\t${each.serviceAccountToken.expirationSeconds}\n`);
  }
}

/** @param {Page} page @param {object[]|undefined} constraints @param {string} [space] */
export function spread(page, constraints, space = "") {
  if (!constraints?.length) return;
  page.write(0, `${space}Topology Spread Constraints:\t`);
  const order = [...constraints].sort((one, other) => (one.topologyKey < other.topologyKey ? -1 : 1));
  order.forEach((each, number) => {
    const selector = each.labelSelector ? ` for selector ${selectorText(each.labelSelector)}` : "";
    page.write(0, `${number ? `${space}\t` : ""}${each.topologyKey}:${each.whenUnsatisfiable} when max skew ${each.maxSkew} is exceeded${selector}\n`);
  });
}

/** @param {Page} page @param {object} template */
export function template(page, template) {
  const { metadata = {}, spec = {} } = template;
  page.write(0, "Pod Template:\n");
  labels(page, "Labels", metadata.labels, "  ");
  if (Object.keys(metadata.annotations ?? {}).length) annotations(page, "  Annotations", metadata.annotations);
  if (spec.serviceAccountName) page.write(1, `Service Account:\t${spec.serviceAccountName}\n`);
  if (spec.initContainers?.length) containers(page, "Init Containers", spec.initContainers, undefined, undefined, "  ");
  containers(page, "Containers", spec.containers, undefined, undefined, "  ");
  volumes(page, spec.volumes, "  ");
  spread(page, spec.topologySpreadConstraints, "  ");
  if (spec.priorityClassName) page.write(1, `Priority Class Name:\t${spec.priorityClassName}\n`);
  labels(page, "Node-Selectors", spec.nodeSelector, "  ");
  tolerations(page, spec.tolerations, "  ");
}
