import type { Transport } from "../transport/transport.ts";
import { upgradeWebSocket } from "../transport/upgraded_web_socket.ts";
import { ForwardedAddresses, type ForwardedOptions } from "../transport/web_socket_forwarded.ts";
import { CloseCode, type WebSocketEnd } from "../transport/web_socket_frames.ts";
import type { UpgradeOptions } from "../transport/web_socket_upgrade.ts";
import type { BrokerEvent } from "./events.ts";

/** Options of `Broker.upgrade`. */
export interface RouteOptions extends UpgradeOptions, ForwardedOptions {
  /** Who sent the request, as the second argument of a `Deno.serve` handler says. @default unknown */
  readonly remoteAddr?: RemoteAddress | undefined;
  /** Seconds of silence after which the runtime sends a Ping, for proxies that close what is silent. @default {0}, never */
  readonly idleTimeoutSeconds?: number;
}

/** An address as `Deno.serve` gives it. */
export interface RemoteAddress {
  readonly transport?: string;
  readonly hostname?: string;
  readonly port?: number;
}

/** What a route needs of its broker. */
export interface RouteHost {
  serve(transport: Transport): Promise<void>;
  isClosing(): boolean;
  onEvent(event: BrokerEvent): void;
}

/** Answers a request, and serves the connection where it becomes one. */
export function answerUpgrade(request: Request, options: RouteOptions, host: RouteHost): Response {
  const { remoteAddr } = options;
  const { hostname = remoteAddr?.transport?.startsWith("unix") ? "unix" : "unknown", port } = remoteAddr ?? {};
  const known = port === undefined
    ? hostname
    : hostname.includes(":")
    ? `[${hostname}]:${port}`
    : `${hostname}:${port}`;
  const address = new ForwardedAddresses(options).clientAddress(known, request.headers);
  const url = URL.parse(urlOf(request));
  if (url === null) return new Response("The Host header is wrong\n", { status: 400 });
  const { protocol, host: name } = url;
  const peer = { transport: "ws", address, listener: `${protocol === "https:" ? "wss" : "ws"}://${name}` };
  const onWebSocketEnd = ({ code, reason, isByPeer }: WebSocketEnd) => {
    const isViolation = !isByPeer && code !== CloseCode.Normal && code !== CloseCode.GoingAway;
    if (isViolation) host.onEvent({ kind: "transportViolation", peer, reason });
  };
  const closeCode = () => host.isClosing() ? CloseCode.GoingAway : CloseCode.Normal;
  const upgraded = upgradeWebSocket(request, { ...options, peer, closeCode, onWebSocketEnd });
  if (upgraded.refusal !== undefined) {
    host.onEvent({ kind: "connectionRefused", peer, reason: upgraded.refusal.reason });
  }
  if (upgraded.transport !== undefined) host.serve(upgraded.transport); // Never rejects.
  return upgraded.response;
}

/** The runtime makes it of the Host header when it is asked, and throws for one that is wrong. */
function urlOf(request: Request): string {
  try {
    return request.url;
  } catch {
    return "";
  }
}
