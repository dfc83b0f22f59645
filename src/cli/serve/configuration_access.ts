import type { ConfigurationAccess, ConfigurationMistake } from "../../admin/options.ts";
import { configurationOf } from "../config/configuration.ts";
import { ConfigError } from "../config_error.ts";
import type { Reload } from "./reload.ts";

/** Name of a text that is no file. */
const TEXT = "configuration.yaml";

/** Configuration of the program for its dashboard: shown without secrets, checked, and read again. */
export function configurationAccess(reload: Reload): ConfigurationAccess {
  return {
    yaml: async () => (await import("../config/print.ts")).effectiveYaml(reload.configuration),
    // Files that a text names are not read: its author could find out by them which files there are.
    check: (yaml) => checked(() => yaml === undefined ? reload.check() : textWarnings(yaml)),
    async reload() {
      const { messages, warnings, disconnected } = await reload.run("Dashboard");
      return { mistakes: messages.map(mistakeOf), warnings, disconnected };
    },
  };
}

async function textWarnings(yaml: string): Promise<readonly string[]> {
  const { parseConfiguration } = await import("../config/file.ts");
  const written = parseConfiguration(TEXT, new TextEncoder().encode(yaml));
  configurationOf(written);
  return written.warnings;
}

async function checked(
  check: () => readonly string[] | Promise<readonly string[]>,
): ReturnType<ConfigurationAccess["check"]> {
  try {
    return { mistakes: [], warnings: await check() };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { mistakes: [error.message, ...error.others].map(mistakeOf), warnings: [] };
  }
}

/** Takes the place and the key out of a complaint, such as `a.yaml:3:5: "storage" is not a text`. */
function mistakeOf(complaint: string): ConfigurationMistake {
  const [, file, line, column, message = complaint] = /^(.+?):(\d+)(?::(\d+))?: (.*)$/s.exec(complaint) ?? [];
  const key = /^(?:Unknown key )?"([\w.[\]-]+)"/.exec(message)?.[1];
  return {
    message,
    ...file === undefined || file === TEXT ? {} : { file },
    ...line === undefined ? {} : { line: Number(line) },
    ...column === undefined ? {} : { column: Number(column) },
    ...key === undefined ? {} : { key },
  };
}
