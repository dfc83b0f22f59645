import { assertEquals, assertMatch, assertStringIncludes, fail } from "@std/assert";
import { command, commandReference, type Given, helpText } from "../../src/cli/command.ts";
import { ConfigError } from "../../src/cli/config_error.ts";
import { COMMANDS } from "../../src/cli/main.ts";
import { TestIo } from "./test_io.ts";

const OPTIONS = {
  file: { letter: "f", value: "FILE", text: "read it", needs: "a file" },
  times: { value: "N", default: "3", text: `how often${" and why".repeat(12)}` },
  topic: { letter: "t", value: "TOPIC", isRepeatable: true, text: "where", heading: "Topics" },
  verbose: { letter: "v", text: "say more" },
  D: { text: "one letter alone" },
} as const;

/** Runs a command with these arguments; gives what it was given, or its error. */
function given(args: readonly string[], endsOptionsEarly?: true): Given<typeof OPTIONS> | string | undefined {
  let given: Given<typeof OPTIONS> | undefined;
  const { run } = command({
    name: "look",
    usage: ["look FILE"],
    text: "Looks.",
    options: OPTIONS,
    ...endsOptionsEarly && { endsOptionsEarly },
    run(all) {
      given = all;
      return 0;
    },
  });
  try {
    run(args, new TestIo({ input: "" }));
    return given;
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
}

function valuesOf(args: readonly string[]) {
  const all = given(args);
  if (typeof all !== "object") throw new Error(all);
  const { file, times, topic, verbose, D } = all.values;
  return { file, times, topic, verbose, D };
}

const NONE = { file: undefined, times: "3", topic: [], verbose: false, D: false };

Deno.test("a command gets the values of its options, by name and by letter, with defaults", () => {
  assertEquals(valuesOf([]), NONE);
  assertEquals(valuesOf(["--file", "a", "--times=4", "--topic", "x"]), {
    ...NONE,
    file: "a",
    times: "4",
    topic: ["x"],
  });
  assertEquals(valuesOf(["-f", "007", "-t", "1", "--topic=2", "-vD"]), {
    ...NONE,
    file: "007",
    topic: ["1", "2"],
    verbose: true,
    D: true,
  });
});

Deno.test("operands stay text, and options may end at the first of them", () => {
  const operandsOf = (...all: Parameters<typeof given>) => Object(given(...all)).operands;
  assertEquals(operandsOf(["007", "-v", "b", "--", "-x"]), ["007", "b", "-x"]);
  assertEquals(operandsOf(["-v", "a", "-x", "--verbose=no"], true), ["a", "-x", "--verbose=no"]);
});

const REFUSED: readonly (readonly [args: readonly string[], message: string])[] = [
  [["-x"], 'Unknown option "-x": "brooklet look --help" lists what there is'],
  [["--xylophone"], 'Unknown option "--xylophone": "brooklet look --help" lists what there is'],
  [["--tpoic=a"], 'Unknown option "--tpoic=a": did you mean "--topic"? "brooklet look --help" lists what there is'],
  [
    ["--no-verbose"],
    'Unknown option "--no-verbose": did you mean "--verbose"? "brooklet look --help" lists what there is',
  ],
  [["--file"], "Option --file needs a file"],
  [["-f"], "Option --file needs a file"],
  [["--file", "--verbose"], "Option --file needs a file"],
  [["-t", "a", "-t"], "Option --topic needs a value"],
  [["--times="], "Option --times needs a value"],
  [["--verbose=no"], 'Option --verbose takes no value: "--verbose=no"'],
];
for (const [args, message] of REFUSED) {
  Deno.test(`a command refuses ${args.join(" ")}`, () => assertEquals(given(args), message));
}

Deno.test("--help is known whatever else is wrong, and no line of it is long", async () => {
  const { options, run } = command({
    name: "look",
    usage: ["look FILE", "look"],
    text: `Looks.${" Looks.".repeat(40)}`,
    operands: { here: "in this place" },
    options: OPTIONS,
    notes: "Written\nby hand.",
    run: () => 1,
  });
  assertEquals(Object.keys(options), ["file", "times", "help", "topic", "verbose", "D"]);
  const io = new TestIo({ input: "" });
  assertEquals(await run(["--xylophone", "--file", "-h"], io), 0);
  io.stdout.close();
  const help = await io.stdout.text();
  assertStringIncludes(help, "Usage: brooklet look FILE\n       brooklet look\n\nLooks. Looks.");
  assertStringIncludes(help, "\n  here                   in this place\n\n  -f, --file FILE        read it\n");
  assertStringIncludes(
    help,
    "\n  -h, --help             print this\n\nTopics:\n  -t, --topic TOPIC      where; may be repeated\n",
  );
  assertStringIncludes(help, "and why; 3 by default\n");
  assertStringIncludes(
    help,
    "\n  -D                     one letter alone\n\nWritten\nby",
  );
  for (const line of help.split("\n")) assertEquals(line.length <= 104, true, line);
});

Deno.test("brooklet --help names every command", () => {
  const help = helpText(COMMANDS[0] ?? fail());
  for (const { name } of COMMANDS) assertMatch(help, new RegExp(`^Usage: [^]*\\b${name}\\b[^]*\n\nStarts`));
});

Deno.test('docs/commands.md is what "deno task configuration" makes of the tables', async () => {
  const file = new URL("../../docs/commands.md", import.meta.url);
  assertEquals(await Deno.readTextFile(file), commandReference(COMMANDS));
});
