import { assertEquals } from "@std/assert";
import { foreignToHttp, foreignToMqtt, foreignToTls, spokenProtocol } from "../../src/transport/first_bytes.ts";

const text = (value: string) => new TextEncoder().encode(value);

const ROWS = [
  { name: "a CONNECT", bytes: Uint8Array.of(0x10, 0x0c, 0, 4), spoken: "mqtt" },
  { name: "a ClientHello of TLS 1.3", bytes: Uint8Array.of(0x16, 3, 1, 0, 0xc3), spoken: "tls" },
  { name: "a ClientHello of TLS 1.1", bytes: Uint8Array.of(0x16, 3, 2, 0, 0x31), spoken: "tls" },
  { name: "a GET", bytes: text("GET /mqtt HTTP/1."), spoken: "http" },
  { name: "an OPTIONS", bytes: text("OPTIONS * HTTP/1"), spoken: "http" },
  { name: "HTTP/2", bytes: text("PRI * HTTP/2.0\r\n"), spoken: "http" },
  { name: "the PROXY protocol, version 1", bytes: text("PROXY TCP4 127.0"), spoken: "proxy" },
  { name: "the PROXY protocol, version 2", bytes: text("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c"), spoken: "proxy" },
  { name: "a word that is no method", bytes: text("GETTING closer t"), spoken: undefined },
  { name: "SSH", bytes: text("SSH-2.0-OpenSSH_"), spoken: undefined },
  { name: "a handshake of no version of TLS", bytes: Uint8Array.of(0x16, 9), spoken: undefined },
  { name: "nothing", bytes: new Uint8Array(0), spoken: undefined },
] as const;

for (const { name, bytes, spoken } of ROWS) {
  Deno.test(`spokenProtocol() of ${name} is ${spoken}`, () => assertEquals(spokenProtocol(bytes), spoken));
}

Deno.test("foreignToMqtt() says what was spoken to a listener for plain MQTT", () => {
  assertEquals(foreignToMqtt(Uint8Array.of(0x16, 3, 1)), "client spoke TLS to a listener for plain MQTT");
  assertEquals(foreignToMqtt(text("POST / HTTP/1.1")), "client spoke HTTP to a listener for plain MQTT");
  assertEquals(
    foreignToMqtt(text("PROXY UNKNOWN\r\n")),
    "client spoke the PROXY protocol to a listener that does not expect it",
  );
  assertEquals(foreignToMqtt(Uint8Array.of(0x10, 0x0c)), undefined);
  assertEquals(foreignToMqtt(Uint8Array.of(0xff)), undefined);
});

Deno.test("foreignToTls() says what was spoken to a TLS listener, and nothing about the first byte of TLS alone", () => {
  assertEquals(foreignToTls(Uint8Array.of(0x10, 0x0c)), "client spoke plain MQTT to a TLS listener");
  assertEquals(foreignToTls(text("GET / HTTP/1.1")), "client spoke plain HTTP to a TLS listener");
  assertEquals(foreignToTls(Uint8Array.of(0xff)), "client spoke no TLS to a TLS listener");
  assertEquals(foreignToTls(Uint8Array.of(0x16)), undefined);
  assertEquals(foreignToTls(Uint8Array.of(0x16, 3)), undefined);
});

Deno.test("foreignToHttp() knows TLS and MQTT by their first byte", () => {
  assertEquals(foreignToHttp(0x16)?.includes("TLS"), true);
  assertEquals(foreignToHttp(0x10)?.includes("MQTT"), true);
  assertEquals(foreignToHttp(0x00), "what was sent is not HTTP");
  assertEquals(foreignToHttp("G".charCodeAt(0)), undefined);
});
