import { lineAt, moduleLevel, scanSource } from "./source_scanner.ts";

/**
 * The rooms of src/. A room imports itself and the rooms named here, and no name that its row forbids.
 * Changing a row is a decision about the design, not a way to make this test pass.
 */
interface Room {
  readonly mayImport: readonly string[];
  readonly mayNotUse: readonly Ability[];
  /** Files of the room, by name, that may use what the row forbids. */
  readonly except?: { readonly file: RegExp; readonly use: readonly Ability[] };
  /** What else than files of src/ it may import. */
  readonly packages?: RegExp;
}

type Ability = keyof typeof ABILITIES;

const ABILITIES = {
  Deno: ["Deno"],
  console: ["console"],
  clock: ["Date", "performance", "Temporal"],
  timers: ["setTimeout", "setInterval", "setImmediate", "clearTimeout", "clearInterval", "clearImmediate"],
  randomness: ["Math\\s*\\.\\s*random", "crypto"],
  streams: [
    "\\w*(?:Readable|Writable|Transform)\\w*Stream\\w*",
    "Text(?:En|De)coderStream",
  ],
  promises: ["async", "await", "Promise(?:Like)?", "queueMicrotask"],
} as const;

const PURE = ["Deno", "console", "clock", "timers", "randomness"] as const;

const ROOMS: Readonly<Record<string, Room>> = {
  codec: {
    mayImport: [],
    mayNotUse: [...PURE, "streams", "promises"],
    except: { file: /_streams?\.ts$/, use: ["streams", "promises"] },
  },
  protocol: {
    mayImport: ["codec"],
    mayNotUse: [...PURE, "streams", "promises"],
  },
  storage: {
    mayImport: ["protocol", "codec"],
    mayNotUse: ["Deno"],
    except: { file: /\/deno_kv\//, use: ["Deno"] },
    packages: /^node:(?:path|sqlite|zlib)$/,
  },
  transport: { mayImport: [], mayNotUse: ["console"], packages: /^node:/ },
  auth: {
    mayImport: ["codec", "protocol"],
    mayNotUse: ["Deno"],
    packages: /^node:crypto$/,
  },
  broker: {
    mayImport: ["codec", "protocol", "storage", "auth", "transport"],
    mayNotUse: ["Deno"],
  },
  client: {
    mayImport: ["codec", "protocol", "transport"],
    mayNotUse: ["Deno"],
  },
  load: {
    mayImport: ["codec", "protocol", "transport"],
    mayNotUse: ["console"],
    packages: /^node:/,
  },
  testing: { mayImport: ["codec", "protocol", "storage"], mayNotUse: ["Deno", "console"] },
  admin: {
    mayImport: ["codec", "protocol", "auth", "client", "transport", "broker"],
    mayNotUse: ["Deno", "console"],
  },
  // The page in the browser, which is bundled: rooms import the bundle and nothing of its source.
  "admin/page": {
    mayImport: ["admin", "codec", "protocol", "client", "transport"],
    mayNotUse: ["Deno", "console"],
    packages: /^(?:preact(?:\/hooks)?|@preact\/signals)$/,
  },
  cluster: {
    mayImport: ["codec", "protocol", "storage", "broker"],
    mayNotUse: ["Deno"],
    packages: /^@nats-io\//,
  },
  cli: {
    mayImport: [
      "codec",
      "protocol",
      "storage",
      "transport",
      "auth",
      "broker",
      "client",
      "load",
      "admin",
      "cluster",
    ],
    mayNotUse: [],
    packages: /^(?:npm:(?:deno-std|yaml|zod)@[\d.]+(?:\/|$)|node:)/,
  },
};

/** Every way in which one file, named relative to src/, breaks the rules. */
export function violations(path: string, source: string): string[] {
  const roomName = roomOf(path) ?? "";
  const room = ROOMS[roomName];
  if (room === undefined) return [`${path}: stands in no room`];
  const { code, imports } = scanSource(source);
  return [
    ...imports.map((specifier) => importViolation(path, roomName, room, specifier)),
    ...forbiddenNames(path, room, code),
    ...moduleShape(code),
  ].filter((complaint) => complaint !== undefined).map((complaint) => `${path}: ${complaint}`);
}

/**
 * Files that import each other, in a circle, types included: none of them can be read, or tested, before the others.
 * Gives the files of each circle in the order of their names.
 */
export function circles(files: readonly { readonly path: string; readonly source: string }[]): string[][] {
  const paths = new Set(files.map(({ path }) => path));
  const imports = new Map(files.map(({ path, source }) => {
    const targets = scanSource(source).imports.filter((specifier) => specifier.startsWith("."))
      .map((specifier) => new URL(specifier, `file:///${path}`).pathname.slice(1));
    return [path, targets.filter((target) => paths.has(target))];
  }));
  const reached = new Map(Array.from(paths, (path) => [path, reachedFrom(path, imports)]));
  const found = new Map<string | undefined, string[]>(); // By the first file of each.
  for (const [path, targets] of reached) {
    if (!targets.has(path)) continue;
    const circle = [...targets].filter((target) => reached.get(target)?.has(path)).sort();
    found.set(circle[0], circle);
  }
  return [...found.values()];
}

function reachedFrom(path: string, imports: ReadonlyMap<string, readonly string[]>): Set<string> {
  const reached = new Set(imports.get(path));
  for (const target of reached) for (const next of imports.get(target) ?? []) reached.add(next); // It grows meanwhile.
  return reached;
}

/** Name of the room of a file, named relative to src/. */
function roomOf(path: string): string | undefined {
  return /^(?:admin\/page|[^/]+)(?=\/)/.exec(path)?.[0];
}

function importViolation(
  path: string,
  roomName: string,
  room: Room,
  specifier: string,
) {
  if (!specifier.startsWith(".")) {
    return room.packages?.test(specifier) ? undefined : `imports the package "${specifier}"`;
  }
  const target = new URL(specifier, `file:///src/${path}`).pathname;
  const targetRoom = target.startsWith("/src/") ? roomOf(target.slice("/src/".length)) : undefined;
  if (targetRoom === undefined) {
    return `imports "${specifier}", which is in no room`;
  }
  if (target.endsWith("/mod.ts")) return `imports "${specifier}", which is for programs: name the file`;
  if (targetRoom === roomName || room.mayImport.includes(targetRoom)) {
    return undefined;
  }
  return `imports "${specifier}", but ${roomName} may not import ${targetRoom}`;
}

function forbiddenNames(path: string, room: Room, code: string): string[] {
  const allowed = room.except?.file.test(path) ? room.except.use : [];
  const forbidden = room.mayNotUse.filter((ability) => !allowed.includes(ability));
  return forbidden.flatMap((ability) =>
    ABILITIES[ability].flatMap((name) =>
      [...code.matchAll(identifier(name))].map((match) =>
        `line ${lineAt(code, match.index)} uses ${match[1]} (${ability})`
      )
    )
  );
}

/** A name of its own: `Date` and `globalThis.Date` and `...Date`, not `field.Date`, `#Date` or `Dated`. */
function identifier(name: string): RegExp {
  return new RegExp(
    `(?:(?<![\\w$.#])globalThis\\s*\\.\\s*|(?<![\\w$#]|(?<!\\.\\.)\\.))(${name})(?![\\w$])`,
    "g",
  );
}

function moduleShape(code: string): string[] {
  const topLevel = moduleLevel(code);
  return [
    ...at(topLevel, /\bexport\s+default\b/g, "has a default export"),
    ...at(code, /\bas\s+default\b/g, "has a default export"),
    ...at(
      topLevel,
      /\bexport\s*(?:type\s*)?\*/g,
      "exports everything of another file",
    ),
    ...at(
      topLevel,
      /(?<![\w$.#])(?:let|var)\s/g,
      "has a variable at module level",
    ),
  ];
}

function at(code: string, pattern: RegExp, complaint: string): string[] {
  return [...code.matchAll(pattern)].map((match) => `line ${lineAt(code, match.index)} ${complaint}`);
}
