import { setImmediate } from "node:timers";
import { Broker, type BrokerOptions } from "../../../mod.ts";
import { type TopicsHandler, topicsHandler, type TopicsOptions } from "../../../src/admin/topics/topics_handler.ts";
import { within } from "../../deadline.ts";

/** Request to topics; `path` is what follows the base. */
export interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: BodyInit;
  readonly hostname?: string;
}

/** A broker with its topics over HTTP, without a network. */
export class Topics implements AsyncDisposable {
  private constructor(readonly broker: Broker, readonly handler: TopicsHandler) {}

  static async open(brokerOptions: BrokerOptions = {}, options: TopicsOptions = {}): Promise<Topics> {
    const broker = await Broker.open(brokerOptions);
    return new Topics(broker, topicsHandler(broker, options));
  }

  ask(path: string, { hostname = "127.0.0.1", ...init }: Asked = {}): Promise<Response> {
    const request = new Request(`http://localhost/topics${path}`, init);
    return within(this.handler.fetch(request, { remoteAddr: { transport: "tcp", hostname, port: 40_000 } }), path);
  }

  /** Asks for JSON: the status, and what came. */
  async json(path: string, asked: Asked = {}): Promise<[status: number, body: Record<string, unknown>]> {
    const response = await this.ask(path, asked);
    return [response.status, await response.json()];
  }

  /** Asks for a status alone. */
  async status(path: string, asked: Asked = {}): Promise<number> {
    const response = await this.ask(path, asked);
    await response.body?.cancel();
    return response.status;
  }

  async stream(query: string, headers: Readonly<Record<string, string>> = {}, asked: Asked = {}): Promise<EventReader> {
    const response = await this.ask(query, { ...asked, headers: { accept: "text/event-stream", ...headers } });
    if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
    return new EventReader(response);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.handler.close();
    await this.broker.close();
  }
}

/** Basic credentials as a header. */
export function basic(userName: string, password: string): { readonly authorization: string } {
  return { authorization: `Basic ${new TextEncoder().encode(`${userName}:${password}`).toBase64()}` };
}

/** Event as a reader of the format gets it. */
export interface ReadEvent {
  readonly id: number;
  readonly event: string;
  // deno-lint-ignore no-explicit-any -- Tests look into it.
  readonly data: any;
}

/** Reader of server-sent events that owes nothing to the code under test. */
export class EventReader implements AsyncDisposable {
  /** Last id, as `Last-Event-ID` has it. */
  lastId = "";
  readonly #reader: ReadableStreamDefaultReader<string>;
  #text = "";

  constructor(readonly response: Response) {
    if (response.body === null) throw new Error("There is no body");
    this.#reader = response.body.pipeThrough(
      new TextDecoderStream() as TransformStream<Uint8Array<ArrayBuffer>, string>,
    )
      .getReader();
  }

  /** Next event that has data; `undefined` at the end. */
  next(): Promise<ReadEvent | undefined> {
    return within(this.#next(), "the next event");
  }

  /** Texts of the next messages. */
  async texts(count: number): Promise<string[]> {
    const texts: string[] = [];
    while (texts.length < count) {
      const next = await this.next();
      if (next === undefined) throw new Error(`The stream ended after ${JSON.stringify(texts)}`);
      texts.push(next.event === "message" ? next.data.text : next.event);
    }
    return texts;
  }

  /** Goes away; resolves when the server has seen it. */
  async cancel(): Promise<void> {
    await this.#reader.cancel();
    await passed(); // The pipe tells its source later.
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cancel().catch(() => {}); // It may have ended.
  }

  async #next(): Promise<ReadEvent | undefined> {
    for (;;) {
      const end = this.#text.indexOf("\n\n");
      if (end === -1) {
        const { value } = await this.#reader.read();
        if (value === undefined) return undefined;
        this.#text += value;
        continue;
      }
      const fields = this.#text.slice(0, end).split("\n").map((line) =>
        /^(\w*): ?(.*)$/s.exec(line)?.slice(1) ?? [line, ""]
      );
      this.#text = this.#text.slice(end + 2);
      const of = (name: string) => fields.find(([field]) => field === name)?.[1];
      this.lastId = of("id") ?? this.lastId;
      const data = of("data");
      if (data !== undefined) return { id: Number(of("id")), event: of("event") ?? "message", data: JSON.parse(data) };
    }
  }
}

/** Lets what is under way within the process come to its end. */
export async function passed(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
}
