import { assertEquals } from "@std/assert";
import { ExampleProgram } from "./example_program.ts";

Deno.test("examples/in_process.ts needs no permission and prints what it read", async () => {
  const example = new ExampleProgram("examples/in_process.ts", { permissions: ["--no-prompt"] });
  assertEquals(await example.ended(), 0, example.stderr.received.join("\n"));
  assertEquals(example.stdout.received, ["door/1 open", "connack", "door/2 closed"]);
});
