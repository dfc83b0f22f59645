import { type Command, command } from "./command.ts";
import { configurationOf } from "./config/configuration.ts";
import { ConfigError } from "./config_error.ts";
import { readText } from "./files.ts";
import { printable } from "../codec/printable.ts";
import { printLine } from "./program_io.ts";

/** Command that prints a file of mosquitto as YAML. */
export const CONVERT: Command = command({
  name: "convert",
  usage: ["convert FILE"],
  text: "Prints a configuration of mosquitto as YAML with the same meaning. Comments say what differs from mosquitto.",
  options: {},
  async run({ operands: [file, ...others] }, { stdout }) {
    if (file === undefined || others.length > 0) {
      throw new ConfigError('Write "brooklet convert FILE", such as "brooklet convert mosquitto.conf"');
    }
    printLine(stdout, await convertedYaml(file));
    return 0;
  },
});

/** YAML for a file of mosquitto. Its reader is loaded here, so that the broker starts without it. */
export async function convertedYaml(file: string): Promise<string> {
  const { isMosquitto, readConfiguration } = await import("./config/file.ts");
  const { writtenYaml } = await import("./config/print.ts");
  if (!isMosquitto(file, readText("configuration", file))) {
    throw new ConfigError(`Cannot convert "${file}": it is no configuration of mosquitto`);
  }
  const written = readConfiguration(file);
  configurationOf(written); // Checks it.
  const warnings = written.warnings.map((warning) => `# ${printable(warning)}\n`).join("");
  return `${warnings}${writtenYaml(written.value).trimEnd()}`;
}
