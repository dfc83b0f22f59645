import { newSecret, secretHash } from "../admin/secrets.ts";
import { type Command, command, unknownArgument } from "./command.ts";
import { printLine } from "./program_io.ts";

const DESCRIPTION = {
  name: "token",
  usage: ["token"],
  text:
    "Prints a new token for a program that uses the HTTP API, on standard error, and its hash for the configuration, on standard " +
    "output. The token itself is kept nowhere.",
  options: {},
  notes: "In the configuration:\n  admin:\n    tokens:\n      - { name: prometheus, role: viewer, tokenHash: HASH }",
} as const;

/** Command that makes a token of the HTTP API. */
export const TOKEN: Command = command({
  ...DESCRIPTION,
  async run({ operands: [operand] }, { stdout, stderr }) {
    if (operand !== undefined) throw unknownArgument(DESCRIPTION, operand);
    const token = newSecret();
    printLine(stderr, `Token: ${token}`);
    printLine(stdout, `tokenHash: ${await secretHash(token)}`);
    return 0;
  },
});
