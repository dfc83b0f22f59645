import { type Signal, signal } from "@preact/signals";
import { dissectEntry } from "../dissect/conversation.ts";
import type { Dissection, Field } from "../dissect/dissector.ts";
import type { TraceFacts, TracePage, TraceTarget } from "../trace/trace_records.ts";
import type { Api, ApiError } from "./api.ts";
import { parseFilter } from "./inspector_filter.ts";
import { PacketList, type PacketRow } from "./inspector_packets.ts";
import type { Selection } from "./inspector_selection.ts";
import type { Live } from "./live.ts";
import { asApiError } from "./resource.ts";

/** Traced packets of the Inspector; they stay while another page is shown. */
export class Inspector {
  /** Rises when something has changed; for records that come, at most once a frame. */
  readonly changes: Signal<number> = signal(0);
  readonly #api: Api;
  readonly #live: Live;
  #trace: TraceFacts | undefined;
  #list = new PacketList();
  #filter = "";
  #filterMistake: string | undefined;
  /** Selected row, also when the list has dropped it meanwhile. */
  #selected: PacketRow | undefined;
  #dissected: { readonly row: PacketRow; readonly dissection: Dissection } | undefined;
  #selection: Selection | undefined;
  #closedFields: ReadonlySet<string> = new Set();
  #isFollowing = true;
  #pausedAtMs: number | undefined;
  #problem: ApiError | undefined;
  #isCatchingUp = false;
  #isPlanned = false;

  constructor(api: Api, live: Live) {
    this.#api = api;
    this.#live = live;
  }

  /** Trace that is shown. */
  get trace(): TraceFacts | undefined {
    return this.#trace;
  }

  get list(): PacketList {
    return this.#list;
  }

  /** Why a trace could not be started or ended. */
  get problem(): ApiError | undefined {
    return this.#problem;
  }

  get filter(): string {
    return this.#filter;
  }

  get filterMistake(): string | undefined {
    return this.#filterMistake;
  }

  /** Whether the newest packet stays in view; selecting one stops that. */
  get isFollowing(): boolean {
    return this.#isFollowing;
  }

  /** Time since which records are left in the broker. */
  get pausedAtMs(): number | undefined {
    return this.#pausedAtMs;
  }

  get selected(): PacketRow | undefined {
    return this.#selected;
  }

  /** Dissection of the selected packet, kept while it is selected. */
  get dissection(): Dissection | undefined {
    const row = this.selected;
    if (row?.entry === undefined) return undefined;
    if (this.#dissected?.row !== row) this.#dissected = { row, dissection: dissectEntry(row.entry) };
    return this.#dissected.dissection;
  }

  /** Selected part of the selected packet. */
  get selection(): Selection | undefined {
    return this.#selection;
  }

  /** Groups that are closed, by their names, so that they stay closed in the next packet. */
  get closedFields(): ReadonlySet<string> {
    return this.#closedFields;
  }

  /** Shows the trace of a target, which is started unless it runs; the problem says why that could not be. */
  async start(target: TraceTarget): Promise<boolean> {
    try {
      this.show(await this.#running(target) ?? await this.#api.post<TraceFacts>(["traces"], target));
      return true;
    } catch (error) {
      this.#problem = asApiError(error);
      this.#changed();
      return false;
    }
  }

  /** Shows a trace by its id, unless it is shown already. */
  async open(id: string): Promise<void> {
    if (id === this.#trace?.id) return;
    try {
      this.show(await this.#api.get<TraceFacts>(["traces", id]));
    } catch (error) {
      this.#problem = asApiError(error);
      this.#changed();
    }
  }

  /** Shows a trace from its first record that is kept. */
  show(trace: TraceFacts): void {
    if (trace.id === this.#trace?.id) return this.follow(true);
    this.#trace = trace;
    this.#list = new PacketList();
    this.#selected = undefined;
    this.#selection = undefined;
    this.#isFollowing = true;
    this.#pausedAtMs = undefined;
    this.#problem = undefined;
    this.#applyFilter();
    this.#live.trace(trace.id);
    this.#changed();
  }

  /** Ends the trace; its packets stay. */
  async stop(): Promise<void> {
    const trace = this.#trace;
    if (trace === undefined || !trace.isActive) return;
    try {
      this.#trace = await this.#api.post<TraceFacts>(["traces", trace.id, "stop"], undefined);
    } catch (error) {
      this.#problem = asApiError(error);
    }
    this.#changed();
  }

  /** Takes records while the page is shown; gives the function that ends it. */
  listen(): () => void {
    this.#live.trace(this.#trace?.id);
    return this.#live.on("trace", (data, name) => this.#take(data, name));
  }

  /** Forgets the packets so far. */
  clear(): void {
    this.#list.clear();
    this.#selected = undefined;
    this.#selection = undefined;
    this.#changed();
  }

  pause(): void {
    this.#pausedAtMs = Date.now();
    this.#changed();
  }

  /** Goes on, with the packets that came meanwhile as far as the broker has them. */
  async resume(): Promise<void> {
    this.#pausedAtMs = undefined;
    this.#changed();
    await this.#catchUp();
  }

  setFilter(text: string): void {
    this.#filter = text;
    this.#applyFilter();
    this.#changed();
  }

  /** Selects a packet, which ends following. */
  select(row: PacketRow | undefined): void {
    if (row !== this.#selected) this.#selection = undefined;
    this.#selected = row;
    this.#isFollowing = false;
    this.#changed();
  }

  /** Selects the packet some rows further on. */
  move(by: number): void {
    const { shown } = this.#list;
    if (shown.length === 0) return;
    const current = this.#selected === undefined ? -1 : this.#list.shownIndexOf(this.#selected.number);
    const from = current === -1 ? (by > 0 ? -1 : shown.length) : current;
    const index = Math.max(0, Math.min(shown.length - 1, from + by));
    this.select(shown[index]);
  }

  selectPart(selection: Selection | undefined): void {
    this.#selection = selection;
    this.#changed();
  }

  /** Opens or closes a group of fields. */
  toggle({ label }: Field): void {
    const closed = new Set(this.#closedFields);
    if (!closed.delete(label)) closed.add(label);
    this.#closedFields = closed;
    this.#changed();
  }

  follow(isFollowing: boolean): void {
    this.#isFollowing = isFollowing;
    this.#changed();
  }

  /** Address of the capture of the trace. */
  captureUrl(isWire: boolean): string {
    const { id = "" } = this.#trace ?? {};
    return this.#api.url(["traces", `${id}.pcapng`], { wire: isWire }).href;
  }

  /** Trace of the same target that runs; one of the next connection may have got it already. */
  async #running(target: TraceTarget): Promise<TraceFacts | undefined> {
    if (target.next === true) return undefined;
    const { traces } = await this.#api.get<{ readonly traces: readonly TraceFacts[] }>(["traces"]);
    const isSame = (other: TraceTarget) =>
      Object.entries(target).every(([key, value]) => other[key as keyof TraceTarget] === value); // Its own keys.
    return traces.find((trace) => trace.isActive && isSame(trace.target));
  }

  #take(data: unknown, name: string): void {
    if (this.#trace === undefined || !isRecord(data)) return;
    if (name === "records") {
      const page = data as unknown as TracePage; // The stream of that trace has them.
      if (page.trace.id !== this.#trace.id) return;
      this.#trace = page.trace;
      this.#add(page);
    } else if (name === "end" && isRecord(data["trace"])) {
      this.#trace = data["trace"] as unknown as TraceFacts; // The same stream says it.
    }
    this.#changedSoon();
  }

  /** Adds records of the stream; where some are missing before them, as after a pause, they are asked for. */
  #add(page: TracePage): void {
    const [first] = page.records;
    if (this.#pausedAtMs !== undefined || this.#isCatchingUp) return;
    if (first !== undefined && first.number > this.#list.after + 1) void this.#catchUp(); // It never rejects.
    else this.#list.add(page);
  }

  async #catchUp(): Promise<void> {
    const trace = this.#trace;
    if (trace === undefined || this.#isCatchingUp) return;
    const list = this.#list;
    this.#isCatchingUp = true;
    try {
      for (let isMore = true; isMore;) {
        const page = await this.#api.get<TracePage>(["traces", trace.id, "records"], { query: { after: list.after } });
        if (this.#list !== list || this.#pausedAtMs !== undefined) return;
        isMore = page.records.length > 0;
        list.add(page);
        this.#changedSoon();
      }
    } catch (error) {
      this.#problem = asApiError(error);
      this.#changedSoon();
    } finally {
      this.#isCatchingUp = false;
    }
  }

  #applyFilter(): void {
    const parsed = parseFilter(this.#filter);
    this.#filterMistake = "mistake" in parsed ? parsed.mistake : undefined;
    if ("matches" in parsed) this.#list.filter(parsed.matches, parsed.isChanging);
  }

  #changed(): void {
    this.changes.value += 1;
  }

  /** Draws once for all records that come within a frame. */
  #changedSoon(): void {
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    requestAnimationFrame(() => {
      this.#isPlanned = false;
      this.#changed();
    });
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
