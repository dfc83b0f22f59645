import { assertEquals, assertMatch } from "@std/assert";
import { DISCONNECT, PINGREQ, PINGRESP, RawClient, uint8 } from "../interop/raw_client.ts";
import { BrokerChild } from "./broker_child.ts";
import { ROWS, type Version } from "./conversations.ts";
import { FIRST_ROWS } from "./first_packets.ts";

// Below what MQTT allows, so that something is above them.
const LIMITS = { maximumClientIdLength: 256, receiveMaximum: 100, maximumPacketBytes: 1_048_576 };

Deno.test("a first packet that is refused ends its connection and nothing else:", async (t) => {
  await using child = await BrokerChild.start(LIMITS);
  using bystander = await RawClient.connect(child, { clientId: "bystander" });
  for (const { name, hex, heard } of FIRST_ROWS) {
    await t.step(name, async () => {
      using client = await RawClient.open(child);
      await client.send(hex);
      assertMatch(await client.closed(), heard);
      await bystander.expectSilence();
    });
  }
  await child.assertSound();
});

for (const version of [4, 5] as const) {
  Deno.test(`a hostile packet in MQTT ${version === 4 ? "3.1.1" : "5"} gets its reaction and harms nobody else:`, async (t) => {
    await using child = await BrokerChild.start(LIMITS);
    using bystander = await RawClient.connect(child, { clientId: "bystander", version });
    for (const row of ROWS) {
      if (row.version !== undefined && row.version !== version) continue;
      await t.step(row.name, async () => {
        using client = await RawClient.connect(child, { clientId: "hostile", version });
        const hex = typeof row.hex === "string" ? row.hex : row.hex(version);
        if (row.ends !== undefined) await assertEnds(client, hex, version, row.ends);
        else await assertAnswer(client, hex, row.answer?.[version]);
        await bystander.expectSilence();
      });
    }
    await child.assertSound();
  });
}

async function assertEnds(client: RawClient, hex: string, version: Version, reasonCode: number): Promise<void> {
  await client.send(hex);
  const said = await client.closed();
  if (version === 4) assertEquals(said, ""); // 3.1.1 closes without a word.
  else assertEquals(lastPacket(said).replace(/^e0..(..).*$/, "DISCONNECT $1"), `DISCONNECT ${uint8(reasonCode)}`);
}

async function assertAnswer(client: RawClient, hex: string, answer: RegExp | undefined): Promise<void> {
  await client.send(hex, PINGREQ, DISCONNECT);
  const said = await client.closed();
  assertEquals(said.slice(-4), PINGRESP.replace(" ", ""), `The connection did not go on: ${said}`);
  assertMatch(said.slice(0, -4), answer ?? /^no answer is expected in this version$/);
}

/** The last of several short packets. */
function lastPacket(hex: string): string {
  for (let at = 0;;) {
    const end = at + 4 + Number.parseInt(hex.slice(at + 2, at + 4), 16) * 2;
    if (!(end < hex.length)) return hex.slice(at);
    at = end;
  }
}
