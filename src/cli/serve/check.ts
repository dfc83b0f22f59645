import { printable } from "../../codec/printable.ts";
import { SCHEMES } from "../../transport/schemes.ts";
import { configurationOf, type Written } from "../config/configuration.ts";
import type { Configuration } from "../config/settings.ts";
import { ConfigError } from "../config_error.ts";
import { checkWritable } from "../files.ts";
import { printLine, type ProgramEnvironment, type ProgramIo } from "../program_io.ts";
import { checkStorage, parseStorageOption } from "../storage_option.ts";
import { Access } from "./access.ts";
import { certificateOf } from "./dashboard_listener.ts";
import { listenUrlOf } from "./listen_url.ts";
import { listenerFileChecks } from "./listening.ts";
import { PidFile } from "./pid_file.ts";
import type { ServeRequest } from "./serve_options.ts";

/** Warnings of the file, and one for a certificate that no listener uses: its operator may think that passwords are encrypted. */
export function warningsOf({ warnings }: Written, { listeners, admin, tls }: Configuration): readonly string[] {
  if (admin && admin.url.startsWith("https:") && admin.tls === undefined) return warnings;
  if (tls === undefined || listeners.some(({ url }) => SCHEMES[listenUrlOf(url).scheme].isTls)) return warnings;
  return [...warnings, '"tls" has no effect: no listener has TLS; its URL begins with mqtts:// or wss://'];
}

/** Prints everything that is wrong, in the files of the configuration too. */
export async function check(request: ServeRequest, io: ProgramIo): Promise<number> {
  try {
    const { written, overrides } = await request.read();
    const configuration = configurationOf(written, overrides);
    await checkFiles(configuration, io.environment);
    for (const warning of warningsOf(written, configuration)) printLine(io.stderr, `brooklet: ${printable(warning)}`);
    printLine(io.stderr, "brooklet: the configuration can be used");
    return 0;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const message of [error.message, ...error.others]) printLine(io.stderr, `brooklet: ${printable(message)}`);
    return 1;
  }
}

/** Reads all files of the configuration, and looks at those to write; throws {@linkcode ConfigError} with the unusable ones. */
async function checkFiles(configuration: Configuration, environment: ProgramEnvironment): Promise<void> {
  const { pidFile, storage } = configuration;
  await checkAll([
    ...fileChecks(configuration),
    ...pidFile === undefined ? [] : [() => PidFile.check(pidFile)],
    () => checkStorage(parseStorageOption(storage), environment),
  ]);
}

/** Reads the files of the configuration that are read again while the broker runs; throws {@linkcode ConfigError}. */
export async function checkReloadedFiles(configuration: Configuration): Promise<void> {
  await checkAll(fileChecks(configuration));
}

function fileChecks(configuration: Configuration): (() => unknown)[] {
  const { admin, logging: { destinations } } = configuration;
  return [
    ...Access.checks(configuration),
    ...listenerFileChecks(configuration),
    ...admin ? [() => certificateOf(admin, configuration)] : [],
    ...destinations.flatMap((destination) =>
      typeof destination === "object" ? [() => checkWritable("open the log", destination.file)] : []
    ),
  ];
}

async function checkAll(checks: readonly (() => unknown)[]): Promise<void> {
  const messages = new Set<string>(); // Listeners may share a file.
  for (const read of checks) {
    try {
      await read();
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      for (const message of [error.message, ...error.others]) messages.add(message);
    }
  }
  const [first, ...others] = messages;
  if (first !== undefined) throw new ConfigError(first, others);
}
