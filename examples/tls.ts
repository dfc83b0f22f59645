/**
 * MQTT over TLS, and over WebSocket and TLS, with a certificate that is read again on SIGHUP.
 *
 * Run: deno run -A examples/tls.ts fullchain.pem privkey.pem
 */

import { Broker, type Listener, listenTls, listenWebSocket } from "@brooklet/brooklet";

const [certificatePath = "fullchain.pem", keyPath = "privkey.pem"] = Deno.args;

function readCertificate(): { certificate: string; key: string } {
  return { certificate: Deno.readTextFileSync(certificatePath), key: Deno.readTextFileSync(keyPath) };
}

const mqttPort = Number(Deno.env.get("MQTT_PORT") ?? 8883);
const webSocketPort = Number(Deno.env.get("WEB_SOCKET_PORT") ?? 8084);

await using broker = await Broker.open();
const mqtts = await listenTls({ ...readCertificate(), port: mqttPort });
const https = await listenTls({ ...readCertificate(), port: webSocketPort, alpnProtocols: ["http/1.1"] });
const wss = listenWebSocket(https);
Deno.addSignalListener("SIGHUP", () => {
  mqtts.reload(readCertificate());
  https.reload(readCertificate());
});

async function serve(listener: Listener): Promise<void> {
  console.log(`listening on ${listener.url}`);
  for await (const transport of listener) broker.serve(transport); // Never rejects.
}

await Promise.all([serve(mqtts), serve(wss)]);
