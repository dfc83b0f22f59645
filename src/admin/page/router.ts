import { type ReadonlySignal, type Signal, signal } from "@preact/signals";

/** Place in the page, as the fragment of its address says it: `#/clients/device-77?sort=-queued`. */
export interface Place {
  /** Name of the page, such as `clients`. */
  readonly page: string;
  /** Parts after it, decoded. */
  readonly parts: readonly string[];
  readonly query: Readonly<Record<string, string>>;
}

/** Places by the fragment: it works below any path, and the server sees none of it. */
export class Router {
  readonly #place: Signal<Place>;

  constructor() {
    this.#place = signal(placeOf(location.hash));
    addEventListener("hashchange", () => {
      this.#place.value = placeOf(location.hash);
    });
  }

  get place(): ReadonlySignal<Place> {
    return this.#place;
  }

  /** Goes to a place; `replace` leaves no step for the Back button. */
  go(
    page: string,
    parts: readonly string[] = [],
    query: PlaceQuery = {},
    { replace = false } = {},
  ): void {
    const target = href(page, parts, query);
    if (!replace) {
      location.hash = target;
      return;
    }
    history.replaceState(null, "", target);
    this.#place.value = placeOf(target);
  }
}

/** Query of a place; values that are empty are left out. */
export type PlaceQuery = Readonly<Record<string, string | undefined>>;

/** Address of a place, for links. */
export function href(
  page: string,
  parts: readonly string[] = [],
  query: PlaceQuery = {},
): string {
  const given = Object.entries(query).filter((
    entry,
  ): entry is [string, string] => !!entry[1]);
  const search = new URLSearchParams(given).toString();
  return `#/${[page, ...parts].map(encodeURIComponent).join("/")}${search === "" ? "" : `?${search}`}`;
}

function placeOf(hash: string): Place {
  const [path = "", search = ""] = splitOnce(hash.replace(/^#\/?/, ""), "?");
  const [page = "", ...parts] = path.split("/").map(decoded);
  return {
    page: page || "overview",
    parts,
    query: Object.fromEntries(new URLSearchParams(search)),
  };
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + separator.length)];
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // Typed by hand.
  }
}
