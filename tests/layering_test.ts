import { assertEquals, assertGreater } from "@std/assert";
import { circles, violations } from "./layering.ts";

Deno.test("src/ obeys the table of rooms", async () => {
  const files = await sourceFiles(new URL("../src/", import.meta.url));
  assertGreater(files.length, 0);
  assertEquals(
    files.flatMap(({ path, source }) => violations(path, source)),
    [],
  );
});

Deno.test("No files of src/ import each other in a circle", async () => {
  assertEquals(circles(await sourceFiles(new URL("../src/", import.meta.url))), []);
});

interface CircleSample {
  readonly name: string;
  readonly files: Readonly<Record<string, string>>;
  readonly circles: string[][];
}

const CIRCLE_SAMPLES: readonly CircleSample[] = [
  {
    name: "two files",
    files: { "codec/a.ts": `import { b } from "./b.ts";`, "codec/b.ts": `import { a } from "./a.ts";` },
    circles: [["codec/a.ts", "codec/b.ts"]],
  },
  {
    name: "types, re-exports and imports in expressions",
    files: {
      "codec/a.ts": `import type { B } from "./b.ts";`,
      "codec/b.ts": `export type { C } from "./inner/c.ts";`,
      "codec/inner/c.ts": `export type A = import("../a.ts").A;`,
    },
    circles: [["codec/a.ts", "codec/b.ts", "codec/inner/c.ts"]],
  },
  {
    name: "each circle once, without files that only lead to it or come from it",
    files: {
      "broker/a.ts": `import { b } from "./b.ts";`,
      "broker/b.ts": `import { c } from "./c.ts";`,
      "broker/c.ts": `import { b } from "./b.ts"; import { d } from "../codec/d.ts";`,
      "codec/d.ts": `import { e } from "./e.ts";`,
      "codec/e.ts": `import { d } from "./d.ts"; import { f } from "./f.ts";`,
      "codec/f.ts": "",
    },
    circles: [["broker/b.ts", "broker/c.ts"], ["codec/d.ts", "codec/e.ts"]],
  },
  {
    name: "no circle where two ways lead to one file, nor in comments and packages",
    files: {
      "codec/a.ts": `import { b } from "./b.ts"; import { c } from "./c.ts";`,
      "codec/b.ts": `import { c } from "./c.ts"; import { a } from "a.ts";`,
      "codec/c.ts": `// import { a } from "./a.ts";`,
    },
    circles: [],
  },
];

for (const { name, files, circles: expected } of CIRCLE_SAMPLES) {
  Deno.test(`layering reports circles: ${name}`, () => {
    assertEquals(circles(Object.entries(files).map(([path, source]) => ({ path, source }))), expected);
  });
}

interface Sample {
  readonly name: string;
  readonly path: string;
  readonly source: string;
  readonly complaints: readonly string[];
}

const SAMPLES: readonly Sample[] = [
  {
    name: "a file outside the rooms",
    path: "utils.ts",
    source: "",
    complaints: ["stands in no room"],
  },
  {
    name: "a room that is not in the table",
    path: "helpers/a.ts",
    source: "",
    complaints: ["stands in no room"],
  },
  {
    name: "an import against the direction",
    path: "codec/a.ts",
    source: `import type { Session } from "../protocol/session.ts";`,
    complaints: [
      `imports "../protocol/session.ts", but codec may not import protocol`,
    ],
  },
  {
    name: "a type import in an expression",
    path: "transport/a.ts",
    source: `type A = import("../broker/a.ts").A;`,
    complaints: [
      `imports "../broker/a.ts", but transport may not import broker`,
    ],
  },
  {
    name: "a re-export against the direction",
    path: "auth/a.ts",
    source: `export {\n  Broker,\n} from '../broker/broker.ts';`,
    complaints: [
      `imports "../broker/broker.ts", but auth may not import broker`,
    ],
  },
  {
    name: "an import for its effect",
    path: "client/a.ts",
    source: `import "../broker/a.ts";`,
    complaints: [`imports "../broker/a.ts", but client may not import broker`],
  },
  {
    name: "an import that leaves src",
    path: "broker/a.ts",
    source: `import { Broker } from "../../mod.ts";`,
    complaints: [`imports "../../mod.ts", which is in no room`],
  },
  {
    name: "an import of what an export gives to programs",
    path: "broker/a.ts",
    source: `import { MqttError } from "../codec/mod.ts";`,
    complaints: [`imports "../codec/mod.ts", which is for programs: name the file`],
  },
  {
    name: "an import of the source of the page",
    path: "admin/a.ts",
    source: `import { Page } from "./page/page.tsx";`,
    complaints: [`imports "./page/page.tsx", but admin may not import admin/page`],
  },
  {
    name: "an import of the page beside it, of its packages and of the rooms below",
    path: "admin/page/a.tsx",
    source: `import { useState } from "preact/hooks"; import { b } from "./b.ts"; import { c } from "../roles.ts";`,
    complaints: [],
  },
  {
    name: "@std/cli outside cli",
    path: "broker/a.ts",
    source: `import { parseArgs } from "@std/cli";`,
    complaints: [`imports the package "@std/cli"`],
  },
  {
    name: "a package outside cli",
    path: "auth/a.ts",
    source: `import { parseDocument } from "npm:yaml@2.9.1";`,
    complaints: [`imports the package "npm:yaml@2.9.1"`],
  },
  {
    name: "a package of cli by a name that only deno.json knows",
    path: "cli/a.ts",
    source: `import { z } from "zod";`,
    complaints: [`imports the package "zod"`],
  },
  {
    name: "@std/assert in src",
    path: "cli/a.ts",
    source: `import { assert } from "@std/assert";`,
    complaints: [`imports the package "@std/assert"`],
  },
  {
    name: "a remote module",
    path: "storage/a.ts",
    source: `const a = await import("npm:redis@4");`,
    complaints: [`imports the package "npm:redis@4"`],
  },
  ...["Deno.stdin", "globalThis.Deno", "[...Deno.args]"].map((use) => ({
    name: `Deno as ${use}`,
    path: "broker/a.ts",
    source: `const a = 1;\nfunction f() { return ${use}; }`,
    complaints: ["line 2 uses Deno (Deno)"],
  })),
  ...([
    ["console.log(1)", "console", "console"],
    ["Date.now()", "Date", "clock"],
    ["performance.now()", "performance", "clock"],
    ["setTimeout(f, 1)", "setTimeout", "timers"],
    ["setImmediate(f)", "setImmediate", "timers"],
    ["Math.random()", "Math.random", "randomness"],
    ["crypto.randomUUID()", "crypto", "randomness"],
    ["new TransformStream()", "TransformStream", "streams"],
    ["Promise.resolve()", "Promise", "promises"],
    ["await 1", "await", "promises"],
  ] as const).map(([use, word, ability]) => ({
    name: `${word} in protocol`,
    path: "protocol/a.ts",
    source: `export const f = () => ${use};`,
    complaints: [`line 1 uses ${word} (${ability})`],
  })),
  {
    name: "a stream in another file of codec",
    path: "codec/decoder.ts",
    source: `export class A extends TransformStream<number, number> {}`,
    complaints: ["line 1 uses TransformStream (streams)"],
  },
  {
    name: "console in transport",
    path: "transport/tcp.ts",
    source: `export const f = () => console.log(Deno.args);`,
    complaints: ["line 1 uses console (console)"],
  },
  {
    name: "Deno in a storage that is not the KV file",
    path: "storage/memory.ts",
    source: `export const f = () => Deno.openKv();`,
    complaints: ["line 1 uses Deno (Deno)"],
  },
  {
    name: "a default export",
    path: "cli/a.ts",
    source: `export default 1;`,
    complaints: ["line 1 has a default export"],
  },
  {
    name: "a renamed default export",
    path: "cli/a.ts",
    source: `const a = 1;\nexport { a as default };`,
    complaints: ["line 2 has a default export"],
  },
  {
    name: "export everything",
    path: "cli/a.ts",
    source: `export * from "./b.ts";`,
    complaints: ["line 1 exports everything of another file"],
  },
  {
    name: "let at module level",
    path: "cli/a.ts",
    source: `export let counter = 0;`,
    complaints: ["line 1 has a variable at module level"],
  },
  {
    name: "nothing in strings, comments, templates, patterns and members",
    path: "protocol/a.ts",
    source: [
      `// Deno, await, "Promise`,
      `/* import "../broker/a.ts"; console */`,
      "const a = \"Date\" + 'crypto' + `await ${ `Deno ${1 / 2}` } performance`;",
      `const b = /["'\`] Deno/.test(a) || 4 / 2 / 1;`,
      `export function f(row: { kind: number }) { let x = row.Deno; return { x, b }; }`,
      `for (let i = 0; i < 1; i++) f({ kind: a.#console + row?.crypto + Dated });`,
    ].join("\n"),
    complaints: [],
  },
  {
    name: "nothing in imports along the direction",
    path: "storage/deno_kv/file.ts",
    source: `import { a } from "../codec/a.ts";\nimport { b } from "./b.ts";\nawait Deno.openKv(a, b);`,
    complaints: [],
  },
  {
    name: "nothing in a stream file of codec",
    path: "codec/packet_decoder_stream.ts",
    source: `export class A extends TransformStream<number, number> {}`,
    complaints: [],
  },
];

for (const { name, path, source, complaints } of SAMPLES) {
  Deno.test(`layering reports ${name}`, () => {
    assertEquals(
      violations(path, source),
      complaints.map((complaint) => `${path}: ${complaint}`),
    );
  });
}

async function sourceFiles(
  directory: URL,
  prefix = "",
): Promise<{ path: string; source: string }[]> {
  const files: { path: string; source: string }[] = [];
  for await (const entry of Deno.readDir(directory)) {
    const path = prefix + entry.name;
    if (entry.isDirectory) {
      files.push(
        ...await sourceFiles(new URL(`${entry.name}/`, directory), `${path}/`),
      );
    } else if (/\.tsx?$/.test(entry.name) && !entry.name.endsWith(".d.ts")) {
      files.push({
        path,
        source: await Deno.readTextFile(new URL(entry.name, directory)),
      });
    }
  }
  return files;
}
