// An application with @sentry/node that leaks every canary; the same as senders/sentry_python.py.
// Environment: SENTRY_DSN, CANARIES and FRAGMENTS (JSON).
"use strict";

const Sentry = require("@sentry/node");

const canaries = JSON.parse(process.env.CANARIES);
const fragments = JSON.parse(process.env.FRAGMENTS);

Sentry.init({
  dsn: process.env.SENTRY_DSN,
  sendDefaultPii: true,
  tracesSampleRate: 1.0,
  enableLogs: true,
  release: "shop@4.2.0",
  environment: "production",
});

function charge() {
  throw new TypeError(`${fragments.basic_auth}: ${fragments.aws_secret_key}`);
}

async function main() {
  Sentry.setUser({
    id: canaries.email,
    email: canaries.email,
    ip_address: canaries.ip,
    username: canaries.email,
  });
  Sentry.setTag("customer", canaries.email);
  Sentry.setExtra("payment", { iban: canaries.iban, stripe: canaries.stripe_key });
  Sentry.setExtra("dump", JSON.stringify(canaries));
  Sentry.setContext("tenant", { contact: fragments.phone, plan: "gold" });
  for (const fragment of Object.values(fragments)) {
    Sentry.addBreadcrumb({ message: fragment, category: "app", data: { note: fragment } });
  }
  Sentry.getCurrentScope().addAttachment({
    filename: "debug.txt",
    data: Object.values(fragments).join("\n"),
    contentType: "text/plain",
  });
  await Sentry.startSpan({ name: "POST /checkout", op: "http.server" }, async (span) => {
    span.setAttribute("url.full", fragments.basic_auth);
    try {
      charge();
    } catch (error) {
      Sentry.captureException(error);
    }
  });
  Sentry.captureMessage(Object.values(fragments).join("; "), "warning");
  for (const fragment of Object.values(fragments)) {
    Sentry.logger.error(fragment, { fragment });
  }
  if (!(await Sentry.flush(300000))) {
    throw new Error("not everything was sent");
  }
}

main();
