/** Checks of the schema beyond the kind of values. A complaint begins with "is", "has", "needs" or "Cannot". */

import { isIPv4, isIPv6 } from "node:net";
import type { z } from "npm:zod@4.6.7";
import { isTopicFilter } from "../../auth/acl_rules.ts";
import { isLikeHash, parsePasswordHash, whyNoPasswordHash } from "../../auth/password_hash.ts";
import { ForwardedAddresses } from "../../transport/proxy/forwarded.ts";
import { SCHEMES } from "../../transport/schemes.ts";
import { isLoopbackName } from "../../transport/web_socket/origin.ts";
import {
  EVERY_ADDRESS,
  isLocal,
  isLoopback,
  type ListenUrl,
  listenUrlOf,
  LOOPBACK,
  urlText,
} from "../serve/listen_url.ts";
import { parseStorageOption } from "../storage_option.ts";
import { suggestion } from "../nearest.ts";

/** Text that `--print-config` prints in place of a secret. */
export const HIDDEN = "(hidden)";
const IS_HIDDEN = `has "${HIDDEN}", which --print-config prints in place of a secret: write the secret itself`;
const LEAST_SECRET_BYTES = 32;
/** Words that are origins. */
const ORIGIN_WORDS: readonly string[] = ["*", "null", "sameOrigin", "loopback"];

/** Ways to authenticate clients, to the extent needed to know whether there is any. */
export interface Ways {
  readonly anonymous?: boolean | undefined;
  readonly passwordFile?: string | undefined;
  readonly users: readonly unknown[];
  readonly certificateNames: boolean;
  readonly certificateSubjects: boolean;
  readonly jwt?: object | undefined;
  readonly webhook?: object | undefined;
}

/** Whether clients can authenticate. */
export function isWayIn(ways: Ways): boolean {
  const { passwordFile, users, certificateNames, certificateSubjects, jwt, webhook } = ways;
  return users.length > 0 || certificateNames || certificateSubjects ||
    [passwordFile, jwt, webhook].some((way) => way !== undefined);
}

/** Whether clients get in without authentication. @param isLocal whether no other machine can reach the listener */
export function isOpen(ways: Ways, isLocal: boolean): boolean {
  return ways.anonymous ?? (isLocal && !isWayIn(ways));
}

/** Words about who gets in, for the line that says where the broker listens. */
export function entryWords(ways: Ways, isLocal: boolean): string {
  if (isOpen(ways, isLocal)) return "anonymous access allowed";
  return isWayIn(ways) ? "clients are authenticated" : "nobody can connect: no authentication is set";
}

type Context<Value> = z.RefinementCtx<Value>;

export function checkPasswordHash(text: string, context: Context<string>): void {
  if (text === HIDDEN) complain(context, IS_HIDDEN);
  else if (parsePasswordHash(text) === undefined) {
    const why = isLikeHash(text) ? whyNoPasswordHash(text) : "is not a hash";
    complain(context, `${why}: "brooklet passwd -n" makes one`);
  }
}

export function checkTokenSecret(text: string, context: Context<string>): void {
  if (text === HIDDEN) complain(context, IS_HIDDEN);
  else if (new TextEncoder().encode(text).length < LEAST_SECRET_BYTES) {
    complain(context, `has less than ${LEAST_SECRET_BYTES} bytes: "openssl rand -hex 32" makes a secret`);
  }
}

export function checkTokenHash(text: string, context: Context<string>): void {
  if (text === HIDDEN) complain(context, IS_HIDDEN);
  else if (!/^[\da-f]{64}$/i.test(text)) complain(context, 'is not 64 hexadecimal digits: "brooklet token" makes them');
}

/** Checks the URL of the dashboard. */
export function checkAdminUrl(text: string, context: Context<string>): void {
  const url = /^https?:\/\/\S+$/i.test(text) ? URL.parse(text) : null;
  if (url === null) complain(context, "is not a URL such as http://127.0.0.1:18083");
  else if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") {
    complain(context, "has more than a host, a port and a path");
  } else if (!/^(?:\/[\w.~-]+)*\/?$/.test(url.pathname)) complain(context, "has a path that is not like /mqtt-admin");
}

/** Checks the URL of an HTTP server. */
export function checkHttpUrl(text: string, context: Context<string>): void {
  if (text.includes(HIDDEN)) complain(context, IS_HIDDEN);
  else if (!/^https?:\/\/\S+$/i.test(text) || !URL.canParse(text)) {
    complain(context, "is not a URL such as https://example.com/");
  }
}

export function checkHeaders(
  headers: Readonly<Record<string, string>>,
  context: Context<Record<string, string>>,
): void {
  for (const [name, value] of Object.entries(headers)) {
    if (value === HIDDEN) complain(context, IS_HIDDEN, [name]);
    else if (!isHeader(name, value)) complain(context, "is not a header of HTTP", [name]);
  }
}

export function checkTopic(text: string, context: Context<string>): void {
  checkTopicFilter(text, context);
  // Taken literally they would allow, or deny, nothing useful.
  if (/%[cu]/.test(text)) complain(context, `has %c or %u, which stand for names in "pattern" alone`);
}

export function checkTopicFilter(text: string, context: Context<string>): void {
  if (!isTopicFilter(text)) complain(context, "is not a Topic Filter");
}

/** Whether a text is an origin: a browser sends it in exactly this form. */
export function isOrigin(text: string): boolean {
  if (ORIGIN_WORDS.includes(text)) return true;
  if (/^https?:/.test(text)) return URL.parse(text)?.origin === text;
  return /^[a-z][a-z\d+.-]*:\/\/[^/?#\s]+$/.test(text);
}

/** Whether a text is an origin that a page of the web can have, or `*` for any. */
export function isPageOrigin(text: string): boolean {
  return text === "*" || (/^https?:/.test(text) && URL.parse(text)?.origin === text);
}

/** Whether a text is a host name or an address as in URLs, without a port; or `*` for any. */
export function isHost(text: string): boolean {
  return text === "*" ||
    (/^[^\s/?#@\\]+$/.test(text) && !/^[^[].*:/.test(text) && !/\]:/.test(text) && URL.canParse(`http://${text}`));
}

export function isProxy(text: string): boolean {
  try {
    new ForwardedAddresses({ trustedProxies: [text] });
    return true;
  } catch {
    return false; // Neither an address nor a network.
  }
}

/** Refuses duplicate names in a list, of which one would be ignored. */
export function checkNames<Item extends { readonly name: string }>(
  items: readonly Item[],
  context: Context<Item[]>,
): void {
  const seen = new Set<string>();
  for (const [index, { name }] of items.entries()) {
    if (seen.has(name)) complain(context, "is there twice", [index, "name"]);
    seen.add(name);
  }
}

interface WithRoles {
  readonly roles: readonly string[];
}

/** Checks that rules are either in a file or here, and that each role that is used exists. */
export function checkAccess<Access extends AccessParts>(access: Access, context: Context<Access>): void {
  const { file, anonymous, users, groups, roles, everyone } = access;
  const isEmpty = [anonymous, users, groups, roles, everyone].every(({ length }) => length === 0);
  if (file !== undefined && !isEmpty) complain(context, `has "file" and rules, which do not go together`);
  const known = roles.map(({ name }) => name);
  for (const [key, owners] of Object.entries({ users, groups })) {
    for (const [index, owner] of owners.entries()) {
      for (const [at, role] of owner.roles.entries()) {
        if (!known.includes(role)) complain(context, unknownRole(role, known), [key, index, "roles", at]);
      }
    }
  }
}

interface AccessParts {
  readonly file?: string | undefined;
  readonly anonymous: readonly unknown[];
  readonly users: readonly WithRoles[];
  readonly groups: readonly WithRoles[];
  readonly roles: readonly { readonly name: string }[];
  readonly everyone: readonly unknown[];
}

export function checkListenUrl(text: string, context: Context<string>): void {
  try {
    const { webSocket } = listenUrlOf(text);
    if (webSocket === undefined) return;
    const origin = webSocket.origins?.find((origin) => !isOrigin(origin));
    if (origin !== undefined) complain(context, `has "origin=${origin}", which is not one such as https://example.com`);
    const host = webSocket.hosts?.find((host) => !isHost(host));
    if (host !== undefined) complain(context, `has "host=${host}", which is not one such as broker.example`);
    const proxy = webSocket.trustedProxies.find((proxy) => !isProxy(proxy));
    if (proxy !== undefined) complain(context, `has "trusted-proxy=${proxy}", which is not an IP address or network`);
  } catch (error) {
    complain(context, error instanceof Error ? error.message : String(error));
  }
}

export function checkStorage(text: string, context: Context<string>): void {
  try {
    parseStorageOption(text);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    complain(context, message.replace(/^(?:--storage|Option --storage) /, ""));
  }
}

/** Checks that each listener fits its URL, the certificates, the ways to authenticate, and the other listeners. */
export function checkListeners<Parts extends ListenersParts>(
  { listeners, tls, authentication }: Parts,
  context: Context<Parts>,
): void {
  const earlier: { readonly url: ListenUrl; readonly index: number }[] = [];
  for (const [index, listener] of listeners.entries()) {
    const url = urlOf(listener.url);
    if (url === undefined) continue; // Reported already.
    const tell = (key: keyof ListenerParts, message: string) => complain(context, message, ["listeners", index, key]);
    if (SCHEMES[url.scheme].isTls && listener.tls === undefined && tls === undefined) {
      tell("url", `Cannot listen on ${urlText(url)}: it needs a certificate; give --cert and --key, or set "tls"`);
    }
    for (const [key, why] of meaningless(url, listener)) tell(key, `has no meaning: ${urlText(url)} has no ${why}`);
    const ways = listener.authentication ?? authentication;
    if (ways.anonymous === undefined && !isWayIn(ways) && !isLocal(url, listener)) {
      const [through, otherwise] = isLoopback(url) ? [" through its proxy", ""] : ["", ", or listen on 127.0.0.1"];
      tell(
        "url",
        `Cannot listen on ${urlText(url)}: other machines can reach it${through} and no authentication is set; give ` +
          `--allow-anonymous, or set "authentication.anonymous" to true, if everybody may connect${otherwise}`,
      );
    }
    const other = earlier.find((one) => isSameAddress(one.url, url));
    if (other === undefined) earlier.push({ url, index });
    else {
      const how = urlText(other.url).replace(/^\w+:/, "") === urlText(url).replace(/^\w+:/, "")
        ? "does so already"
        : `has the same port at ${urlText(other.url)} already`;
      tell("url", `Cannot listen on ${urlText(url)}: "listeners[${other.index}]" ${how}`);
    }
  }
}

/** Checks that a dashboard that other machines can reach asks who they are, over TLS. */
export function checkAdmin<Parts extends AdminParts>({ admin, tls }: Parts, context: Context<Parts>): void {
  if (typeof admin !== "object") return;
  const tell = (message: string) => complain(context, message, ["admin", "url"]);
  const url = URL.parse(admin.url);
  if (url === null) return; // Reported already.
  const isTls = url.protocol === "https:";
  if (isTls && admin.tls === undefined && tls === undefined) {
    tell(`Cannot serve the dashboard at ${admin.url}: it needs a certificate; set "admin.tls"`);
  }
  if (!isTls && admin.tls !== undefined) {
    complain(context, "has no meaning: its URL begins with http://", ["admin", "tls"]);
  }
  if (isLoopbackName(url.hostname)) return;
  if (admin.users.length === 0 && admin.tokens.length === 0) {
    tell(
      `Cannot serve the dashboard at ${admin.url}: other machines can reach it and nobody can sign in; set ` +
        `"admin.users" or "admin.tokens", or give it a loopback address`,
    );
  }
  if (!isTls && !admin.insecure) {
    tell(
      `Cannot serve the dashboard at ${admin.url}: other machines can reach it, and passwords would not be encrypted; ` +
        `write https:// with "admin.tls", or set "admin.insecure" to true if a proxy does it`,
    );
  }
}

interface AdminParts {
  readonly admin?: boolean | undefined | {
    readonly url: string;
    readonly users: readonly unknown[];
    readonly tokens: readonly unknown[];
    readonly tls?: object | undefined;
    readonly insecure: boolean;
  };
  readonly tls?: object | undefined;
}

interface ListenersParts {
  readonly listeners: readonly ListenerParts[];
  readonly tls?: object | undefined;
  readonly authentication: Ways;
}

interface ListenerParts {
  readonly url: string;
  readonly tls?: object | undefined;
  readonly authentication?: Ways | undefined;
  readonly paths?: unknown;
  readonly origins?: unknown;
  readonly hosts?: unknown;
  readonly httpDir?: unknown;
  readonly maximumRequestHeadBytes?: unknown;
  readonly pingSeconds?: unknown;
  readonly trustedProxies: readonly string[];
  readonly proxyProtocol: boolean;
}

/** Keys of a listener that have a meaning for WebSocket alone. */
const WEB_SOCKET_KEYS = [
  "paths",
  "origins",
  "hosts",
  "httpDir",
  "maximumRequestHeadBytes",
  "pingSeconds",
  "trustedProxies",
] as const;

/** Keys of a listener that have no meaning for its scheme. */
function meaningless({ scheme }: ListenUrl, listener: ListenerParts): [key: keyof ListenerParts, why: string][] {
  const { socket, isTls, isWebSocket } = SCHEMES[scheme];
  const isGiven = (key: keyof ListenerParts) => {
    const value = listener[key];
    return key === "trustedProxies" ? listener.trustedProxies.length > 0 : value !== undefined && value !== false;
  };
  const without = (part: boolean, keys: readonly (keyof ListenerParts)[], why: string) =>
    part ? [] : keys.filter(isGiven).map((key): [keyof ListenerParts, string] => [key, why]);
  return [
    ...without(isTls, ["tls"], "TLS"),
    ...without(isWebSocket, WEB_SOCKET_KEYS, "WebSocket"),
    ...without(socket !== "unix", ["proxyProtocol"], "addresses"),
  ];
}

/** Whether the system allows only one of two addresses. */
function isSameAddress(one: ListenUrl, other: ListenUrl): boolean {
  if ("file" in one || "file" in other) return "file" in one && "file" in other && one.file === other.file;
  if (one.port === 0 || one.port !== other.port) return false;
  return addressesOf(one.hostname).some((address) =>
    addressesOf(other.hostname).some((beside) =>
      address === beside || isEveryOf(address, beside) || isEveryOf(beside, address)
    )
  );
}

/** Whether the first is the wildcard address of the second's family. */
function isEveryOf(every: string, address: string): boolean {
  return every === "::" ? isIPv6(address) : every === "0.0.0.0" && isIPv4(address);
}

function addressesOf(hostname: string): readonly string[] {
  if (hostname === EVERY_ADDRESS) return ["::", "0.0.0.0"];
  return hostname === LOOPBACK ? ["127.0.0.1", "::1"] : [hostname];
}

function urlOf(text: string): ListenUrl | undefined {
  try {
    return listenUrlOf(text);
  } catch {
    return undefined;
  }
}

function unknownRole(role: string, known: readonly string[]): string {
  return `is not one of the roles: ${suggestion(role, known)}`;
}

function isHeader(name: string, value: string): boolean {
  try {
    new Headers([[name, value]]);
    return true;
  } catch {
    return false;
  }
}

function complain<Value>(context: Context<Value>, message: string, path: PropertyKey[] = []): void {
  context.addIssue({ code: "custom", message, path });
}
