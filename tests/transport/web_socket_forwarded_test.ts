import { assertEquals, assertThrows } from "@std/assert";
import { ForwardedAddresses, type ForwardedOptions } from "../../src/transport/proxy/forwarded.ts";

interface Row {
  readonly name: string;
  readonly options: ForwardedOptions;
  /** @default {"10.0.0.1:4711"} */
  readonly peer?: string;
  readonly header?: readonly [string, string];
  readonly address: string;
}

const TRUSTED: ForwardedOptions = { trustedProxies: ["10.0.0.0/8", "::1"] };
const FORWARDED: ForwardedOptions = { ...TRUSTED, forwardedHeader: "forwarded" };
const PEER = "10.0.0.1:4711";

const ROWS: readonly Row[] = [
  { name: "nobody without trusted proxies", options: {}, header: ["x-forwarded-for", "203.0.113.7"], address: PEER },
  { name: "nobody without a header", options: TRUSTED, address: PEER },
  {
    name: "nobody who is not a trusted proxy",
    options: TRUSTED,
    peer: "192.0.2.1:80",
    header: ["x-forwarded-for", "203.0.113.7"],
    address: "192.0.2.1:80",
  },
  { name: "a trusted proxy", options: TRUSTED, header: ["x-forwarded-for", "203.0.113.7"], address: "203.0.113.7" },
  {
    name: "a trusted proxy, not what the client wrote before it",
    options: TRUSTED,
    header: ["x-forwarded-for", "198.51.100.1, 203.0.113.7"],
    address: "203.0.113.7",
  },
  {
    name: "a chain of trusted proxies",
    options: TRUSTED,
    header: ["x-forwarded-for", "198.51.100.1, 203.0.113.7, 10.9.9.9,10.8.8.8"],
    address: "203.0.113.7",
  },
  {
    name: "a trusted proxy of IPv6",
    options: TRUSTED,
    peer: "[::1]:4711",
    header: ["x-forwarded-for", "2001:db8::7"],
    address: "2001:db8::7",
  },
  {
    name: "a trusted proxy that names a port",
    options: TRUSTED,
    header: ["x-forwarded-for", "203.0.113.7:5050"],
    address: "203.0.113.7:5050",
  },
  { name: "no nonsense", options: TRUSTED, header: ["x-forwarded-for", "unknown"], address: PEER },
  {
    name: "no nonsense behind the last proxy",
    options: TRUSTED,
    header: ["x-forwarded-for", "x, 10.1.1.1"],
    address: "10.1.1.1",
  },
  {
    name: "no header that the proxy does not write",
    options: TRUSTED,
    header: ["forwarded", "for=203.0.113.7"],
    address: PEER,
  },
  {
    name: "a proxy on a Unix socket",
    options: { trustedProxies: ["unix"] },
    peer: "unix",
    header: ["x-forwarded-for", "203.0.113.7"],
    address: "203.0.113.7",
  },
  {
    name: "no proxy on a Unix socket unless it is trusted",
    options: TRUSTED,
    peer: "unix",
    header: ["x-forwarded-for", "203.0.113.7"],
    address: "unix",
  },
  {
    name: "Forwarded [RFC 7239, 4]",
    options: FORWARDED,
    header: ["forwarded", "for=198.51.100.1;proto=https, proto=http; For=203.0.113.7"],
    address: "203.0.113.7",
  },
  {
    name: "Forwarded with a quoted address [RFC 7239, 6]",
    options: FORWARDED,
    header: ["forwarded", 'for="[2001:db8:cafe::17]:4711"'],
    address: "[2001:db8:cafe::17]:4711",
  },
  {
    name: "Forwarded with a hidden name [RFC 7239, 6.3]",
    options: FORWARDED,
    header: ["forwarded", "for=_gazonk"],
    address: PEER,
  },
  {
    name: "Forwarded only where it was chosen",
    options: FORWARDED,
    header: ["x-forwarded-for", "203.0.113.7"],
    address: PEER,
  },
];

for (const { name, options, peer = PEER, header, address } of ROWS) {
  Deno.test(`clientAddress() believes ${name}`, () => {
    const headers = new Headers(header === undefined ? [] : [[...header]]);
    assertEquals(new ForwardedAddresses(options).clientAddress(peer, headers), address);
  });
}

for (const entry of ["proxy.example", "10.0.0.0/33", "::1/129", "10.0.0.1/", "10.0.0.1/-1", ""]) {
  Deno.test(`A trusted proxy "${entry}" is refused`, () => {
    assertThrows(() => new ForwardedAddresses({ trustedProxies: [entry] }), RangeError);
  });
}
