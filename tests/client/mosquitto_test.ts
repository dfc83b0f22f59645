import { assertEquals } from "@std/assert";
import { Client } from "../../src/client/mod.ts";
import { authority, identity } from "../certificates/certificates.ts";
import { within } from "../deadline.ts";
import { programTests } from "../interop/interop_tests.ts";
import { exchange, getsEachMessageOnce } from "./exchange.ts";
import { MosquittoBroker } from "./mosquitto_broker.ts";

const test = programTests(["mosquitto"]);
const { certificate, key } = identity("client");
const TLS = { caCerts: [authority()], cert: certificate, key };

test("overlapping subscriptions of Client get each message once from mosquitto", async () => {
  await using mosquitto = await MosquittoBroker.start();
  await getsEachMessageOnce(() => Client.connect(mosquitto.url("mqtt")));
});

for (const protocolVersion of [5, 4] as const) {
  for (const scheme of ["mqtt", "mqtts", "ws", "unix"] as const) {
    test(`Client and mosquitto over ${scheme}, v${protocolVersion}`, async () => {
      await using mosquitto = await MosquittoBroker.start();
      // Over WebSocket, mosquitto 2.0.11 does not get larger ones through.
      await exchange(mosquitto.url(scheme), { protocolVersion, tls: TLS }, {
        largeBytes: scheme === "ws" ? 30_000 : 300_000,
      });
    });
  }

  test(`a session that mosquitto kept comes to the subscription that is made, v${protocolVersion}`, async () => {
    await using mosquitto = await MosquittoBroker.start();
    const options = { protocolVersion, clientId: "keeper", cleanStart: false, sessionExpirySeconds: 600 };
    const before = await Client.connect(mosquitto.url("mqtt"), options);
    await before.subscribe("kept");
    await before.close();
    await using publisher = await Client.connect(mosquitto.url("mqtt"));
    for (const text of ["1", "2", "3"]) await publisher.publish("kept", text, { qos: 2 });
    await using after = await Client.connect(mosquitto.url("mqtt"), options);
    const reader = await after.subscribe("kept");
    for (const text of ["1", "2", "3"]) assertEquals((await within(reader.next(), text)).value?.text(), text);
  });

  test(`mosquitto publishes the Will of a client that asks for it, v${protocolVersion}`, async () => {
    await using mosquitto = await MosquittoBroker.start();
    await using watcher = await Client.connect(mosquitto.url("mqtt"));
    const reader = await watcher.subscribe("will");
    const will = { topic: "will", payload: "gone", qos: 1 } as const;
    const leaving = await Client.connect(mosquitto.url("mqtt"), { protocolVersion, will });
    await leaving.close(protocolVersion === 5 ? { reasonCode: 0x04 } : {});
    if (protocolVersion === 4) await watcher.publish("will", "gone"); // 3.1.1 cannot ask for it.
    assertEquals((await within(reader.next(), "the Will")).value?.text(), "gone");
  });
}
