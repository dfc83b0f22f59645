// Types of what the admin API uses of zod.js.

/** Values of one form. `Output` is what {@linkcode Schema.safeParse} gives. */
export interface Schema<Output> {
  safeParse(
    value: unknown,
    options?: { readonly error?: LocaleError },
  ): { readonly success: true; readonly data: Output } | { readonly success: false; readonly error: SchemaError };
  check(...checks: readonly Check<Output>[]): this;
}

/** Type of the values of a schema. */
export type Infer<Of> = Of extends Schema<infer Output> ? Output : never;

/** Schema of a property that may be missing. */
export interface OptionalSchema<Output> extends Schema<Output | undefined> {
  readonly _zod: { readonly optout: "optional" };
}

export interface SchemaError extends Error {
  readonly issues: readonly Issue[];
}

export interface Issue {
  readonly code: string;
  readonly message: string;
  readonly path: readonly (string | number)[];
}

interface LocaleError {
  (issue: unknown): unknown;
}

interface Check<Input> {
  readonly _zod: { check(payload: { value: Input }): unknown };
}

type Shape = Readonly<Record<string, Schema<unknown>>>;
type Optional<Of extends Shape> = { [Name in keyof Of]: Of[Name] extends OptionalSchema<unknown> ? Name : never }[
  keyof Of
];

/** Values of an object with the properties of a shape. */
export type ObjectOf<Of extends Shape> =
  & { readonly [Name in Exclude<keyof Of, Optional<Of>>]: Infer<Of[Name]> }
  & { readonly [Name in Optional<Of>]?: Exclude<Infer<Of[Name]>, undefined> };

/** Object that has these properties and no others. */
export function strictObject<Of extends Shape>(shape: Of): Schema<ObjectOf<Of>>;
export function optional<Output>(schema: Schema<Output>): OptionalSchema<Output>;
export function nullable<Output>(schema: Schema<Output>): Schema<Output | null>;
export function array<Output>(schema: Schema<Output>): Schema<readonly Output[]>;
export function record<Output>(key: Schema<string>, value: Schema<Output>): Schema<Readonly<Record<string, Output>>>;
export function union<Of extends readonly Schema<unknown>[]>(schemas: Of): Schema<Infer<Of[number]>>;
export function literal<Value extends string | number | boolean>(value: Value): Schema<Value>;
export function boolean(): Schema<boolean>;
export function string(): Schema<string>;
export function number(): Schema<number>;
export function int(): Schema<number>;
export function unknown(): Schema<unknown>;
export function maximum(value: number): Check<number>;
export function minimum(value: number): Check<number>;
export function maxLength(length: number): Check<string | readonly unknown[]>;
export function minLength(length: number): Check<string | readonly unknown[]>;
export function regex(pattern: RegExp): Check<string>;

declare function enumOf<const Values extends readonly string[]>(values: Values): Schema<Values[number]>;
export { enumOf as enum };

export namespace iso {
  /** Time as RFC 3339 writes it, in UTC. */
  function datetime(): Schema<string>;
}

/** Messages in English. */
export function english(): { readonly localeError: LocaleError };

/** JSON Schema 2020-12 of a schema. */
export function toJSONSchema(schema: Schema<unknown>, options?: { readonly io?: "input" | "output" }): JsonSchema;

/** The keywords that a reader of such schemas looks at. */
export interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly [keyword: string]: unknown;
}
