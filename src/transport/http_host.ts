/**
 * Which names a server answers to. A page of the web can make its own name lead to a loopback address (DNS rebinding);
 * then it is of the same origin as a server there, and only `Host` tells that it asks for another one. Everything here
 * that speaks HTTP asks {@linkcode hostRefusal} before anything else.
 */

import type { HttpRequest } from "./transport.ts";

/** Options of a server that speaks HTTP. */
export interface HostOptions {
  /**
   * Names, without ports, that `Host` may have beside those of loopback addresses; `*` for any.
   *
   * @default none at a loopback address, any at others
   */
  readonly hosts?: readonly string[];
}

/** The answer to a request for another server. */
export interface HostRefusal {
  /** Misdirected Request (RFC 9110, section 15.5.20). */
  readonly status: 421;
  /** For logs. */
  readonly reason: string;
  readonly body: string;
}

const MOST_SHOWN = 80;

/**
 * Refuses a request that names another host; `undefined`: it may be answered.
 *
 * @param isLoopback whether the request came in at an address that only this machine can reach
 */
export function hostRefusal(
  { url, headers }: HttpRequest,
  { hosts }: HostOptions,
  isLoopback: boolean,
): HostRefusal | undefined {
  if (hosts === undefined ? !isLoopback : hosts.includes("*")) return undefined;
  const allowed = hosts?.map((host) => nameOf(`http://${host}`)) ?? [];
  // The target may have a host of its own, and HTTP/2 has no Host.
  const header = headers.get("host");
  const asked = [nameOf(url), ...header === null ? [] : [nameOf(`http://${header}`)]];
  const wrong = asked.find((name) => !isLoopbackName(name) && (name === "" || !allowed.includes(name)));
  if (wrong === undefined) return undefined;
  return {
    status: 421,
    reason: `the host "${wrong.slice(0, MOST_SHOWN)}" is not one that is answered here`,
    body:
      'This server does not answer to the name in Host. The operator can allow it: it belongs in the list "hosts".\n',
  };
}

/** Whether a host, as the URL standard writes it and without a dot at its end, is this machine and no other. */
export function isLoopbackName(hostname: string): boolean {
  return /^(?:(?:.+\.)?localhost|127\.\d+\.\d+\.\d+|\[::1\]|\[::ffff:7f[\da-f]{2}:[\da-f]{1,4}\])$/.test(hostname);
}

/** Whether an address with its port, such as `[::1]:40312`, is one of this machine and no other. */
export function isLoopbackAddress(address: string): boolean {
  return isLoopbackName(URL.parse(`http://${address}`)?.hostname ?? "");
}

/** Without a dot at its end; "" for text that is no URL. */
function nameOf(url: string): string {
  return URL.parse(url)?.hostname.replace(/\.$/, "") ?? "";
}
