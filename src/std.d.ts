// The npm mirror of the standard library that deno.json maps `@std/...` to ships no types. Here they stand once, for the
// functions this project uses. With the map on `jsr:`, which brings its own types, this file goes away.

declare module "@std/assert" {
  /** Any class; `never` lets constructors of every signature in. */
  type Class<Instance> = abstract new (...args: never[]) => Instance;

  export class AssertionError extends Error {}

  export function assert(
    condition: unknown,
    message?: string,
  ): asserts condition;
  export function assertEquals<T>(
    actual: T,
    expected: NoInfer<T>,
    message?: string,
  ): void;
  export function assertNotEquals<T>(
    actual: T,
    expected: NoInfer<T>,
    message?: string,
  ): void;
  export function assertStrictEquals<T>(
    actual: unknown,
    expected: T,
    message?: string,
  ): asserts actual is T;
  export function assertExists<T>(
    actual: T,
    message?: string,
  ): asserts actual is NonNullable<T>;
  export function assertInstanceOf<T>(
    actual: unknown,
    expectedType: Class<T>,
    message?: string,
  ): asserts actual is T;
  export function assertMatch(
    actual: string,
    expected: RegExp,
    message?: string,
  ): void;
  export function assertStringIncludes(
    actual: string,
    expected: string,
    message?: string,
  ): void;
  export function assertLess<T extends number | bigint>(
    actual: T,
    limit: T,
    message?: string,
  ): void;
  export function assertLessOrEqual<T extends number | bigint>(
    actual: T,
    limit: T,
    message?: string,
  ): void;
  export function assertGreater<T extends number | bigint>(
    actual: T,
    limit: T,
    message?: string,
  ): void;
  export function assertGreaterOrEqual<T extends number | bigint>(
    actual: T,
    limit: T,
    message?: string,
  ): void;
  export function assertThrows(act: () => unknown, message?: string): unknown;
  export function assertThrows<E extends Error>(
    act: () => unknown,
    errorClass: Class<E>,
    messageIncludes?: string,
    message?: string,
  ): E;
  export function assertRejects(
    act: () => PromiseLike<unknown>,
    message?: string,
  ): Promise<unknown>;
  export function assertRejects<E extends Error>(
    act: () => PromiseLike<unknown>,
    errorClass: Class<E>,
    messageIncludes?: string,
    message?: string,
  ): Promise<E>;
  export function fail(message?: string): never;
  export function unreachable(message?: string): never;
}

declare module "npm:deno-std@1.4.0/media_types/content_type.js" {
  /** Content type with its charset, for an extension such as `.html`. */
  export function contentType(extension: string): string | undefined;
}

declare module "npm:deno-std@1.4.0/cli/parse_args.js" {
  export interface ParseOptions<
    BooleanName extends string,
    StringName extends string,
    CollectName extends string,
  > {
    /** Options that take no value. */
    boolean?: readonly BooleanName[];
    /** Options that take a value, which stays a string; without one they are "". `"_"` keeps the operands strings. */
    string?: readonly StringName[];
    /** Options that may be repeated. */
    collect?: readonly CollectName[];
    /** Boolean options that `--no-NAME` sets to false. */
    negatable?: readonly BooleanName[];
    alias?: Readonly<Record<string, string | readonly string[]>>;
    default?: { readonly [Name in BooleanName | StringName]?: boolean | string };
    /** Whether everything after the first operand is an operand. */
    stopEarly?: boolean;
    /** Called for arguments that no option above names; operands come without a key. `false` drops the argument. */
    unknown?: (argument: string, key?: string, value?: unknown) => unknown;
    /** Puts arguments after `--` under their own key instead of among the operands. */
    "--"?: boolean;
  }

  export type ParsedArguments<
    BooleanName extends string,
    StringName extends string,
    CollectName extends string,
  > =
    & {
      _: "_" extends StringName ? string[] : (string | number)[];
      "--"?: string[];
    }
    & { [Name in Exclude<BooleanName, CollectName>]: boolean }
    & { [Name in Exclude<StringName, CollectName | "_">]?: string }
    & { [Name in Extract<CollectName, StringName>]: string[] }
    & { [Name in Extract<CollectName, BooleanName>]: boolean[] }
    & { [Name in Exclude<CollectName, StringName | BooleanName>]?: unknown[] };

  export function parseArgs<
    const BooleanName extends string = never,
    const StringName extends string = never,
    const CollectName extends string = never,
  >(
    args: readonly string[],
    options?: ParseOptions<BooleanName, StringName, CollectName>,
  ): ParsedArguments<BooleanName, StringName, CollectName>;
}

declare module "npm:deno-std@1.4.0/streams/mod.js" {
  export class TextLineStream extends TransformStream<string, string> {
    constructor(options?: { allowCR?: boolean });
  }
  export function toText(
    stream: ReadableStream<string> | ReadableStream<Uint8Array>,
  ): Promise<string>;
  export function toBytes(
    stream: ReadableStream<Uint8Array>,
  ): Promise<Uint8Array<ArrayBuffer>>;
  export function mergeReadableStreams<T>(
    ...streams: ReadableStream<T>[]
  ): ReadableStream<T>;
}

declare module "npm:deno-std@1.4.0/yaml/mod.js" {
  export class YamlSyntaxError extends SyntaxError {}

  export interface ParseOptions {
    schema?: "core" | "default" | "failsafe" | "json" | "extended";
    allowDuplicateKeys?: boolean;
    onWarning?: (error: Error) => void;
  }

  export interface StringifyOptions {
    indent?: number;
    lineWidth?: number;
    sortKeys?: boolean | ((a: string, b: string) => number);
    skipInvalid?: boolean;
    schema?: "core" | "default" | "failsafe" | "json" | "extended";
  }

  export function parse(content: string, options?: ParseOptions): unknown;
  export function stringify(data: unknown, options?: StringifyOptions): string;
}

// Names of tests/import_map.json. The command line imports packages with their versions, so that
// `deno install -g` can resolve them without deno.json.

declare module "@std/cli" {
  export * from "npm:deno-std@1.4.0/cli/parse_args.js";
}

declare module "@std/streams" {
  export * from "npm:deno-std@1.4.0/streams/mod.js";
}
