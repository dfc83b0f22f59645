import { assertEquals, assertMatch } from "@std/assert";
import { ProgramInProcess } from "../program_in_process.ts";
import { brooklet } from "../test_io.ts";
import { ConfigurationFolder } from "./written_file.ts";

// Folders of the kernel exist, and nobody can make a file there, not even root, for whom there are no permissions.
const SYSTEM = "/sys/kernel";
const NOT_MADE = "(?:not permitted|Read-only file system.*)";

const LOOPBACK = 'listeners: [{ url: "mqtt://127.0.0.1:0" }]\n';

interface Refused {
  readonly name: string;
  /** FOLDER is a folder of the test, with an empty file "empty", a text "text", and a folder "folder". */
  readonly yaml: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly line: string;
}

const REFUSED: readonly Refused[] = [
  {
    name: "a log where nothing can be made",
    yaml: `logging: { destinations: [{ file: ${SYSTEM}/a.log }] }`,
    line: `Cannot open the log "${SYSTEM}/a.log": ${NOT_MADE}`,
  },
  {
    name: "a log below a file",
    yaml: "logging: { destinations: [{ file: FOLDER/empty/a.log }] }",
    line: 'Cannot open the log "FOLDER/empty/a.log": a part of its path is not a folder',
  },
  {
    name: "a pid file where nothing can be made",
    yaml: `pidFile: ${SYSTEM}/a.pid`,
    line: `Cannot write the pid file "${SYSTEM}/a.pid": ${NOT_MADE}`,
  },
  {
    name: "a pid file that is something else",
    yaml: "pidFile: FOLDER/text",
    line: 'Cannot write the pid file "FOLDER/text": there is a file that is no pid file',
  },
  {
    name: "a storage where nothing can be made",
    yaml: `storage: kv:${SYSTEM}/a.kv`,
    line: `Cannot open ${SYSTEM}/a.kv: the directory ${SYSTEM} cannot be written: .*`,
  },
  {
    name: "a storage below a file",
    yaml: "storage: kv:FOLDER/empty/a.kv",
    line: "Cannot open FOLDER/empty/a.kv: FOLDER/empty is not a directory; give another path",
  },
  {
    name: "a storage that is a folder",
    yaml: "storage: kv:FOLDER/folder",
    line: "Cannot open FOLDER/folder: it is a directory; name a file in it",
  },
  {
    name: "a storage that is empty",
    yaml: "storage: kv:FOLDER/empty",
    line: "Cannot open FOLDER/empty: the file is empty; .*",
  },
  {
    name: "a storage that is another file",
    yaml: "storage: kv:FOLDER/text",
    line: "Cannot open FOLDER/text: file is not a database; .*",
  },
  {
    name: "a storage whose last changes are there alone",
    yaml: "storage: kv:FOLDER/lost.kv",
    line: "Cannot open FOLDER/lost.kv: the file is gone, and FOLDER/lost.kv-wal with its last changes is there; .*",
  },
  {
    name: "the storage of the user where nothing can be made",
    yaml: "storage: kv",
    env: { XDG_STATE_HOME: SYSTEM },
    line: `Cannot make the folder "${SYSTEM}/brooklet": ${NOT_MADE}`,
  },
  {
    name: "the storage of the user below a file",
    yaml: "storage: kv",
    env: { XDG_STATE_HOME: "FOLDER/empty/state" },
    line: 'Cannot make the folder "FOLDER/empty/state/brooklet": a part of its path is not a folder',
  },
  {
    name: "the storage of a user without a home",
    yaml: "storage: kv",
    env: { XDG_STATE_HOME: "", HOME: "" },
    line: "Cannot find the directory for the storage: HOME is not set; give --storage kv:PATH",
  },
  {
    name: "a socket where nothing can be made",
    yaml: `listeners: [{ url: 'unix:${SYSTEM}/s' }]`,
    line: `Cannot listen on unix:${SYSTEM}/s: ${NOT_MADE}`,
  },
  {
    name: "a socket in no folder",
    yaml: "listeners: [{ url: 'unix:FOLDER/none/s' }]",
    line: "Cannot listen on unix:FOLDER/none/s: there is no such folder",
  },
  {
    name: "a socket where a file is",
    yaml: "listeners: [{ url: 'unix:FOLDER/text' }]",
    line: "Cannot listen on unix:FOLDER/text: the file is no socket",
  },
  {
    name: "a socket with a path that is too long for the system",
    yaml: `listeners: [{ url: "unix:FOLDER/${"x".repeat(120)}" }]`,
    line: "Cannot listen on unix:FOLDER/x+: the path has \\d+ bytes, \\d+ are possible",
  },
];

for (const { name, yaml, env = {}, line } of REFUSED) {
  Deno.test({
    name: `--check-config refuses what the start refuses: ${name}`,
    ignore: Deno.build.os === "windows",
    async fn() {
      using folder = new ConfigurationFolder();
      folder.write("empty", "");
      folder.write("text", "not a pid, and not a database");
      folder.write("folder/a", "");
      folder.write("lost.kv-wal", "changes");
      const inFolder = (text: string) => text.replaceAll("FOLDER", folder.path);
      const config = folder.write("a.yaml", inFolder(yaml.startsWith("listeners") ? yaml : LOOPBACK + yaml));
      const options = { env: Object.fromEntries(Object.entries(env).map(([key, text]) => [key, inFolder(text)])) };
      const before = namesIn(folder.path);
      const start = await brooklet(["--config", config], options);
      const check = await brooklet(["--config", config, "--check-config"], options);
      assertMatch(check.stderr, new RegExp(`^brooklet: ${inFolder(line)}\n$`));
      assertEquals(check.code, 1);
      assertEquals([start.stdout, start.code === 0], ["", false]);
      assertEquals(namesIn(folder.path), before);
    },
  });
}

Deno.test({
  name: "--check-config takes the files of a broker that runs, and those that are still to be made, and makes none",
  ignore: Deno.build.os === "windows",
  async fn() {
    using folder = new ConfigurationFolder();
    const places = `
      logging: { destinations: [stderr, { file: ${folder.path}/a.log }] }
      pidFile: ${folder.path}/a.pid
      listeners: [{ url: 'unix:${folder.path}/s' }]
      storage: kv
    `;
    const config = folder.write("a.yaml", places.replaceAll(/^ {6}/gm, ""));
    const options = { env: { XDG_STATE_HOME: `${folder.path}/state/of/user` } };
    const check = async () => {
      const before = namesIn(folder.path);
      const { code, stderr } = await brooklet(["--config", config, "--check-config"], options);
      assertEquals([code, stderr], [0, "brooklet: the configuration can be used\n"]);
      assertEquals(namesIn(folder.path), before);
    };
    await check();
    assertEquals(namesIn(folder.path), ["a.yaml"]);
    await using program = new ProgramInProcess(["--config", config], options);
    await program.stderr.matching(/^.*listening on unix:/);
    await check();
    program.kill("SIGTERM");
    await program.ended();
    await check();
  },
});

/** Paths of all files and folders in a folder. */
function namesIn(folder: string): string[] {
  return Array.from(Deno.readDirSync(folder)).flatMap(({ name, isDirectory }) => {
    return [name, ...isDirectory ? namesIn(`${folder}/${name}`).map((below) => `${name}/${below}`) : []];
  }).sort();
}
