"""What the API can say of itself: OpenAPI v3, a document a version, and v2, one for all, in JSON and in protobuf.

Names, types and extensions are facts kept in `definitions/`, written by `generate.py` from a Kubernetes source; the
descriptions in `words/` are our own. `documents` puts them together, the schemas of custom kinds among them.

Models      k8s.io/kube-openapi (builder, builder3, handler, handler3), apiserver pkg/endpoints/installer.go
Leaves out  fields of old volume types have no sentence of their own; v3 in protobuf
"""
