import { assertEquals } from "@std/assert";
import { Broker } from "../../mod.ts";
import { type CommitItem, MemoryStorage } from "../../src/storage/mod.ts";
import { message, queued, started } from "../storage/kv_changes.ts";

const MANY = 5_000;
const MINUTE_MS = 60_000;

Deno.test("$SYS counts what many sessions hold in several turns, and tells it when it is through", async () => {
  const storage = new MemoryStorage();
  const nowMs = Date.now();
  for (let index = 0; index < MANY; index++) {
    const clientId = String(index);
    const expiry = { sessionExpirySeconds: 3_600, expiresAtMs: nowMs + 3_600_000 };
    const changes: CommitItem[] = [started(clientId), { kind: "sessionExpiry", clientId, ...expiry }];
    await storage.commit([...changes, queued(clientId, 1, message("x"))]);
  }
  await using broker = await Broker.open({ storage, clock: () => nowMs, sysIntervalMs: MINUTE_MS });
  const told = broker.subscribe("$SYS/broker/store/messages/count");
  assertEquals(await next(told), "0"); // The first turn was when it was opened.
  for (let turn = 0; turn < 3; turn++) broker.tick(nowMs + 100);
  broker.tick(nowMs + MINUTE_MS);
  assertEquals(await next(told), String(MANY));
});

async function next(told: ReturnType<Broker["subscribe"]>): Promise<string> {
  const { value } = await told.next();
  return new TextDecoder().decode(value?.payload);
}
