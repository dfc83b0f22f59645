import { type HostOptions, hostRefusal, isLoopbackAddress, isSameHost } from "../transport/web_socket/origin.ts";
import type { Transport } from "../transport/transport.ts";
import { upgradeWebSocket } from "../transport/web_socket/upgraded.ts";
import { ForwardedAddresses, type ForwardedOptions } from "../transport/proxy/forwarded.ts";
import { CloseCode, type WebSocketEnd } from "../transport/web_socket/frames.ts";
import { refusal, type UpgradeOptions, type UpgradeRefusal } from "../transport/web_socket/upgrade.ts";
import type { BrokerEvent } from "./events.ts";

/**
 * Options of `Broker.upgrade`.
 *
 * An app does not say where it listens, nor by which names it is known. So without `hosts`, only a page that a browser of
 * this machine shows, and that asks for its own host, has to be at a loopback name (DNS rebinding): `remoteAddr` is a
 * loopback address, `Origin` has the host of the request, and no proxy has added `X-Forwarded-For`, `X-Forwarded-Proto` or
 * `Forwarded`, which no page can set here. Give `hosts` to have all requests checked.
 */
export interface RouteOptions extends UpgradeOptions, HostOptions, ForwardedOptions {
  /** Address that sent the request, as the second argument of a `Deno.serve` handler says. @default unknown */
  readonly remoteAddr?: RemoteAddress | undefined;
  /** URL of the listener for authenticators, rules and events. @default scheme and host that the request asks for */
  readonly listener?: string;
  /** Called when the connection that the request became has ended. What it throws is ignored. */
  readonly onEnd?: () => void;
  /**
   * Seconds without an answer after which a client is disconnected: the runtime sends it a Ping twice in this time, also so
   * that proxies do not close what is silent. 0: never. @default 60 behind a trusted proxy, else 0
   */
  readonly idleTimeoutSeconds?: number;
}

/** Address of a client, as `Deno.serve` passes it to its handler. */
export interface RemoteAddress {
  /** Kind of the address, such as `tcp`. */
  readonly transport?: string;
  /** IP address of the client. */
  readonly hostname?: string;
  /** Port of the client. */
  readonly port?: number;
}

// Many proxies close after 60 s of silence: a Ping comes every 30 s.
const PROXIED_IDLE_TIMEOUT_SECONDS = 60;

/** Response to a request, and the connection that it becomes; `undefined`: it becomes none. */
interface RouteAnswer {
  readonly response: Response;
  readonly transport: Transport | undefined;
}

/** Answers a request that wants to speak MQTT over WebSocket. @param isClosing whether the broker ends */
export function answerUpgrade(
  request: Request,
  options: RouteOptions,
  isClosing: () => boolean,
  onEvent: (event: BrokerEvent) => void,
): RouteAnswer {
  const known = addressOf(options.remoteAddr);
  const addresses = new ForwardedAddresses(options);
  const address = addresses.clientAddress(known, request.headers);
  const url = URL.parse(urlOf(request));
  if (url === null) {
    const peer = { transport: "ws", address, listener: "ws://unknown" };
    onEvent({ kind: "connectionRefused", peer, reason: "Host is malformed", help: "http-request", status: 400 });
    return refused(responseTo(refusal(400, "http-request", "Host is malformed", "The Host header is wrong\n")));
  }
  const { protocol, host: name } = url;
  const { listener = `${protocol === "https:" ? "wss" : "ws"}://${name}` } = options;
  const peer = { transport: "ws", address, listener };
  const onWebSocketEnd = (end: WebSocketEnd) => {
    if (isViolation(end)) onEvent({ kind: "transportViolation", peer, reason: end.reason });
  };
  const closeCode = () => isClosing() ? CloseCode.GoingAway : CloseCode.Normal;
  const misdirected = hostRefusal(request, options, isLoopbackAddress(known) && isOfOwnPage(request));
  if (misdirected !== undefined) {
    const { status, reason, body } = misdirected;
    onEvent({ kind: "connectionRefused", peer, reason, help: "host", status });
    return refused(responseTo(refusal(status, "host", reason, body)));
  }
  const scheme = isProxied(request) ? addresses.scheme(request.headers) : protocol === "https:" ? "https" : "http";
  const upgraded = upgradeWebSocket(request, {
    ...addresses.isTrusted(known) && { idleTimeoutSeconds: PROXIED_IDLE_TIMEOUT_SECONDS },
    ...options,
    peer,
    scheme,
    closeCode,
    onWebSocketEnd,
  });
  if (upgraded.refusal !== undefined) {
    const { reason, help, status } = upgraded.refusal;
    onEvent({ kind: "connectionRefused", peer, reason, help, status });
  }
  return upgraded;
}

/** Whether a WebSocket connection ended because its peer broke the rules. */
export function isViolation({ code, isByPeer }: WebSocketEnd): boolean {
  return !isByPeer && code !== CloseCode.Normal && code !== CloseCode.GoingAway;
}

/** Text of an address: with its port, `unix`, or `unknown`. */
export function addressOf({ transport, hostname, port }: RemoteAddress = {}): string {
  const host = hostname ?? (transport?.startsWith("unix") ? "unix" : "unknown");
  if (port === undefined) return host;
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Whether a proxy has sent the request: a page cannot set these headers, so that here it does not matter which proxy. */
function isProxied({ headers }: Request): boolean {
  return ["x-forwarded-for", "x-forwarded-proto", "forwarded"].some((name) => headers.has(name));
}

/** Whether a page asks for its own host, and no proxy is between. Other pages are the matter of `origins`. */
function isOfOwnPage(request: Request): boolean {
  const page = URL.parse(request.headers.get("origin") ?? "");
  return page !== null && isSameHost(page, request) && !isProxied(request);
}

function refused(response: Response): RouteAnswer {
  return { response, transport: undefined };
}

function responseTo({ status, headers, body }: UpgradeRefusal): Response {
  return new Response(body, { status, headers });
}

/** Reads the URL, which the runtime makes of the Host header then; it throws for one that is wrong. */
function urlOf(request: Request): string {
  try {
    return request.url;
  } catch {
    return "";
  }
}
