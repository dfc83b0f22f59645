import type { Listener } from "../transport/listener.ts";
import { listenBehindProxy } from "../transport/proxy_protocol.ts";
import { listenTcp } from "../transport/tcp.ts";
import { listenTls, type TlsListener } from "../transport/tls.ts";
import { listenUnix } from "../transport/unix.ts";
import { CloseCode } from "../transport/web_socket_frames.ts";
import { listenWebSocket } from "../transport/web_socket_listener.ts";
import { ConfigError } from "./config_error.ts";
import { isLoopback, type ListenUrl, type TcpUrl, type UnixUrl, urlText, type WebSocketUrl } from "./listen_url.ts";
import { type LogLine, printable } from "./log.ts";
import { readPem, type TlsOptions } from "./tls_options.ts";

const NO_ADDRESS = "this machine has no such address";
const LOOPBACK_ADDRESSES = ["127.0.0.1", "::1"] as const;

/** The system does not let the broker listen. */
export class ListenError extends Error {
  override readonly name = "ListenError";
}

/** All listeners of the program. */
export class Listening {
  readonly listeners: Listener[] = [];
  readonly #tlsListeners: TlsListener[] = [];
  readonly #tls: TlsOptions | undefined;
  readonly #log: LogLine;

  constructor(tls: TlsOptions | undefined, log: LogLine) {
    this.#tls = tls;
    this.#log = log;
  }

  /** Listens at a URL; gives the line that says so. Throws {@linkcode ListenError} and {@linkcode ConfigError}. */
  async listen(url: ListenUrl): Promise<string> {
    let listener: Listener;
    try {
      listener = await this.#open(url);
    } catch (error) {
      if (error instanceof ConfigError) throw error;
      throw new ListenError(`Cannot listen on ${urlText(url)}: ${whyNot(error)}`, { cause: error });
    }
    this.listeners.push(listener);
    const who = isLoopback(url) ? "this machine only" : "open to other machines";
    return `Brooklet is listening on ${listener.url} (${who}, anonymous access allowed)`;
  }

  /** Listens at both loopback addresses, at the same port; gives the lines that say so. */
  async listenAtLoopback(scheme: "mqtt" | "ws", port: number): Promise<string[]> {
    const common = { isProxied: false, path: undefined, origins: undefined, trustedProxies: [] };
    const lines: string[] = [];
    let bound = port;
    for (const hostname of LOOPBACK_ADDRESSES) {
      const url = { ...common, scheme, hostname, port: bound } as TcpUrl | WebSocketUrl; // Each has what it needs.
      try {
        lines.push(await this.listen(url));
      } catch (error) {
        // Not every machine has IPv6, and not every one says so in the same words.
        if (hostname === "127.0.0.1" || !(error instanceof ListenError) || isOfPort(error.cause)) throw error;
        lines.push(`Not listening on ${urlText(url)}: ${NO_ADDRESS}`);
      }
      bound = Number(/:(\d+)(?:\/|$)/.exec(this.listeners.at(-1)?.url ?? "")?.[1] ?? port);
    }
    return lines;
  }

  /** Reads the certificate again, for handshakes from now on; gives the line that says so. It never throws. */
  reload(): string {
    try {
      const certificate = this.#certificate();
      for (const listener of this.#tlsListeners) listener.reload(certificate);
      return this.#tlsListeners.length === 0
        ? "There is no certificate to read again"
        : "The certificate was read again";
    } catch (error) {
      return `The certificate stays as it was: ${printable(error instanceof Error ? error.message : String(error))}`;
    }
  }

  close(): void {
    for (const listener of this.listeners) listener.close();
  }

  readonly #refused = (address: string, reason: string): void =>
    this.#log(`Connection from ${address} refused: ${printable(reason)}.`);

  async #open(url: ListenUrl): Promise<Listener> {
    switch (url.scheme) {
      case "unix":
        return await openUnix(url);
      case "mqtt":
        return this.#behindProxy(listenTcp(url), url);
      case "mqtts":
        return this.#openTls(url, "mqtt");
      case "ws":
        return this.#webSocket(this.#behindProxy(listenTcp(url), url), url);
      case "wss":
        return this.#webSocket(this.#openTls(url, "http/1.1"), url);
    }
  }

  #openTls({ hostname, port, isProxied }: TcpUrl | WebSocketUrl, alpnProtocol: string): TlsListener {
    const tls = this.#tls;
    if (tls === undefined) throw new ConfigError("A listener for TLS needs --cert and --key: PEM files");
    const { authorityPath, requireCertificate, minimumVersion } = tls;
    const listener = listenTls({
      ...this.#certificate(),
      hostname,
      port,
      proxyProtocol: isProxied,
      alpnProtocols: [alpnProtocol],
      minimumVersion,
      requireCertificate,
      ...authorityPath === undefined ? {} : { clientAuthority: readPem("cafile", authorityPath) },
      onHandshakeFailed: this.#refused,
    });
    this.#tlsListeners.push(listener);
    return listener;
  }

  #certificate(): { certificate: string; key: string } {
    const { certificatePath = "", keyPath = "" } = this.#tls ?? {};
    return { certificate: readPem("cert", certificatePath), key: readPem("key", keyPath) };
  }

  #behindProxy(below: Listener, { isProxied }: { readonly isProxied: boolean }): Listener {
    if (!isProxied) return below;
    return listenBehindProxy(below, { onRefused: this.#refused });
  }

  #webSocket(below: Listener, url: WebSocketUrl): Listener {
    const { path, trustedProxies } = url;
    // What only this machine can reach is not for pages of the web that a browser of this machine shows.
    const origins = url.origins ?? (isLoopback(url) ? ["sameOrigin", "loopback"] : undefined);
    return listenWebSocket(below, {
      ...path === undefined ? {} : { paths: [path] },
      ...origins === undefined ? {} : { origins },
      trustedProxies,
      onRefused: this.#refused,
      onWebSocketEnd: ({ code, reason, isByPeer }, { address }) => {
        if (isByPeer || code === CloseCode.Normal || code === CloseCode.GoingAway) return;
        this.#log(`Connection from ${address} broke the rules of its transport: ${printable(reason)}.`);
      },
    });
  }
}

function openUnix({ path, mode }: UnixUrl): Promise<Listener> {
  return listenUnix({ path, ...mode === undefined ? {} : { mode } });
}

/** Whether the address is there and the port is what is refused. */
function isOfPort(error: unknown): boolean {
  return error instanceof Deno.errors.AddrInUse || error instanceof Deno.errors.PermissionDenied ||
    error instanceof Deno.errors.NotCapable;
}

function whyNot(error: unknown): string {
  if (error instanceof Deno.errors.AddrInUse) return "the port is in use; end the other program or choose another port";
  if (error instanceof Deno.errors.AddrNotAvailable) return NO_ADDRESS;
  if (error instanceof Deno.errors.PermissionDenied) return "not permitted; ports below 1024 need a privilege";
  if (error instanceof Deno.errors.NotCapable) return "not permitted; Deno needs --allow-net for it";
  return error instanceof Error ? error.message : String(error);
}
