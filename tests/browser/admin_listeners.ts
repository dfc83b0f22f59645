import { Broker, type BrokerOptions } from "../../mod.ts";
import { adminHandler } from "../../src/admin/mod.ts";
import { listenTcp, listenWebSocket } from "../../src/transport/mod.ts";

/** Broker with listeners for TCP and WebSocket, whose dashboard has `/mqtt` beside it, as `deno task start` has. */
export class AdminListeners implements AsyncDisposable {
  readonly broker: Broker;
  readonly tcp = listenTcp({ hostname: "127.0.0.1", port: 0 });
  /** It takes the path `/mqtt` and no other. */
  readonly webSocket = listenWebSocket(listenTcp({ hostname: "127.0.0.1", port: 0 }), {
    onRefused: (_address, reason, help, peer) =>
      this.#admin.note({ kind: "connectionRefused", peer, reason, ...help === undefined ? {} : { help } }),
  });
  readonly #admin: ReturnType<typeof adminHandler>;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #serving: Promise<void>[];

  private constructor(broker: Broker) {
    this.broker = broker;
    this.#admin = adminHandler(broker, {
      storageName: "memory",
      authorize: () => ({ name: "ann", role: "operator" }),
      listeners: () => [{ url: this.webSocket.url }, { url: this.tcp.url }],
    });
    this.#serving = [this.tcp, this.webSocket].map(async (listener) => {
      for await (const transport of listener) void broker.serve(transport); // It never rejects.
    });
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      (request, info) =>
        new URL(request.url).pathname === "/mqtt" ? broker.fetch(request, info) : this.#admin.fetch(request, info),
    );
  }

  static async open(options: BrokerOptions = {}): Promise<AdminListeners> {
    return new AdminListeners(await Broker.open(options));
  }

  /** Address of a page, such as `inspector`. */
  url(page: string): string {
    return `http://127.0.0.1:${this.#server.addr.port}/#/${page}`;
  }

  get tcpPort(): number {
    return Number(new URL(this.tcp.url.replace("mqtt:", "http:")).port);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.tcp.close();
    this.webSocket.close();
    this.#admin.close();
    await Promise.all([this.#server.shutdown(), this.broker.close(), ...this.#serving]);
  }
}
