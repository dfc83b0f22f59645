/**
 * Writes the references of the configuration and of the commands, the JSON Schema for editors and the interfaces of limits
 * and settings: `deno task configuration`.
 */

import { commandReference } from "../src/cli/command.ts";
import { editorSchema, limitsInterface, reference, settingsInterface } from "../src/cli/config/reference.ts";
import { COMMANDS } from "../src/cli/main.ts";

const REPOSITORY = new URL("../", import.meta.url);
Deno.writeTextFileSync(new URL("docs/configuration.md", REPOSITORY), reference());
Deno.writeTextFileSync(new URL("docs/commands.md", REPOSITORY), commandReference(COMMANDS));
Deno.writeTextFileSync(new URL("docs/brooklet.schema.json", REPOSITORY), editorSchema());
Deno.writeTextFileSync(new URL("src/protocol/limits.ts", REPOSITORY), limitsInterface());
Deno.writeTextFileSync(new URL("src/protocol/settings.ts", REPOSITORY), settingsInterface());
