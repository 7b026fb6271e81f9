// An application with @opentelemetry/sdk-node; the same as senders/opentelemetry_python.py.
// Environment: OTEL_EXPORTER_OTLP_ENDPOINT and _PROTOCOL, CANARIES and FRAGMENTS (JSON).
"use strict";

const { NodeSDK } = require("@opentelemetry/sdk-node");
const { SpanStatusCode, trace } = require("@opentelemetry/api");

const canaries = JSON.parse(process.env.CANARIES);
const fragments = JSON.parse(process.env.FRAGMENTS);

const sdk = new NodeSDK();
sdk.start();

function charge() {
  throw new TypeError(`${fragments.basic_auth}: ${fragments.aws_secret_key}`);
}

trace.getTracer("shop").startActiveSpan("POST /checkout", (span) => {
  span.setAttribute("client.address", canaries.ip);
  span.setAttribute("http.request.header.cookie", [fragments.session_cookie]);
  span.setAttribute("user.email", canaries.email);
  for (const [name, fragment] of Object.entries(fragments)) {
    span.addEvent("note", { [name]: canaries[name], text: fragment });
  }
  try {
    charge();
  } catch (error) {
    span.recordException(error);
    span.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
  }
  span.end();
});

sdk.shutdown().catch((error) => {
  console.error(error);
  process.exit(1);
});
