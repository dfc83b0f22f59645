import type { Written } from "./configuration.ts";
import { readMosquittoConfiguration } from "./mosquitto_file.ts";
import { readText } from "../read_file.ts";
import { parseYaml, yamlPlace } from "./yaml_file.ts";

/** Reads a file of either kind; throws {@linkcode ConfigError}. */
export function readConfiguration(file: string): Written {
  const text = readText("configuration", file);
  if (isMosquitto(file, text)) return readMosquittoConfiguration(file, text);
  return {
    value: parseYaml(text, file),
    place: (path, part) => yamlPlace(text, file, path, part),
    warnings: [],
  };
}

/** Whether it is in the language of mosquitto.conf: by its name, or else by the first line that says something. */
export function isMosquitto(file: string, text: string): boolean {
  if (/\.(?:ya?ml|json)$/i.test(file)) return false;
  if (/\.conf$/i.test(file)) return true;
  const first = text.split("\n").find((line) => line.trim() !== "" && !line.startsWith("#") && line.trim() !== "---");
  return first !== undefined && !/^\s*(?:["']?[\w.]+["']?\s*:|[-{])/.test(first);
}
