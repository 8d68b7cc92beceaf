/** describe service, ingress, endpointslice, networkpolicy. */

import { annotations, events, heading, labels, mapText, selectorText } from "./page.js";

/** @typedef {Page} Page */

/**
 * Addresses behind a port, the first three of them.
 * @param {object[]} slices @param {string} [name]  the port's; undefined: any
 */
function endpointsText(slices, name) {
  if (slices.length === 0) return "<none>";
  const found = slices.flatMap(({ ports, endpoints }) => {
    const ready = (endpoints ?? []).filter(({ conditions }) => conditions?.ready !== false).map(({ addresses }) => addresses[0]);
    if (!ports?.length) return ready;
    return ports.filter((port) => name === undefined || (port.name ?? "") === name).flatMap((port) => ready.map((address) => `${address.includes(":") ? `[${address}]` : address}:${port.port}`));
  });
  return found.slice(0, 3).join(",") + (found.length > 3 ? ` + ${found.length - 3} more...` : "");
}

/** @param {Page} page @param {object} object @param {object[]|undefined} found @param {object[]} slices */
export function service(page, object, found, slices) {
  const { spec, status = {} } = object;
  heading(page, object);
  page.field("Selector", mapText(spec.selector));
  page.field("Type", spec.type);
  if (spec.ipFamilyPolicy) page.field("IP Family Policy", spec.ipFamilyPolicy);
  page.field("IP Families", spec.ipFamilies?.join(",") || "<none>");
  page.field("IP", spec.clusterIP);
  page.field("IPs", spec.clusterIPs?.join(",") || "<none>");
  if (spec.externalIPs?.length) page.field("External IPs", spec.externalIPs.join(","));
  if (spec.loadBalancerIP) page.field("Desired LoadBalancer IP", spec.loadBalancerIP);
  if (spec.externalName) page.field("External Name", spec.externalName);
  const balancers = status.loadBalancer?.ingress ?? [];
  if (balancers.length) page.field("LoadBalancer Ingress", balancers.map(({ ip, hostname, ipMode }) => (ip ? `${ip}${ipMode ? ` (${ipMode})` : ""}` : hostname)).join(", "));
  for (const port of spec.ports ?? []) {
    const name = port.name || "<unset>";
    page.field("Port", `${name}\t${port.port}/${port.protocol}`);
    page.field("TargetPort", `${port.targetPort}/${port.protocol}`);
    if (port.appProtocol) page.field("AppProtocol", port.appProtocol);
    if (port.nodePort) page.field("NodePort", `${name}\t${port.nodePort}/${port.protocol}`);
    page.field("Endpoints", endpointsText(slices, port.name ?? ""));
  }
  page.field("Session Affinity", spec.sessionAffinity);
  if (spec.externalTrafficPolicy) page.field("External Traffic Policy", spec.externalTrafficPolicy);
  if (spec.internalTrafficPolicy) page.field("Internal Traffic Policy", spec.internalTrafficPolicy);
  if (spec.healthCheckNodePort) page.field("HealthCheck NodePort", spec.healthCheckNodePort);
  if (spec.loadBalancerSourceRanges?.length) page.field("LoadBalancer Source Ranges", spec.loadBalancerSourceRanges.join(","));
  if (spec.trafficDistribution) page.field("Traffic Distribution", spec.trafficDistribution);
  events(page, found);
}

/** @param {object|undefined} backend */
function backendText(backend) {
  if (!backend) return "<default>";
  const { service, resource } = backend;
  if (service) return `${service.name}:${service.port?.name ?? service.port?.number}`;
  return `APIGroup: ${resource.apiGroup ?? "<none>"}, Kind: ${resource.kind}, Name: ${resource.name}`;
}

/** @param {Page} page @param {object} object @param {object[]|undefined} found @param {Map<string, object[]>} slices  by Service */
export function ingress(page, { metadata, spec, status = {} }, found, slices) {
  const backend = (each) => (each?.service ? `${backendText(each)} (${slices.has(each.service.name) ? endpointsText(slices.get(each.service.name)) : `<error: services "${each.service.name}" not found>`})` : backendText(each));
  page.field("Name", metadata.name);
  labels(page, "Labels", metadata.labels);
  page.field("Namespace", metadata.namespace);
  page.field("Address", (status.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip ?? hostname).join(","));
  page.field("Ingress Class", spec.ingressClassName ?? "<none>");
  page.field("Default backend", backend(spec.defaultBackend));
  if (spec.tls?.length) {
    page.write(0, "TLS:\n");
    for (const { hosts = [], secretName } of spec.tls) page.write(1, secretName ? `${secretName} terminates ${hosts.join(",")}\n` : `SNI routes ${hosts.join(",")}\n`);
  }
  page.write(0, "Rules:\n  Host\tPath\tBackends\n");
  page.write(1, "----\t----\t--------\n");
  const rules = (spec.rules ?? []).filter(({ http }) => http);
  for (const { host, http } of rules) {
    page.write(1, `${host || "*"}\t\n`);
    for (const { path = "", backend: each } of http.paths) page.write(2, `\t${path} \t${backend(each)}\n`);
  }
  if (rules.length === 0) page.write(1, `*\t*\t${backend(spec.defaultBackend)}\n`);
  annotations(page, "Annotations", metadata.annotations);
  events(page, found);
}

/** @param {Page} page @param {object} object @param {object[]|undefined} found */
export function endpointSlice(page, object, found) {
  const { addressType, ports = [], endpoints = [] } = object;
  heading(page, object);
  page.field("AddressType", addressType);
  page.write(0, ports.length ? "Ports:\n" : "Ports: <unset>\n");
  if (ports.length) {
    page.write(1, "Name\tPort\tProtocol\n");
    page.write(1, "----\t----\t--------\n");
    for (const { name, port, protocol } of ports) page.write(1, `${name || "<unset>"}\t${port ?? "<unset>"}\t${protocol}\n`);
  }
  page.write(0, endpoints.length ? "Endpoints:\n" : "Endpoints:  <none>\n");
  for (const each of endpoints) {
    page.write(1, `- Addresses:\t${each.addresses?.join(", ") || "<none>"}\n`);
    page.write(2, "Conditions:\n");
    page.write(3, `Ready:\t${each.conditions?.ready ?? "<unset>"}\n`);
    page.write(2, `Hostname:\t${each.hostname ?? "<unset>"}\n`);
    if (each.targetRef) page.write(2, `TargetRef:\t${each.targetRef.kind}/${each.targetRef.name}\n`);
    page.write(2, `NodeName:\t${each.nodeName ?? "<unset>"}\n`);
    page.write(2, `Zone:\t${each.zone ?? "<unset>"}\n`);
  }
  events(page, found);
}

/** @param {Page} page @param {object[]|undefined} rules @param {"from"|"to"} side */
function traffic(page, rules, side) {
  const indent = "    ";
  const title = side === "from" ? "From" : "To";
  if (!rules?.length) {
    page.write(0, `${indent}<none> (Selected pods are isolated for ${side === "from" ? "ingress" : "egress"} connectivity)\n`);
    return;
  }
  rules.forEach((rule, number) => {
    if (!rule.ports?.length) page.write(0, `${indent}To Port: <any> (traffic allowed to all ports)\n`);
    for (const { port, protocol } of rule.ports ?? []) page.write(0, `${indent}To Port: ${port ?? "<any>"}/${protocol ?? "TCP"}\n`);
    if (!rule[side]?.length) page.write(0, `${indent}${title}: <any> (traffic not restricted by ${side === "from" ? "source" : "destination"})\n`);
    for (const peer of rule[side] ?? []) {
      page.write(0, `${indent}${title}:\n`);
      if (peer.namespaceSelector) page.write(0, `${indent}  NamespaceSelector: ${selectorText(peer.namespaceSelector)}\n`);
      if (peer.podSelector) page.write(0, `${indent}  PodSelector: ${selectorText(peer.podSelector)}\n`);
      if (peer.ipBlock) {
        page.write(0, `${indent}  IPBlock:\n${indent}    CIDR: ${peer.ipBlock.cidr}\n`);
        page.write(0, `${indent}    Except: ${(peer.ipBlock.except ?? []).join(", ")}\n`);
      }
    }
    if (number < rules.length - 1) page.write(0, `${indent}----------\n`);
  });
}

/** @param {Page} page @param {object} object */
export function networkPolicy(page, { metadata, spec }) {
  page.field("Name", metadata.name);
  page.field("Namespace", metadata.namespace);
  page.field("Created on", metadata.creationTimestamp?.replace("T", " ").replace("Z", " +0000 UTC"));
  labels(page, "Labels", metadata.labels);
  annotations(page, "Annotations", metadata.annotations);
  const every = Object.keys(spec.podSelector?.matchLabels ?? {}).length === 0 && !spec.podSelector?.matchExpressions?.length;
  page.write(0, `Spec:\n  PodSelector:     ${every ? "<none> (Allowing the specific traffic to all pods in this namespace)" : selectorText(spec.podSelector)}\n`);
  const types = spec.policyTypes ?? ["Ingress", ...(spec.egress ? ["Egress"] : [])];
  if (types.includes("Ingress")) {
    page.write(1, "Allowing ingress traffic:\n");
    traffic(page, spec.ingress, "from");
  } else page.write(1, "Not affecting ingress traffic\n");
  if (types.includes("Egress")) {
    page.write(1, "Allowing egress traffic:\n");
    traffic(page, spec.egress, "to");
  } else page.write(1, "Not affecting egress traffic\n");
  page.write(1, `Policy Types: ${types.join(", ")}\n`);
}
