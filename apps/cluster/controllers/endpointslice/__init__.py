"""EndpointSlices and Endpoints: who answers for a Service."""
