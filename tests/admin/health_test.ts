import { assertEquals, assertRejects } from "@std/assert";
import { Broker } from "../../mod.ts";
import { healthResponse, readinessResponse } from "../../src/admin/health.ts";
import { GatedStorage } from "../storage/gated_storage.ts";

Deno.test("healthResponse() says that the process answers", async () => {
  assertEquals(await answer(healthResponse()), [200, "ok\n"]);
});

Deno.test("readinessResponse() is 503 while the storage fails, and since the broker ends", async () => {
  const storage = new GatedStorage();
  const broker = await Broker.open({ storage });
  assertEquals(await answer(readinessResponse(broker)), [200, "ready\n"]);
  storage.isGated = true;
  const published = broker.publish("x", "1", { retain: true });
  (await storage.nextCommit()).fail();
  await assertRejects(() => published);
  assertEquals(await answer(readinessResponse(broker)), [503, "failing\n"]);
  storage.isGated = false;
  const closed = broker.close();
  assertEquals(await answer(readinessResponse(broker)), [503, "closing\n"]);
  await closed;
  assertEquals(await answer(readinessResponse(broker)), [503, "closing\n"]);
});

async function answer(response: Response): Promise<readonly [status: number, text: string]> {
  assertEquals(response.headers.get("cache-control"), "no-store");
  return [response.status, await response.text()];
}
