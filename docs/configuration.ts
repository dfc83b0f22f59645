/** Writes the reference of the configuration and the JSON Schema for editors: `deno task configuration`. */

import { editorSchema, referenceOf } from "../src/cli/config/reference.ts";

const limits = Deno.readTextFileSync(new URL("../src/protocol/limits.ts", import.meta.url));
Deno.writeTextFileSync(new URL("configuration.md", import.meta.url), referenceOf(limits));
Deno.writeTextFileSync(new URL("brooklet.schema.json", import.meta.url), editorSchema(limits));
