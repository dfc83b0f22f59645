import { BlockList, isIP } from "node:net";
import type { PageScheme } from "../web_socket/origin.ts";

/** Options for listeners behind proxies. */
export interface ForwardedOptions {
  /** Addresses or networks (`10.0.0.0/8`) of trusted proxies; `unix` for all on Unix sockets. @default none */
  readonly trustedProxies?: readonly string[];
  /**
   * Header that these proxies write, the first one together with `X-Forwarded-Proto`. The other header is ignored: a
   * client could have sent it.
   *
   * @default {"x-forwarded-for"}
   */
  readonly forwardedHeader?: "x-forwarded-for" | "forwarded";
}

// Address of peers on a Unix socket.
const UNIX = "unix";

/** Finds the address of the client behind trusted proxies, and the scheme by which it reached the first of them. */
export class ForwardedAddresses {
  readonly #trusted = new BlockList();
  readonly #header: "x-forwarded-for" | "forwarded";
  readonly #isUsed: boolean;
  #isUnixTrusted = false;

  /** Throws RangeError for a trusted proxy that is neither an address nor a network. */
  constructor(options: ForwardedOptions) {
    const { trustedProxies = [], forwardedHeader = "x-forwarded-for" } = options;
    this.#header = forwardedHeader;
    this.#isUsed = trustedProxies.length > 0;
    for (const entry of trustedProxies) this.#trust(entry);
  }

  /** Address of the client: `address` of the transport, or the last one in the header that is not a trusted proxy's. */
  clientAddress(address: string, headers: Headers): string {
    const value = this.#isUsed ? headers.get(this.#header) : null;
    if (value === null) return address;
    let client = address;
    for (const hop of (this.#header === "forwarded" ? forwarded(value, "for") : value.split(",")).reverse()) {
      const next = hop.trim();
      // A name that a proxy made up, "unknown" or nonsense: the address of the proxy itself is the last known one.
      if (!this.isTrusted(client) || isIP(hostOf(next)) === 0) break;
      client = next;
    }
    return client;
  }

  /** Whether a trusted proxy has forwarded a request. @param address as the transport knows it */
  isForwarded(address: string, headers: Headers): boolean {
    return this.#isUsed && headers.has(this.#header) && this.isTrusted(address);
  }

  /** Scheme by which the client reached the first proxy. */
  scheme(headers: Headers): PageScheme {
    const value = this.#header === "forwarded"
      ? forwarded(headers.get("forwarded") ?? "", "proto")[0]
      : headers.get("x-forwarded-proto")?.split(",")[0];
    const scheme = value?.trim().toLowerCase();
    if (scheme === "https" || scheme === "wss") return "https";
    return scheme === "http" || scheme === "ws" ? "http" : "unknown";
  }

  /** Whether an address is one of a trusted proxy. */
  isTrusted(address: string): boolean {
    if (address === UNIX) return this.#isUnixTrusted;
    const host = hostOf(address);
    const version = isIP(host);
    return version !== 0 && this.#trusted.check(host, version === 4 ? "ipv4" : "ipv6");
  }

  #trust(entry: string): void {
    if (entry === UNIX) {
      this.#isUnixTrusted = true;
      return;
    }
    const [address = "", prefix] = entry.split("/");
    const version = isIP(address);
    const most = version === 4 ? 32 : 128;
    const bits = prefix === undefined ? most : /^\d{1,3}$/.test(prefix) ? Number(prefix) : Infinity;
    if (version === 0 || bits > most) {
      throw new RangeError(`Cannot trust the proxy "${entry}": it is not an IP address or network`);
    }
    this.#trusted.addSubnet(address, bits, version === 4 ? "ipv4" : "ipv6");
  }
}

/** Host of an address, without port and brackets. */
function hostOf(address: string): string {
  const bracketed = /^\[(.*)\](?::\d+)?$/.exec(address)?.[1];
  return bracketed ?? /^([^:]*):\d+$/.exec(address)?.[1] ?? address;
}

/** Values of a parameter (RFC 7239, section 4), "" for a hop without one. */
function forwarded(value: string, name: "for" | "proto"): string[] {
  const parameter = new RegExp(`(?:^|;)\\s*${name}\\s*=\\s*(?:"([^"]*)"|([^\\s;"]*))`, "i");
  return value.split(",").map((hop) => parameter.exec(hop)?.slice(1).join("") ?? "");
}
