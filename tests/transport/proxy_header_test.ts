import { assertEquals } from "@std/assert";
import { parseProxyHeader } from "../../src/transport/proxy/protocol.ts";

const SIGNATURE = "\r\n\r\n\0\r\nQUIT\n";
const V4 = "\xc0\0\x02\x01\xc0\0\x02\x02\xdc\x04\x07\x5b"; // 192.0.2.1:56324 to 192.0.2.2:1883
const V6 = "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01".repeat(2) + "\xdc\x04\x07\x5b";

interface Row {
  readonly name: string;
  readonly header: string;
  readonly address: string | undefined;
}

const ROWS: readonly Row[] = [
  { name: "v1 TCP4", header: "PROXY TCP4 192.0.2.1 192.0.2.2 56324 1883\r\n", address: "192.0.2.1:56324" },
  { name: "v1 TCP6", header: "PROXY TCP6 2001:db8::1 2001:db8::2 56324 1883\r\n", address: "[2001:db8::1]:56324" },
  {
    name: "v1 TCP6 written out, of the longest kind",
    header: `PROXY TCP6 ${"FFFF:".repeat(7)}FFFF ${"ffff:".repeat(7)}ffff 65535 65535\r\n`,
    address: "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
  },
  { name: "v1 TCP6 with zeros", header: "PROXY TCP6 2001:0DB8:0:0::1 ::1 1 2\r\n", address: "[2001:db8::1]:1" },
  { name: "v1 port 0", header: "PROXY TCP4 192.0.2.1 192.0.2.2 0 0\r\n", address: "192.0.2.1:0" },
  { name: "v1 UNKNOWN", header: "PROXY UNKNOWN\r\n", address: undefined },
  { name: "v1 UNKNOWN with more", header: "PROXY UNKNOWN ffff::1 what ever\r\n", address: undefined },
  { name: "v2 TCP4", header: v2("\x21", "\x11", V4), address: "192.0.2.1:56324" },
  { name: "v2 TCP6", header: v2("\x21", "\x21", V6), address: "[2001:db8::1]:56324" },
  { name: "v2 TCP4 with fields behind", header: v2("\x21", "\x11", `${V4}\x04\0\x03abc`), address: "192.0.2.1:56324" },
  { name: "v2 of the longest kind", header: v2("\x21", "\x11", V4.padEnd(2_032)), address: "192.0.2.1:56324" },
  { name: "v2 Unix", header: v2("\x21", "\x31", "/run/a.sock".padEnd(216, "\0")), address: "unix:/run/a.sock" },
  { name: "v2 Unix without a name", header: v2("\x21", "\x31", "\0".repeat(216)), address: "unix" },
  { name: "v2 Unix with a line break", header: v2("\x21", "\x31", "a\nb".padEnd(216, "\0")), address: "unix" },
  { name: "v2 LOCAL", header: v2("\x20", "\0", ""), address: undefined },
  { name: "v2 LOCAL with an address", header: v2("\x20", "\x11", V4), address: undefined },
  { name: "v2 not specified", header: v2("\x21", "\0", "\x04\0\0"), address: undefined },
  { name: "v2 UDP", header: v2("\x21", "\x12", V4), address: undefined },
];

const MALFORMED: readonly { readonly name: string; readonly header: string; readonly reason: string }[] = [
  { name: "MQTT", header: "\x10\x0c\0\x04MQTT", reason: "it does not begin with a header" },
  { name: "another word with P", header: "PUT / HTTP/1.1\r\n", reason: "it does not begin with a header" },
  { name: "v1 in small letters", header: "proxy TCP4", reason: "it does not begin with a header" },
  {
    name: "v1 without an end",
    header: `PROXY UNKNOWN ${"x".repeat(200)}`,
    reason: "the line is longer than 107 bytes",
  },
  { name: "v1 with LF", header: "PROXY UNKNOWN\n", reason: "the line does not end in CR LF" },
  { name: "v1 of no family", header: "PROXY \r\n", reason: "the family is not TCP4, TCP6 or UNKNOWN" },
  { name: "v1 UDP4", header: "PROXY UDP4 1.1.1.1 1.1.1.1 1 1\r\n", reason: "the family is not TCP4, TCP6 or UNKNOWN" },
  { name: "v1 IPv6 as TCP4", header: "PROXY TCP4 ::1 ::1 1 1\r\n", reason: "an address is not one of TCP4" },
  { name: "v1 IPv4 as TCP6", header: "PROXY TCP6 1.1.1.1 ::1 1 1\r\n", reason: "an address is not one of TCP6" },
  { name: "v1 with a zone", header: "PROXY TCP6 fe80::1%eth0 ::1 1 1\r\n", reason: "an address is not one of TCP6" },
  { name: "v1 wrong destination", header: "PROXY TCP4 1.1.1.1 x 1 1\r\n", reason: "an address is not one of TCP4" },
  {
    name: "v1 port beyond",
    header: "PROXY TCP4 1.1.1.1 1.1.1.1 65536 1\r\n",
    reason: "a port is not between 0 and 65535",
  },
  { name: "v1 port 01", header: "PROXY TCP4 1.1.1.1 1.1.1.1 01 1\r\n", reason: "a port is not between 0 and 65535" },
  { name: "v1 no port", header: "PROXY TCP4 1.1.1.1 1.1.1.1 1\r\n", reason: "a port is not between 0 and 65535" },
  { name: "v1 two spaces", header: "PROXY TCP4  1.1.1.1 1.1.1.1 1 1\r\n", reason: "an address is not one of TCP4" },
  { name: "v1 more", header: "PROXY TCP4 1.1.1.1 1.1.1.1 1 1 1\r\n", reason: "the line continues after the ports" },
  { name: "v2 version 1", header: v2("\x11", "\x11", V4), reason: "the version of the binary header is not 2" },
  { name: "v2 command 2", header: v2("\x22", "\x11", V4), reason: "the command is not LOCAL or PROXY" },
  { name: "v2 family 4", header: v2("\x21", "\x41", V4), reason: "the address family is not one of the protocol" },
  {
    name: "v2 TCP4 too short",
    header: v2("\x21", "\x11", V4.slice(1)),
    reason: "the header is too short for its addresses",
  },
  { name: "v2 TCP6 too short", header: v2("\x21", "\x21", V4), reason: "the header is too short for its addresses" },
  { name: "v2 Unix too short", header: v2("\x21", "\x31", V6), reason: "the header is too short for its addresses" },
  {
    name: "v2 too long",
    header: v2("\x21", "\x11", V4.padEnd(2_033)).slice(0, 16),
    reason: "the header is longer than 2048 bytes",
  },
];

for (const { name, header, address } of ROWS) {
  Deno.test(`parseProxyHeader() takes ${name}, cut anywhere and with what follows`, () => {
    const bytes = bytesOf(header);
    for (let length = 0; length < bytes.length; length++) {
      assertEquals(parseProxyHeader(bytes.subarray(0, length)), { kind: "incomplete" }, `${length} bytes`);
    }
    assertEquals(parseProxyHeader(bytes), { kind: "complete", length: bytes.length, address });
    assertEquals(parseProxyHeader(bytesOf(`${header}\x10\x0c`)), { kind: "complete", length: bytes.length, address });
  });
}

for (const { name, header, reason } of MALFORMED) {
  Deno.test(`parseProxyHeader() refuses ${name}, and never takes a part of it`, () => {
    const bytes = bytesOf(header);
    for (let length = 0; length < bytes.length; length++) {
      const { kind } = parseProxyHeader(bytes.subarray(0, length));
      assertEquals(kind === "complete", false, `${length} bytes`);
    }
    assertEquals(parseProxyHeader(bytes), { kind: "malformed", reason });
  });
}

function v2(versionAndCommand: string, family: string, body: string): string {
  const length = String.fromCharCode(body.length >> 8, body.length & 0xff);
  return SIGNATURE + versionAndCommand + family + length + body;
}

function bytesOf(latin1: string): Uint8Array {
  return Uint8Array.from(latin1, (character) => character.charCodeAt(0));
}
