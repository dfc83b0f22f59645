import { assert, assertEquals, assertLess } from "@std/assert";
import { Assets } from "../../../src/admin/assets.ts";

const ROOT = new URL("../../../", import.meta.url);
const BUILT = "src/admin/built/";
const FILES = ["index.html", "page.css", "page.js"];
/** Largest sum of all files of the page, each compressed with gzip. */
const MAXIMUM_BYTES = 100_000;

Deno.test("src/admin/built is what deno task page makes of src/admin/page", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const { tasks } = await readJson("deno.json");
    for (const command of tasks.page.split(" && ")) {
      const [program, ...args] = command.replaceAll(BUILT, `${folder}/`).split(" ");
      const executable = program === "deno" ? Deno.execPath() : program;
      const { success, stderr } = await new Deno.Command(executable, { args, cwd: ROOT }).output();
      assert(success, new TextDecoder().decode(stderr));
    }
    for (const name of FILES) {
      const isSame = await Deno.readTextFile(`${folder}/${name}`) === await read(BUILT + name);
      assert(isSame, `${name} differs: run "deno task page" and commit what it writes`);
    }
    assertEquals(Array.from(Deno.readDirSync(new URL(BUILT, ROOT)), ({ name }) => name).sort(), FILES);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("The page is at most 100 kB compressed, and asks for two files beside itself", async () => {
  const sizes = await Promise.all(FILES.map(async (name) => (await gzipped(await read(BUILT + name))).byteLength));
  assertLess(sizes.reduce((sum, size) => sum + size), MAXIMUM_BYTES);
  const html = await read(`${BUILT}index.html`);
  const addresses = Array.from(html.matchAll(/\b(?:src|href)="([^"]*)"/g), ([, address = ""]) => address);
  assertEquals(addresses.filter((address) => !address.startsWith("data:")).sort(), ["page.css", "page.js"]);
  assertEquals((await read(`${BUILT}page.css`)).match(/@import|url\(/g), null);
  assertEquals((await read(`${BUILT}page.js`)).match(/\bimport\(/g), null);
});

Deno.test("THIRD_PARTY.md has the packages of the page with their versions and notices", async () => {
  const { npm } = await readJson("src/admin/page/deno.lock");
  const packages = Object.keys(npm).map((name) => name.split("_")[0]?.replace(/(?<=.)@/, " "));
  const notices = await read("THIRD_PARTY.md");
  assertEquals(Array.from(notices.matchAll(/^## (.+)$/gm), ([, heading]) => heading), packages.toSorted());
  assertEquals(notices.match(/^Copyright \(c\) /gm)?.length, packages.length);
  assertEquals(notices.match(/^Permission is hereby granted/gm)?.length, packages.length);
});

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  "": "text/html; charset=utf-8",
  "page.css": "text/css; charset=utf-8",
  "page.js": "text/javascript; charset=utf-8",
};

Deno.test("Assets serves each file with its type and a tag, and says 304 to one who has it", async () => {
  const assets = new Assets();
  for (const [path, contentType] of Object.entries(CONTENT_TYPES)) {
    const response = await assets.respond(new Request("http://localhost/"), path);
    assertEquals(response?.status, 200);
    assertEquals(response?.headers.get("content-type"), contentType);
    assertEquals(response?.headers.get("cache-control"), "no-cache");
    assertEquals(await response?.text(), await read(BUILT + (path || "index.html")));
    const tag = response?.headers.get("etag") ?? "";
    for (const field of [tag, `W/${tag}`, `"other", W/${tag}`]) {
      const again = await assets.respond(
        new Request("http://localhost/", { headers: { "if-none-match": field } }),
        path,
      );
      assertEquals([again?.status, await again?.text()], [304, ""]);
    }
    const head = await assets.respond(new Request("http://localhost/", { method: "HEAD" }), path);
    assertEquals([head?.status, await head?.text()], [200, ""]);
  }
});

Deno.test("No path leaves the table of assets", async () => {
  const assets = new Assets();
  const ways = [
    "../page.js",
    "..%2fpage.js",
    "./page.js",
    "/page.js",
    "page.js/",
    "PAGE.JS",
    "page.js%00",
    "__proto__",
  ];
  const files = ["deno.json", "index.html", "assets.ts", "built/page.js", "etc/passwd"];
  for (const path of [...ways, ...files.flatMap((file) => [file, `../${file}`, `..\\${file}`, `%2e%2e/${file}`])]) {
    assertEquals(await assets.respond(new Request("http://localhost/"), path), undefined, path);
  }
});

function read(path: string): Promise<string> {
  return Deno.readTextFile(new URL(path, ROOT));
}

// deno-lint-ignore no-explicit-any -- Files of this repository, whose form the tests know.
async function readJson(path: string): Promise<any> {
  return JSON.parse(await read(path));
}

function gzipped(text: string): Promise<ArrayBuffer> {
  return new Response(new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"))).arrayBuffer();
}
