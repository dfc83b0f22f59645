import { utf8Length } from "../../codec/utf8.ts";

/** Reports a value that is not as expected; `path` says where it is. */
export class FieldError extends Error {
  constructor(path: string, wanted: string) {
    super(`"${path}" is not ${wanted}`);
  }
}

/** Fields of a JSON object: each is read once, with its type, and none may be left over. */
export class JsonFields {
  readonly #fields: Map<string, unknown>;
  readonly #path: string;

  constructor(value: unknown, path: string) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) throw new FieldError(path, "an object");
    this.#fields = new Map(Object.entries(value)); // `__proto__` and the like are own keys in the result of JSON.parse.
    this.#path = path;
  }

  /** Takes a field; `undefined` if it is missing. */
  take(name: string): unknown {
    const value = this.#fields.get(name);
    this.#fields.delete(name);
    return value;
  }

  has(name: string): boolean {
    return this.#fields.has(name);
  }

  /** Throws if a field is left over: a field that is not read would be lost. */
  end(): void {
    for (const name of this.#fields.keys()) throw new FieldError(this.path(name.slice(0, 50)), "a known field");
  }

  /** Path of a field. */
  path(name: string): string {
    return this.#path === "" ? name : `${this.#path}.${name}`;
  }

  text(name: string): string {
    return textOf(this.take(name), this.path(name));
  }

  /** Takes a UTF-8 Encoded String (section 1.5.4). */
  mqttText(name: string): string {
    return mqttTextOf(this.take(name), this.path(name));
  }

  boolean(name: string): boolean {
    const value = this.take(name);
    if (typeof value !== "boolean") throw new FieldError(this.path(name), "true or false");
    return value;
  }

  integer(name: string, least: number, most: number): number {
    return integerOf(this.take(name), this.path(name), least, most);
  }

  /** Takes a time; `null` is Infinity, as JSON.stringify() writes it. */
  timeMs(name: string): number {
    const value = this.take(name);
    if (value === null) return Infinity;
    if (typeof value !== "number" || !(value >= 0)) {
      throw new FieldError(this.path(name), "a time in milliseconds or null");
    }
    return value;
  }

  bytes(name: string): Uint8Array {
    const text = this.text(name);
    try {
      return Uint8Array.fromBase64(text, { lastChunkHandling: "strict" });
    } catch {
      throw new FieldError(this.path(name), "base64"); // It throws for nothing else.
    }
  }

  list<T>(name: string, read: (value: unknown, path: string) => T): T[] {
    const value = this.take(name);
    const path = this.path(name);
    if (!Array.isArray(value)) throw new FieldError(path, "a list");
    return value.map((item, index) => read(item, `${path}[${index}]`));
  }

  /** Result of `read`; `undefined` for a missing field. */
  optional<T>(name: string, read: (name: string) => T): T | undefined {
    return this.has(name) ? read(name) : undefined;
  }
}

export function textOf(value: unknown, path: string): string {
  if (typeof value !== "string") throw new FieldError(path, "a text");
  return value;
}

export function mqttTextOf(value: unknown, path: string): string {
  const text = textOf(value, path);
  try {
    utf8Length(text);
  } catch {
    throw new FieldError(path, "a text that MQTT can carry"); // It throws for nothing else.
  }
  return text;
}

export function integerOf(value: unknown, path: string, least: number, most: number): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < least || value > most) {
    throw new FieldError(path, `an integer from ${least} to ${most}`);
  }
  return value;
}
