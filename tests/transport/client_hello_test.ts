import { assert, assertEquals } from "@std/assert";
import { ClientHello } from "../../src/transport/tls/client_hello.ts";
import { concatenated } from "../../src/transport/concatenated.ts";
import { inRecords } from "./records.ts";

/** A ClientHello with these extensions, as hex, in one record. */
function clientHello(extensions: string): Uint8Array {
  const body = `0303${"11".repeat(32)}00` + "0002002f" + "0100" + extensions;
  return Uint8Array.fromHex(`160301${length(body.length / 2 + 4, 2)}01${length(body.length / 2, 3)}${body}`);
}

function length(bytes: number, width: number): string {
  return bytes.toString(16).padStart(2 * width, "0");
}

/** Names of protocols, each behind its length. */
const ALPN = "001000100" + "00e" + "046d717474" + "086d7174742d666f6f";
const OTHER = "000a00040002001d";
const HELLO = clientHello(`${length((OTHER + ALPN).length / 2, 2)}${OTHER}${ALPN}`);

/** Protocols of bytes that come in one piece. */
function protocolsOf(bytes: Uint8Array): readonly string[] {
  const hello = new ClientHello();
  hello.push(bytes);
  return hello.protocols;
}

Deno.test("A ClientHello gives the names of protocols in its order, once it is whole", () => {
  const hello = new ClientHello();
  for (const [at, byte] of HELLO.entries()) {
    const isLast = at === HELLO.length - 1;
    assertEquals(hello.push(Uint8Array.of(byte)), !isLast);
    assertEquals(hello.protocols, isLast ? ["mqtt", "mqtt-foo"] : []);
  }
  assertEquals(hello.version, 0x0303);
  assertEquals(hello.received, HELLO);
  assertEquals(protocolsOf(Uint8Array.of(0, ...HELLO).subarray(1)), ["mqtt", "mqtt-foo"]);
});

for (const most of [1, 2, 3, 4, 5, 38, HELLO.length - 6]) {
  Deno.test(`A ClientHello may be split among records of ${most} bytes, in any pieces [RFC 8446, 5.1]`, () => {
    const bytes = concatenated([inRecords(HELLO, most), Uint8Array.of(0x14, 3, 3, 0, 1, 1)]);
    for (const piece of [1, 7, bytes.length]) {
      const hello = new ClientHello();
      for (let at = 0; hello.push(bytes.subarray(at, at + piece)); at += piece) assert(at < bytes.length);
      assertEquals([hello.protocols, hello.version], [["mqtt", "mqtt-foo"], 0x0303]);
    }
  });
}

for (
  const { name, bytes } of [
    { name: "no TLS", bytes: Uint8Array.of(0x10, 1, 2) },
    { name: "another handshake message", bytes: Uint8Array.of(0x16, 3, 1, 0, 1, 2) },
    { name: "an empty record", bytes: Uint8Array.of(0x16, 3, 1, 0, 0) },
    { name: "a record that is too long", bytes: Uint8Array.of(0x16, 3, 1, 0x40, 1) },
    {
      name: "another record between",
      bytes: concatenated([inRecords(HELLO, 20).subarray(0, 25), Uint8Array.of(0x15)]),
    },
    { name: "no end, in whole records", bytes: endless(16_384) },
    { name: "no end, in records of one byte", bytes: endless(1) },
  ]
) {
  Deno.test(`A ClientHello is not waited for in ${name}`, () => {
    const hello = new ClientHello();
    let at = 0;
    while (hello.push(bytes.subarray(at, at + 1))) at += 1;
    assert(at < Math.min(bytes.length, 32_768), `${at} bytes`);
    assertEquals(hello.protocols, []);
  });
}

/** Records of a ClientHello that says to be as long as one can be. */
function endless(most: number): Uint8Array {
  const hello = new Uint8Array(5 + 20_000);
  hello.set([0x16, 3, 1, 0, 0, 1, 0xff, 0xff, 0xff]);
  return inRecords(hello, most);
}

Deno.test("A ClientHello gives no name without the extension, and never fails", () => {
  for (const hello of [clientHello(""), clientHello(`0008${OTHER}`)]) assertEquals(protocolsOf(hello), []);
  const whole = clientHello(`${length(ALPN.length / 2, 2)}${ALPN}`);
  // Any byte changed: no error, and no read beyond the message.
  for (let at = 0; at < whole.length; at++) {
    for (const value of [0, 0xff]) {
      const changed = whole.slice();
      changed[at] = value;
      protocolsOf(changed);
      protocolsOf(inRecords(changed, 9));
    }
  }
});
