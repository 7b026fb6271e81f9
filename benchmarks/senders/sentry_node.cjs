// An HTTP server with @sentry/node that fails in each request; writes events into a folder.
"use strict";

const fs = require("node:fs");
const path = require("node:path");
const Sentry = require("@sentry/node");

const folder = process.argv[2];
let written = 0;

// Instead of sending: the bytes of each event, as they are in the envelope.
function toFolder(options) {
  return Sentry.createTransport(options, async (request) => {
    const [, ...lines] = Buffer.from(request.body).toString("utf8").split("\n");
    for (let i = 0; i + 1 < lines.length; i += 2) {
      if (JSON.parse(lines[i]).type === "event") {
        const name = `node-${String(written++).padStart(3, "0")}.json`;
        fs.writeFileSync(path.join(folder, name), lines[i + 1]);
      }
    }
    return { statusCode: 200 };
  });
}

Sentry.init({
  dsn: "https://public@sentry.example/1",
  transport: toFolder,
  sendDefaultPii: true,
  includeLocalVariables: true,
  release: "shop@4.2.0",
  environment: "production",
});

const http = require("node:http");

class CheckoutError extends Error {
  constructor(message, options) {
    super(message, options);
    this.name = "CheckoutError";
  }
}

const coupons = { SPRING: 0.1, STAFF: 0.3 };

function discounted(total, code) {
  const coupon = coupons[code];
  return total * (1 - coupon.rate.value);
}

function checkout(cart, customer) {
  const total = cart.items.reduce((sum, item) => sum + item.quantity * 500, 0);
  console.log(`order of ${cart.items.length} lines over ${total} for customer ${customer.id}`);
  try {
    return discounted(total, cart.coupon);
  } catch (error) {
    throw new CheckoutError(`cannot place order of ${cart.items.length} lines`, { cause: error });
  }
}

function category(sku, depth = 0) {
  if (depth > 12 + (Number(sku.slice(4)) % 30)) {
    throw new RangeError(`no parent above ${sku}`);
  }
  return [sku, ...category(`SKU-${String(Number(sku.slice(4)) + 1).padStart(4, "0")}`, depth + 1)];
}

function serve(request, body, number) {
  const customer = {
    id: String(4000 + number),
    email: `visitor${number}@mail.example`,
    ip_address: `198.51.100.${(number % 250) + 1}`,
  };
  Sentry.setUser(customer);
  Sentry.setTag("region", "eu-west-1");
  Sentry.addBreadcrumb({ category: "auth", message: "session restored", level: "info" });
  if (request.url.startsWith("/checkout")) {
    return checkout(JSON.parse(body), customer);
  }
  if (request.url.startsWith("/report")) {
    console.error("report has 1 group, expected 3");
    return JSON.parse('{"groups": }');
  }
  return category(`SKU-${String(number).padStart(4, "0")}`);
}

const server = http.createServer((request, response) => {
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    try {
      serve(request, Buffer.concat(chunks).toString(), Number(request.headers["x-number"]));
      response.end("done");
    } catch (error) {
      Sentry.captureException(error);
      response.statusCode = 500;
      response.end("failed");
    }
  });
});

function visit(port, number) {
  const kind = number % 3;
  const body = JSON.stringify({
    items: [0, 1, 2, 3].map((i) => ({ sku: `SKU-${number + i}`, quantity: i + 1 })),
    coupon: `AUTUMN${number}`,
  });
  const options = {
    port,
    method: kind === 0 ? "POST" : "GET",
    path: ["/checkout?step=3", "/catalogue?sort=price", "/report?month=2026-11"][kind],
    headers: {
      "X-Number": number,
      "X-Forwarded-For": `198.51.100.${(number % 250) + 1}`,
      "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:131.0) Gecko/20100101 Firefox/131.0",
      Accept: "application/json, text/html;q=0.9, */*;q=0.8",
      Cookie: `theme=dark; sessionid=${String(number * 7919).padStart(16, "0")}`,
      Referer: `https://shop.example/basket?step=${number % 4}`,
    },
  };
  return new Promise((resolve, reject) => {
    const request = http.request(options, (response) => {
      response.resume();
      response.on("end", resolve);
    });
    request.on("error", reject);
    request.end(kind === 0 ? body : undefined);
  });
}

server.listen(0, "127.0.0.1", async () => {
  for (let number = 0; number < 60; number++) {
    await visit(server.address().port, number);
  }
  await Sentry.flush(5000);
  server.close();
});
