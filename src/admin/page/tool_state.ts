import { type Signal, signal } from "@preact/signals";
import type { Api } from "./api.ts";
import type { EventRow } from "./shapes.ts";
import { milliseconds } from "./text.ts";
import { ToolConnection } from "./tool_connection.ts";
import type { OwnEvent } from "./tool_reasons.ts";
import { newClientId, newSettings, settingsOf, storedSettings, type ToolSettings } from "./tool_settings.ts";

const KEY = "brooklet-tool";
/** Connections whose settings are kept. */
const MOST_KEPT = 8;
const NEWEST_EVENTS = 20;

/** Connections of the WebSocket tool; they live on while another page is shown. */
export class Tool {
  /** Rises when something has changed, at most once a frame. */
  readonly changes: Signal<number> = signal(0);
  /** Address at the server of this page, which always works: same origin, certificate and proxy. */
  readonly ownAddress: string;
  /** URLs of the listeners of the broker, once they are known. */
  listeners: readonly string[] | undefined;
  readonly #api: Api;
  readonly #page: URL;
  #connections: readonly ToolConnection[] = [];
  #lastId = 0;
  #isPlanned = false;

  constructor(api: Api, page: URL) {
    this.#api = api;
    this.#page = page;
    const address = new URL("mqtt", page); // Beside the page, which may be below a path.
    address.protocol = page.protocol === "https:" ? "wss:" : "ws:";
    this.ownAddress = address.href;
    for (const settings of keptSettings(this.ownAddress)) this.#add(settings);
    if (this.#connections.length === 0) this.add();
  }

  get connections(): readonly ToolConnection[] {
    return this.#connections;
  }

  /** Adds a connection with the settings of the last one and a Client Identifier of its own. */
  add(): void {
    const last = this.#connections.at(-1)?.settings;
    const settings = newSettings(this.ownAddress, newClientId());
    this.#add(last === undefined ? settings : { ...last, clientId: settings.clientId });
    this.#changed();
  }

  remove(connection: ToolConnection): void {
    this.#connections = this.#connections.filter((other) => other !== connection);
    if (this.#connections.length === 0) this.add();
    void connection.disconnect(); // It never rejects.
    this.#changed();
  }

  #add(settings: ToolSettings): void {
    const connection = new ToolConnection(this.#lastId += 1, settings, {
      ownEvents: (after) => this.#ownEvents(after),
      page: this.#page.href,
      mayOpen: (address) => this.#mayOpen(address),
      onChange: () => this.#changed(),
    });
    this.#connections = [...this.#connections, connection];
  }

  #mayOpen(address: string): boolean {
    const { host, port } = new URL(address);
    // A listener at all addresses has any name.
    const isListener = (url: string) =>
      /^wss?:/.test(url) && (host === new URL(url).host || port === new URL(url).port);
    return host === this.#page.host || this.listeners === undefined || this.listeners.some(isListener);
  }

  #changed(): void {
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    requestAnimationFrame(() => {
      this.#isPlanned = false;
      this.changes.value += 1;
      this.#keep();
    });
  }

  /** Keeps the settings in this browser, without passwords. */
  #keep(): void {
    const settings = this.#connections.slice(0, MOST_KEPT).map((connection) => storedSettings(connection.settings));
    const text = `[${settings.join(",")}]`;
    try {
      if (localStorage.getItem(KEY) !== text) localStorage.setItem(KEY, text);
    } catch {
      // Storage may be off: then they hold for this tab.
    }
  }

  async #ownEvents(after: number): Promise<readonly OwnEvent[]> {
    const { events } = await this.#api.get<{ readonly events: readonly EventRow[] }>(["events"], {
      query: { mine: true, after, limit: NEWEST_EVENTS },
    });
    return events.map(({ id, kind, message, remedy, clause, time, clientId }) => ({
      id,
      kind,
      text: message,
      remedy: remedy ?? undefined,
      clause: clause ?? undefined,
      clientId: clientId ?? undefined,
      timeMs: milliseconds(time),
    }));
  }
}

function keptSettings(ownAddress: string): ToolSettings[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    if (!Array.isArray(kept)) return [];
    return kept.slice(0, MOST_KEPT).map((settings) => settingsOf(settings, newSettings(ownAddress, newClientId())));
  } catch {
    return []; // Storage may be off, or another program has written there.
  }
}
