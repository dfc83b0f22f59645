import { NO_PROPERTIES } from "../src/codec/property.ts";
import type { Change } from "../src/protocol/change.ts";
import { ApplicationMessage } from "../src/protocol/message.ts";
import { DenoKvStorage } from "../src/storage/deno_kv/deno_kv_storage.ts";
import { MemoryStorage } from "../src/storage/memory.ts";
import type { Storage } from "../src/storage/storage.ts";

const CHANGES = 1_000;
const CLIENT = "client";
const folder = await Deno.makeTempDir({ prefix: "brooklet-bench-" });
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

for (const name of ["memory", "Deno KV"] as const) {
  const baseline = name === "memory";
  const writing = await open(name, "writing");
  let sequence = 0;
  Deno.bench(`queue and complete ${CHANGES} of 64 B at once, ${name}`, { group: "commit", baseline }, async () => {
    const queued = Array.from({ length: CHANGES }, () => queuedChange(++sequence));
    await writing.commit(queued);
    await writing.commit(queued.map((change) => ({ kind: "completed", clientId: CLIENT, sequence: change.sequence })));
  });
  const single = await open(name, "single");
  Deno.bench(`retain one of 64 B, ${name}`, { group: "one by one", baseline }, async () => {
    await single.commit([{ kind: "retained", topic: "a/b", message: messageTo("a/b") }]);
  });
  const reading = await open(name, "reading");
  await reading.commit(Array.from({ length: CHANGES }, (_, index) => queuedChange(index + 1)));
  Deno.bench(`read the session of ${CHANGES} messages, ${name}`, { group: "read", baseline }, async () => {
    let messages = 0;
    for await (const change of reading.restoreSession(CLIENT)) if (change.kind === "queued") messages += 1;
    if (messages !== CHANGES) throw new Error(`Cannot measure: ${messages} of ${CHANGES} messages`);
  });
}

async function open(name: "memory" | "Deno KV", file: string): Promise<Storage> {
  const storage = name === "memory" ? new MemoryStorage() : await DenoKvStorage.open(`${folder}/${file}.kv`);
  const changes: Change[] = [
    { kind: "sessionStarted", clientId: CLIENT, principal: undefined },
    { kind: "sessionExpiry", clientId: CLIENT, sessionExpirySeconds: 3_600, expiresAtMs: undefined },
  ];
  await storage.commit(changes);
  return storage;
}

function queuedChange(sequence: number) {
  return {
    kind: "queued",
    clientId: CLIENT,
    sequence,
    message: messageTo("a/b"),
    qos: 1,
    retain: false,
    subscriptionIdentifiers: [],
    sharedFilter: undefined,
    packetIdentifier: 0,
  } as const;
}

function messageTo(topic: string): ApplicationMessage {
  const payload = new Uint8Array(64);
  return new ApplicationMessage({ topic, payload, qos: 1, retain: false, properties: NO_PROPERTIES }, undefined, 0);
}
