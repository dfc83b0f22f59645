import { assertEquals, assertThrows } from "@std/assert";
import { ConfigError } from "../../src/cli/config_error.ts";
import { PidFile } from "../../src/cli/serve/pid_file.ts";
import { ConfigurationFolder } from "./config/written_file.ts";

const OWN = `${Deno.pid}\n`;

for (const earlier of [undefined, "", "12345\n", "4194304"]) {
  Deno.test(`PidFile replaces ${earlier === undefined ? "no file" : `"${earlier.trim()}"`} and takes itself away`, () => {
    using folder = new ConfigurationFolder();
    if (earlier !== undefined) folder.write("pid", earlier);
    const path = `${folder.path}/pid`;
    {
      using _file = PidFile.write(path);
      assertEquals(Deno.readTextFileSync(path), OWN);
      assertEquals((Deno.statSync(path).mode ?? 0) & 0o022, 0);
    }
    assertThrows(() => Deno.lstatSync(path), Deno.errors.NotFound);
  });
}

for (
  const { name, lay, why } of [
    {
      name: "a link to a file",
      lay: (path: string, target: string) => Deno.symlinkSync(target, path),
      why: "it is a symbolic link",
    },
    {
      name: "a link to a pid file",
      lay: (path: string, target: string) => {
        Deno.writeTextFileSync(target, "1");
        Deno.symlinkSync(target, path);
      },
      why: "it is a symbolic link",
    },
    {
      name: "a link to nothing",
      lay: (path: string) => Deno.symlinkSync(`${path}.nowhere`, path),
      why: "it is a symbolic link",
    },
    { name: "a folder", lay: (path: string) => Deno.mkdirSync(path), why: "it is a folder" },
    {
      name: "another file",
      lay: (path: string, target: string) => Deno.linkSync(target, path),
      why: "there is a file that is no pid file",
    },
    {
      name: "a short file of something else",
      lay: (path: string) => Deno.writeTextFileSync(path, "12 34\n"),
      why: "there is a file that is no pid file",
    },
    {
      name: "a long number",
      lay: (path: string) => Deno.writeTextFileSync(path, "1".repeat(100)),
      why: "there is a file that is no pid file",
    },
  ]
) {
  Deno.test(`PidFile refuses ${name}, and changes nothing`, () => {
    using folder = new ConfigurationFolder();
    const target = folder.write("target", "precious and longer than any number of a process");
    const path = `${folder.path}/pid`;
    lay(path, target);
    const before = Deno.readTextFileSync(target);
    const kind = Deno.lstatSync(path);
    assertThrows(() => PidFile.write(path), ConfigError, `Cannot write the pid file "${path}": ${why}`);
    assertEquals(Deno.readTextFileSync(target), before);
    assertEquals([Deno.lstatSync(path).ino, Deno.lstatSync(path).mtime], [kind.ino, kind.mtime]);
    assertThrows(() => Deno.lstatSync(`${path}.nowhere`), Deno.errors.NotFound);
  });
}

Deno.test("PidFile leaves a file that another process has written since", () => {
  using folder = new ConfigurationFolder();
  const path = `${folder.path}/pid`;
  {
    using _file = PidFile.write(path);
    folder.write("pid", "1\n");
  }
  assertEquals(Deno.readTextFileSync(path), "1\n");
});
