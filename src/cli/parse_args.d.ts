// Types of `parseArgs` of @std/cli: as a module, and not in ../std.d.ts, so that an app with a configuration of its own can
// check the types of what it imports from mod.ts.

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
