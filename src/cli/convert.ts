import { configurationOf } from "./config/configuration.ts";
import { isMosquitto, readConfiguration } from "./config/file.ts";
import { writtenYaml } from "./config/print.ts";
import { ConfigError } from "./config_error.ts";
import { printable } from "./log/log.ts";
import { printLine, type ProgramIo } from "./program_io.ts";
import { readText } from "./files.ts";

/** Runs `convert`; gives the exit code. Throws {@linkcode ConfigError}. */
export function convert(args: readonly string[], io: ProgramIo): number {
  const [file, ...others] = args;
  if (file === undefined || file.startsWith("-") || others.length > 0) {
    throw new ConfigError('Write "brooklet convert FILE", such as "brooklet convert mosquitto.conf"');
  }
  if (!isMosquitto(file, readText("configuration", file))) {
    throw new ConfigError(`Cannot convert "${file}": it is no configuration of mosquitto`);
  }
  printLine(io.stdout, convertedYaml(file));
  return 0;
}

/** YAML for a file of mosquitto. */
export function convertedYaml(file: string): string {
  const written = readConfiguration(file);
  configurationOf(written);
  const warnings = written.warnings.map((warning) => `# ${printable(warning)}\n`).join("");
  return `${warnings}${writtenYaml(written.value).trimEnd()}`;
}
