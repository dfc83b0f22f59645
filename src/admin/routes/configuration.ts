import type { AdminHost } from "../host.ts";
import type { ConfigurationAccess, ConfigurationMistake } from "../options.ts";
import { Problem } from "../problems.ts";
import { type Route, route } from "../route_table.ts";
import * as z from "../zod.js";
import { COUNT } from "./json_values.ts";

const MISTAKE = z.strictObject({
  message: z.string(),
  /** Place of the mistake; `null`: it has none. */
  file: z.nullable(z.string()),
  line: z.nullable(COUNT),
  column: z.nullable(COUNT),
  /** Key that is wrong, such as `listeners[0].url`. */
  key: z.nullable(z.string()),
});

/** Configuration of the program; an app that embeds the broker has none. */
export const CONFIGURATION_ROUTES: readonly Route<AdminHost>[] = [
  route({
    method: "GET",
    path: "/configuration",
    role: "admin",
    tag: "Configuration",
    summary: "Configuration in force as YAML, with its defaults and without its secrets",
    answer: z.strictObject({ yaml: z.string() }),
    handle: async (_call, host: AdminHost) => ({ yaml: await accessOf(host).yaml() }),
  }),
  route({
    method: "POST",
    path: "/configuration/check",
    role: "admin",
    tag: "Configuration",
    summary: "Check YAML, or without it the configuration with all files that it names, as they are now",
    body: z.strictObject({ yaml: z.optional(z.string()) }),
    answer: z.strictObject({ isUsable: z.boolean(), mistakes: z.array(MISTAKE), warnings: z.array(z.string()) }),
    isChange: () => false,
    async handle({ body: { yaml } }, host: AdminHost) {
      const { mistakes, warnings } = await accessOf(host).check(yaml);
      return { isUsable: mistakes.length === 0, mistakes: mistakes.map(mistakeJson), warnings };
    },
  }),
  route({
    method: "POST",
    path: "/configuration/reload",
    role: "admin",
    tag: "Configuration",
    summary: "Read the configuration again with all its files, as SIGHUP does; nothing changes if any of it is wrong",
    answer: z.strictObject({ disconnected: COUNT, mistakes: z.array(MISTAKE), warnings: z.array(z.string()) }),
    async handle({ note }, host: AdminHost) {
      const { mistakes, warnings, disconnected } = await accessOf(host).reload();
      const [first] = mistakes;
      if (first !== undefined) {
        const detail = `Everything stays as it was: ${first.message}`;
        throw new Problem(422, "Configuration refused", detail, { members: { mistakes: mistakes.map(mistakeJson) } });
      }
      note({ name: "reload", message: "had the configuration read again" });
      return { disconnected, mistakes: [], warnings };
    },
  }),
];

function mistakeJson({ message, file, line, column, key }: ConfigurationMistake): z.Infer<typeof MISTAKE> {
  return { message, file: file ?? null, line: line ?? null, column: column ?? null, key: key ?? null };
}

function accessOf({ options: { configuration } }: AdminHost): ConfigurationAccess {
  if (configuration !== undefined) return configuration;
  const detail = "The broker is part of an app, which configures it: there is no file to show, check or read again";
  throw new Problem(404, "No configuration", detail);
}
