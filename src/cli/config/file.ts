import { underPresentNames, type Written } from "./configuration.ts";
import { readMosquittoConfiguration } from "../mosquitto/file.ts";
import { ConfigError } from "../config_error.ts";
import { readBytes } from "../files.ts";
import { parseYaml } from "./yaml.ts";

const NEWLINE = 0x0a;

/** Reads a file of either kind; throws {@linkcode ConfigError}. */
export function readConfiguration(file: string): Written {
  return parseConfiguration(file, readBytes("configuration", file));
}

/** Reads the bytes of a file of either kind; throws {@linkcode ConfigError}. */
export function parseConfiguration(file: string, bytes: Uint8Array): Written {
  const text = new TextDecoder().decode(bytes);
  if (isMosquitto(file, text)) return readMosquittoConfiguration(file, text);
  refuseOtherThanUtf8(bytes, file);
  const { value, place } = parseYaml(text, file);
  // A file with nothing but comments has no value.
  return underPresentNames({ value: value ?? {}, place, warnings: [] });
}

/** Refuses ill-formed UTF-8: it would become another character in a password or a name. */
function refuseOtherThanUtf8(bytes: Uint8Array, file: string): void {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let begin = 0;
  for (let line = 1; begin <= bytes.length; line++) {
    const newline = bytes.indexOf(NEWLINE, begin);
    const end = newline === -1 ? bytes.length : newline;
    try {
      decoder.decode(bytes.subarray(begin, end));
    } catch {
      throw new ConfigError(`${file}:${line}: YAML: this line is not UTF-8: save the file as UTF-8`);
    }
    begin = end + 1;
  }
}

/**
 * Whether it has the format of mosquitto.conf: by its name, or else by its first line that is not empty or a comment.
 */
export function isMosquitto(file: string, text: string): boolean {
  if (/\.(?:ya?ml|json)$/i.test(file)) return false;
  if (/\.conf$/i.test(file)) return true;
  const first = text.split("\n").find((line) => line.trim() !== "" && !line.startsWith("#") && line.trim() !== "---");
  return first !== undefined && !/^\s*(?:["']?[\w.]+["']?\s*:|[-{])/.test(first);
}
