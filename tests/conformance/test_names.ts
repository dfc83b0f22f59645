/** Rooms of `tests/` whose tests the ledger may name. */
const ROOMS = ["auth", "codec", "protocol", "broker", "storage", "transport", "wire", "hostile"];

/**
 * Names of all tests of these rooms that would run, exactly as the runner prints them: what the files register. Once in a
 * process: a file that was read before registers nothing again.
 */
export async function testNames(): Promise<ReadonlySet<string>> {
  const names = new Set<string>();
  const registered = Object.getOwnPropertyDescriptor(Deno, "test") ?? {};
  const test = (...given: unknown[]) => collect(names, given);
  Object.defineProperty(Deno, "test", {
    value: Object.assign(test, { only: test, ignore: () => {} }),
    configurable: true,
  });
  try {
    for (const room of ROOMS) {
      for await (const file of testFiles(new URL(`../${room}/`, import.meta.url))) await import(file.href);
    }
  } finally {
    Object.defineProperty(Deno, "test", registered);
  }
  return names;
}

/** A test may be given as name and function, as one object, or as both. */
function collect(names: Set<string>, given: readonly unknown[]): void {
  let name: string | undefined;
  for (const part of given) {
    if (typeof part === "string") name = part;
    else if (typeof part === "function") name ??= part.name;
    else if (typeof part === "object" && part !== null) {
      if ("ignore" in part && part.ignore === true) return;
      if ("name" in part && typeof part.name === "string") name ??= part.name;
    }
  }
  if (name !== undefined) names.add(name);
}

async function* testFiles(directory: URL): AsyncGenerator<URL> {
  for await (const { name, isDirectory } of Deno.readDir(directory)) {
    if (isDirectory) yield* testFiles(new URL(`${name}/`, directory));
    else if (name.endsWith("_test.ts")) yield new URL(name, directory);
  }
}
