import { assertEquals } from "@std/assert";
import { offeredProtocols } from "../../src/transport/tls/client_hello.ts";

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

Deno.test("offeredProtocols() gives the names of a ClientHello in its order, once the record is whole", () => {
  const hello = clientHello(`${length((OTHER + ALPN).length / 2, 2)}${OTHER}${ALPN}`);
  assertEquals(offeredProtocols(hello), ["mqtt", "mqtt-foo"]);
  for (let end = 0; end < hello.length; end++) assertEquals(offeredProtocols(hello.subarray(0, end)), undefined);
  assertEquals(offeredProtocols(Uint8Array.of(0, ...hello).subarray(1)), ["mqtt", "mqtt-foo"]);
});

Deno.test("offeredProtocols() gives no name without the extension, and for bytes that are not a ClientHello", () => {
  for (const hello of [clientHello(""), clientHello(`0008${OTHER}`), Uint8Array.of(0x10, 1, 2)]) {
    assertEquals(offeredProtocols(hello), []);
  }
  const whole = clientHello(`${length(ALPN.length / 2, 2)}${ALPN}`);
  // Any byte changed: no error, and no read beyond the record.
  for (let at = 0; at < whole.length; at++) {
    for (const value of [0, 0xff]) {
      const changed = whole.slice();
      changed[at] = value;
      offeredProtocols(changed);
    }
  }
});
