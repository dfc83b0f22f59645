import { assertEquals } from "@std/assert";
import { interopTests } from "./interop_tests.ts";
import { MosquittoSub, publish } from "./mosquitto_clients.ts";

const folder = Deno.makeTempDirSync();
const path = `${folder}/mqtt`;
const test = interopTests(["stdbuf", "mosquitto_pub", "mosquitto_sub"], ["--listen", `unix:${path}`]);

Deno.test.afterAll(() => Deno.remove(folder, { recursive: true }));

for (const version of ["mqttv31", "mqttv311", "mqttv5"]) {
  test(`mosquitto_pub and mosquitto_sub use a Unix socket, ${version}`, async (broker) => {
    const topic = ["-t", broker.named("test"), "-q", "1"];
    const args = ["--unix", path, "-V", version, ...topic];
    const lines = Array.from({ length: 1_000 }, (_, index) => `line ${index}`);
    await using local = await MosquittoSub.start(broker, args);
    await using remote = await MosquittoSub.start(broker, topic);
    await publish(broker, [...args, "-l"], lines.join("\n"));
    assertEquals(await local.messages(lines.length), lines);
    assertEquals(await remote.messages(lines.length), lines);
  });
}
