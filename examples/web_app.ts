/**
 * A web app with MQTT as one of its routes: one port, one login. The page connects twice, with the browser's own
 * `WebSocket` and with MQTT.js; the broker lets in whoever has the session cookie of the app.
 *
 * Run: deno run -A examples/web_app.ts, then open http://127.0.0.1:8000/
 */

import mqttJs from "mqtt/dist/mqtt.min" with { type: "text" };
import { Broker, ReasonCode } from "@brooklet/brooklet";

/** Value of the session cookie. */
function sessionOf(headers: Headers | undefined): string {
  return /(?:^|;\s*)session=([^;]+)/.exec(headers?.get("cookie") ?? "")?.[1] ?? "";
}

/** Who is logged in, by the value of the session cookie. Your app has something better. */
const logins = new Map<string, string>();

await using broker = await Broker.open({
  authenticator: {
    authenticate({ request }) {
      const user = logins.get(sessionOf(request?.headers));
      return user === undefined
        ? { isAccepted: false, reasonCode: ReasonCode.NotAuthorized, reason: "log in at / first" }
        : { isAccepted: true, principal: user };
    },
  },
  authorizer: {
    // Everybody reads the news, and writes only below their own name.
    authorize: ({ action, topic, principal }) => action === "subscribe" || topic.startsWith(`${principal}/`),
  },
});

const PAGE = `<!doctype html>
<meta charset="utf-8">
<title>Brooklet in a web app</title>
<h1>Brooklet in a web app</h1>
<p>WebSocket: <output id="raw">connecting</output></p>
<p>MQTT.js: <output id="mqttjs">connecting</output></p>
<script src="/mqtt.js"></script>
<script type="module">
  const url = new URL("/mqtt", location.href.replace(/^http/, "ws"));

  // The browser's own WebSocket: one CONNECT out, one CONNACK in.
  const socket = new WebSocket(url, "mqtt");
  socket.binaryType = "arraybuffer";
  socket.onopen = () =>
    socket.send(new Uint8Array([0x10, 0x0c, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 2, 0, 60, 0, 0]));
  socket.onmessage = ({ data }) => {
    raw.textContent = new Uint8Array(data)[3] === 0 ? "connected" : "refused";
    socket.close();
  };
  socket.onerror = () => raw.textContent = "failed";

  // MQTT.js, which does the rest of the protocol.
  const client = mqtt.connect(url.href);
  client.on("connect", async () => {
    await client.subscribeAsync("+/hello");
    await client.publishAsync("guest/hello", "hello from the page");
  });
  client.on("message", (topic, payload) => mqttjs.textContent = topic + ": " + payload);
  client.on("error", (error) => mqttjs.textContent = error.message);
</script>
`;

const server = Deno.serve({ hostname: "127.0.0.1", port: Number(Deno.env.get("PORT") ?? 8000) }, (request, info) => {
  switch (new URL(request.url).pathname) {
    case "/": {
      const headers = new Headers({ "content-type": "text/html" });
      if (!logins.has(sessionOf(request.headers))) { // A page that is loaded again keeps its login.
        const session = crypto.randomUUID();
        logins.set(session, "guest");
        headers.set("set-cookie", `session=${session}; HttpOnly; SameSite=Strict; Path=/`);
      }
      return new Response(PAGE, { headers });
    }
    case "/mqtt.js":
      return new Response(mqttJs, { headers: { "content-type": "text/javascript" } });
    case "/mqtt":
      return broker.upgrade(request, { remoteAddr: info.remoteAddr });
    default:
      return new Response("not found", { status: 404 });
  }
});

await server.finished;
