import { isIPv4 } from "node:net";
import type { Listener, OnRefused } from "../../transport/listener.ts";
import { listenBehindProxy } from "../../transport/proxy/protocol.ts";
import { SCHEMES } from "../../transport/schemes.ts";
import { type Admit, listenAtPort, listenTcp, type TcpListener } from "../../transport/tcp.ts";
import { TcpPort } from "../../transport/tcp_port.ts";
import type { Peer } from "../../transport/transport.ts";
import {
  certificates,
  checkServerCertificate,
  completedChain,
  type ServerCertificate,
} from "../../transport/tls/certificates.ts";
import type { ReloadedTls } from "../../transport/tls/handshake.ts";
import { type TlsListener, tlsListener } from "../../transport/tls/tls.ts";
import { checkUnixPath, listenUnix } from "../../transport/unix.ts";
import { ForwardedAddresses } from "../../transport/proxy/forwarded.ts";
import type { WebSocketEnd } from "../../transport/web_socket/frames.ts";
import { listenWebSocket, PROXIED_PING_INTERVAL_MS } from "../../transport/web_socket/listener.ts";
import { entryWords } from "../config/checks.ts";
import type { Configuration, ListenerConfiguration, TlsConfiguration } from "../config/settings.ts";
import { ConfigError } from "../config_error.ts";
import { PROGRAM_HELP } from "../../broker/event_help.ts";
import { printable } from "../../codec/printable.ts";
import type { LogLine } from "../log/log.ts";
import { readPem, tryMaking } from "../files.ts";
import {
  EVERY_ADDRESS,
  isLocal,
  isLoopback,
  type ListenUrl,
  listenUrlOf,
  LOOPBACK,
  type TcpUrl,
  urlText,
  type WebSocketSettings,
} from "./listen_url.ts";
import { isOfPort, ListenError, NO_ADDRESS } from "./listen_error.ts";
import { realFolder, staticFiles } from "./static_files.ts";

const ACCEPT_FAILED_LINE_MS = 60_000;
const TRANSPORTS: Readonly<Record<string, string>> = { mqtt: "tcp", mqtts: "tls", ws: "ws", wss: "wss" };
/** Addresses of hosts that stand for more than one; a machine may lack those after the first. */
const ADDRESSES = {
  [LOOPBACK]: { hosts: ["127.0.0.1", "::1"], isOneEnough: false },
  // Most IPv6 sockets accept IPv4 connections too; on Windows, and on Linux with net.ipv6.bindv6only=1, none does.
  [EVERY_ADDRESS]: { hosts: ["::", "0.0.0.0"], isOneEnough: true },
} as const;

/** Open listener, with its index in the configuration. */
export interface OpenListener {
  readonly listener: Listener;
  readonly index: number;
}

/** Admits a connection of an address until the function that it gives is called, or gives the reason against it. */
type AdmitAddress = (address: string) => string | (() => void);

/** All listeners of the program. */
export class Listening {
  readonly open: OpenListener[] = [];
  readonly #tlsListeners: { readonly listener: TlsListener; readonly index: number }[] = [];
  /** Called for each connection that a listener refuses. */
  onRefused: OnRefused | undefined;
  /** Called with the end of each WebSocket connection. */
  onWebSocketEnd: ((end: WebSocketEnd, peer: Peer) => void) | undefined;
  readonly #log: LogLine;
  readonly #admit: AdmitAddress | undefined;
  #nextAcceptFailedMs = 0;
  /** Shared ports of IPv6-only listeners, by the index of each listener that uses one. */
  #ports: ReadonlyMap<number, TcpPort> = new Map();

  /** @param admit called for each connection before its handshakes, except those of proxies */
  constructor(log: LogLine, admit?: AdmitAddress) {
    this.#log = log;
    this.#admit = admit;
  }

  /**
   * Listens at all addresses or at none; gives a line for each address. Throws {@linkcode ListenError} and
   * {@linkcode ConfigError}.
   */
  async listen(configuration: Configuration): Promise<string[]> {
    const lines: string[] = [];
    this.#ports = this.#portsOf(configuration);
    try {
      for (const index of configuration.listeners.keys()) lines.push(...await this.#listenAt(configuration, index));
    } catch (error) {
      this.close();
      throw error;
    }
    return lines;
  }

  /** Reads certificates, and gives a function that uses them for later handshakes; throws {@linkcode ConfigError}. */
  prepareReload({ listeners, tls }: Configuration): () => void {
    const shown = this.#tlsListeners.map(({ listener, index }) => {
      const own = listeners[index]?.tls ?? tls;
      return { listener, files: own === undefined ? undefined : tlsFilesOf(own) };
    });
    return () => {
      for (const { listener, files } of shown) if (files !== undefined) listener.reload(files);
    };
  }

  /** Closes all listeners. Safe to call again. */
  close(): void {
    for (const { listener } of this.open) listener.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #listenAt(whole: Configuration, index: number): Promise<string[]> {
    const configuration = whole.listeners[index] as ListenerConfiguration; // It is one of their indices.
    const url = withOptions(listenUrlOf(configuration.url), configuration);
    const meant = "file" in url ? undefined : ADDRESSES[url.hostname as typeof LOOPBACK]; // Otherwise undefined.
    if (meant === undefined || "file" in url) return [await this.#openOne(url, configuration, whole, index)];
    const lines: string[] = [];
    let { port } = url;
    for (const [at, hostname] of meant.hosts.entries()) {
      const here = { ...url, hostname, port };
      try {
        lines.push(await this.#openOne(here, configuration, whole, index));
        if (meant.isOneEnough) return at > 0 ? lines : await this.#withIpv4(lines, here, configuration, whole, index);
      } catch (error) {
        // A machine may lack IPv6, and machines report that in different words.
        const isOther = error instanceof ListenError && !isOfPort(error.cause);
        if (!isOther || (meant.isOneEnough ? at === meant.hosts.length - 1 : at === 0)) throw error;
        if (!meant.isOneEnough) lines.push(`Not listening on ${urlText(here)}: ${NO_ADDRESS}`);
      }
      port = this.#portOfLast(port);
    }
    return lines;
  }

  /** Listens at IPv4 too where the socket at `::` is for IPv6 alone; gives the line of that socket, and of both. */
  async #withIpv4(
    lines: string[],
    url: TcpUrl,
    configuration: ListenerConfiguration,
    whole: Configuration,
    index: number,
  ): Promise<string[]> {
    const isSeparate = isIpv6SocketAlone();
    const here = { ...url, hostname: "0.0.0.0", port: this.#portOfLast(url.port) };
    // Without the permission Deno would prompt at a terminal.
    const host = `${here.hostname}:${here.port}`;
    const isAllowed = Deno.permissions.querySync({ name: "net", host }).state === "granted";
    if (isSeparate === false || (isSeparate === undefined && !isAllowed)) return lines;
    try {
      const ipv4 = await this.#openOne(here, configuration, whole, index);
      return [...lines.map((line) => line.replace("//*:", "//[::]:")), ipv4];
    } catch (error) {
      const isShared = error instanceof ListenError && error.cause instanceof Deno.errors.AddrInUse;
      if (isSeparate === undefined && isShared) return lines; // The socket at `::` has the port of IPv4 too.
      throw error;
    }
  }

  #portOfLast(otherwise: number): number {
    return Number(/:(\d+)(?:\/|$)/.exec(this.open.at(-1)?.listener.url ?? "")?.[1] ?? otherwise);
  }

  async #openOne(
    url: ListenUrl,
    configuration: ListenerConfiguration,
    { tls, authentication }: Configuration,
    index: number,
  ): Promise<string> {
    const ways = configuration.authentication ?? authentication;
    let listener: Listener;
    try {
      listener = await this.#listener(url, configuration, configuration.tls ?? tls, index);
    } catch (error) {
      if (error instanceof ConfigError) throw error;
      throw new ListenError(url, error);
    }
    this.open.push({ listener, index });
    const isOnlyHere = isLocal(url, configuration);
    const who = isOnlyHere ? "this machine only" : "open to other machines";
    const isForIpv6Alone = this.#ports.has(index);
    const where = isForIpv6Alone ? listener.url : listener.url.replace("//[::]:", "//*:"); // The host as it is written.
    return `Brooklet is listening on ${where} (${who}, ${entryWords(ways, isOnlyHere)})`;
  }

  /** Logs that connections cannot be accepted, once a minute: each is tried again until there is a descriptor for it. */
  readonly #acceptFailed = (error: unknown): void => {
    const nowMs = performance.now();
    if (nowMs < this.#nextAcceptFailedMs) return;
    this.#nextAcceptFailedMs = nowMs + ACCEPT_FAILED_LINE_MS;
    const why = error instanceof Error ? error.message : String(error);
    const advice = "clients wait until others leave; allow more open files (LimitNOFILE= of systemd, or ulimit -n)";
    this.#log(`Cannot accept connections: ${printable(why)}; ${advice}.`, "error");
  };

  /** Refuses a connection as the broker tells it; before there is one it is logged. */
  readonly #refused: OnRefused = (address, reason, help, peer) => {
    if (this.onRefused !== undefined) return this.onRefused(address, reason, help, peer);
    this.#log(`Connection from ${address} refused: ${printable(reason)}.`, "notice", { help });
  };

  async #listener(
    url: ListenUrl,
    configuration: ListenerConfiguration,
    tls: TlsConfiguration | undefined,
    index: number,
  ): Promise<Listener> {
    const below = "file" in url
      ? await listenUnix({
        path: url.file,
        onAcceptFailed: this.#acceptFailed,
        ...url.mode !== undefined && { mode: url.mode },
      })
      : SCHEMES[url.scheme].isTls
      ? this.#tls(url, tls, index)
      : this.#behindProxy(this.#tcp(url, index), url);
    return url.webSocket === undefined ? below : this.#webSocket(below, url, url.webSocket, configuration);
  }

  /** Ports to share: a listener at `[::]` is for IPv6 alone, and another may have its port for IPv4 (mosquitto). */
  #portsOf({ listeners }: Configuration): Map<number, TcpPort> {
    const urls = listeners.map(({ url }) => listenUrlOf(url));
    const ports = new Map<number, TcpPort>();
    for (const [index, url] of urls.entries()) {
      if ("file" in url || url.hostname !== "::") continue;
      const port = new TcpPort({
        port: url.port,
        onRefused: (address, reason) => {
          const peer = { transport: "tcp", address, listener: `mqtt://[::]:${url.port}` };
          this.#refused(address, reason, PROGRAM_HELP.ipv6Only, peer);
        },
      });
      ports.set(index, port);
      for (const [other, beside] of urls.entries()) {
        if ("file" in beside || url.port === 0 || beside.port !== url.port) continue;
        if (isIPv4(beside.hostname)) ports.set(other, port);
      }
    }
    return ports;
  }

  #tcp(url: TcpUrl, index: number): TcpListener {
    const port = this.#ports.get(index);
    const admit = this.#admitAt(url, index);
    const onAcceptFailed = this.#acceptFailed;
    return port === undefined
      ? listenTcp({ ...url, onAcceptFailed }, admit)
      : listenAtPort(url.hostname, port, admit, onAcceptFailed);
  }

  /** Admission at a listener: connections of proxies carry many clients, whose addresses are known later. */
  #admitAt({ isProxied, webSocket }: TcpUrl, index: number): Admit | undefined {
    const { trustedProxies = [] } = webSocket ?? {};
    const admitAddress = this.#admit;
    if (admitAddress === undefined || isProxied) return undefined;
    const admit: Admit = (address) => {
      const admitted = admitAddress(address);
      if (typeof admitted === "function") return admitted;
      this.#refused(address, admitted, PROGRAM_HELP.tooManyConnections, this.#peerAt(index, address));
      return undefined;
    };
    if (trustedProxies.length === 0) return admit;
    const proxies = new ForwardedAddresses({ trustedProxies });
    return (address) => proxies.isTrusted(address) ? () => {} : admit(address);
  }

  /** Peer of a connection that is refused before its handshakes, at a listener as users know it. */
  #peerAt(index: number, address: string): Peer {
    const listener = this.open.find((one) => one.index === index)?.listener.url ?? "mqtt:";
    return { transport: TRANSPORTS[listener.split(":", 1)[0] ?? ""] ?? "tcp", address, listener };
  }

  #tls(url: TcpUrl, tls: TlsConfiguration | undefined, index: number): TlsListener {
    if (tls === undefined) throw new ConfigError("A listener for TLS needs a certificate"); // The schema refuses it before.
    const { requireCertificate, minimumVersion, alpnProtocols } = tls;
    const options = {
      ...tlsFilesOf(tls),
      proxyProtocol: url.isProxied,
      alpnProtocols: alpnProtocols ?? [url.webSocket === undefined ? "mqtt" : "http/1.1"],
      minimumVersion,
      requireCertificate,
      onHandshakeFailed: this.#refused,
    };
    const listener = tlsListener(options, () => this.#tcp(url, index));
    this.#tlsListeners.push({ listener, index });
    return listener;
  }

  #behindProxy(below: Listener, { isProxied }: { readonly isProxied: boolean }): Listener {
    if (!isProxied) return below;
    return listenBehindProxy(below, { onRefused: this.#refused });
  }

  #webSocket(
    below: Listener,
    url: ListenUrl,
    settings: WebSocketSettings,
    { paths, httpDir, maximumRequestHeadBytes, pingSeconds }: ListenerConfiguration,
  ): Listener {
    const { path, trustedProxies } = settings;
    const isProxied = "isProxied" in url && url.isProxied;
    // A web page cannot write a header of the PROXY protocol.
    const hosts = settings.hosts ?? (isProxied ? ["*"] : undefined);
    // Proxies that send X-Forwarded-For are recognized by their address, connection by connection.
    const pingIntervalMs = pingSeconds !== undefined
      ? pingSeconds * 1_000
      : isProxied
      ? PROXIED_PING_INTERVAL_MS
      : undefined;
    // A listener that only this machine can reach is not for web pages in a browser of this machine.
    const origins = settings.origins ?? (isLoopback(url) ? ["sameOrigin", "loopback"] : undefined);
    return listenWebSocket(below, {
      ...paths === undefined ? path === undefined ? {} : { paths: [path] } : { paths },
      ...origins === undefined ? {} : { origins },
      ...hosts === undefined ? {} : { hosts },
      trustedProxies,
      ...pingIntervalMs === undefined ? {} : { pingIntervalMs },
      ...maximumRequestHeadBytes === undefined ? {} : { maximumRequestHeadBytes },
      ...httpDir === undefined ? {} : { answer: staticFiles(httpDir) },
      onRefused: this.#refused,
      onWebSocketEnd: (end, peer) => this.onWebSocketEnd?.(end, peer),
    });
  }
}

/** Combines the options in the URL with those beside it. */
function withOptions(
  url: ListenUrl,
  { proxyProtocol, origins, hosts, trustedProxies }: ListenerConfiguration,
): ListenUrl {
  const webSocket = url.webSocket && {
    ...url.webSocket,
    origins: origins ?? url.webSocket.origins,
    hosts: hosts ?? url.webSocket.hosts,
    trustedProxies: [...url.webSocket.trustedProxies, ...trustedProxies],
  };
  return "file" in url ? { ...url, webSocket } : { ...url, webSocket, isProxied: url.isProxied || proxyProtocol };
}

/** Checks of the files of listeners; each throws {@linkcode ConfigError} for unusable ones, and makes nothing. */
export function listenerFileChecks({ listeners, tls }: Configuration): (() => void)[] {
  return [
    ...listeners.flatMap(({ httpDir }) => httpDir === undefined ? [] : [() => realFolder(httpDir)]),
    ...[tls, ...listeners.map(({ tls }) => tls)].flatMap((own) => own === undefined ? [] : [() => tlsFilesOf(own)]),
    ...listeners.map(({ url }) => () => checkSocketFile(listenUrlOf(url))),
  ];
}

function checkSocketFile(url: ListenUrl): void {
  if (!("file" in url)) return;
  try {
    checkUnixPath(url.file);
    tryMaking(url.file);
  } catch (error) {
    throw new ConfigError(new ListenError(url, error).message);
  }
}

function tlsFilesOf(tls: TlsConfiguration): ReloadedTls {
  const { authority } = tls;
  if (authority === undefined) return certificateOf(tls);
  const clientAuthority = readPem("authority of clients", authority);
  try {
    certificates(clientAuthority, "authority");
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new ConfigError(`Cannot use the authority of clients "${authority}": ${error.message}`);
  }
  return { ...certificateOf(tls), clientAuthority };
}

function certificateOf({ certificate, key, chain }: TlsConfiguration): ServerCertificate {
  const read = { certificate: readPem("certificate", certificate), key: readPem("key", key) };
  const authorities = chain === undefined ? undefined : readPem("chain of the certificate", chain);
  try {
    checkServerCertificate(read);
    return authorities === undefined ? read : { ...read, certificate: completedChain(read.certificate, authorities) };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new ConfigError(`Cannot use the certificate "${certificate}" with the key "${key}": ${error.message}`);
  }
}

/** Whether a socket at `::` accepts no IPv4 connections on this system; `undefined`: unknown. */
function isIpv6SocketAlone(): boolean | undefined {
  if (Deno.build.os === "windows") return true;
  const path = "/proc/sys/net/ipv6/bindv6only";
  try {
    // Without the permission Deno would prompt at a terminal.
    if (Deno.permissions.querySync({ name: "read", path }).state !== "granted") return undefined;
    return Deno.readTextFileSync(path).trim() === "1";
  } catch {
    return undefined; // Another system.
  }
}
