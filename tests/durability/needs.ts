import { fail } from "@std/assert";

/** A program beside Deno, and the Debian package that brings it. */
const PACKAGES = { strace: "strace", unshare: "util-linux", nsenter: "util-linux" } as const;

/**
 * Registers a test that needs these programs and, to be of use, what the check says. Without them it is reported as ignored,
 * with a line that says why; in continuous integration (`BROOKLET_CI` is set) it fails instead.
 */
export function testWith(
  needs: readonly (keyof typeof PACKAGES)[],
  isUseful: () => boolean,
  name: string,
  run: () => Promise<void>,
): void {
  const missing = needs.filter((program) => !isInstalled(program)).map((name) => `${name} (Debian: ${PACKAGES[name]})`);
  const reason = missing.length > 0
    ? `not installed: ${missing.join(", ")}`
    : isUseful()
    ? undefined
    : `not allowed here: ${needs.join(", ")}`;
  if (reason === undefined) {
    Deno.test(name, run);
  } else if (Deno.env.has("BROOKLET_CI")) {
    Deno.test(name, () => fail(reason));
  } else {
    console.log(`A test is skipped: ${reason}`);
    Deno.test({ name, ignore: true, fn: run });
  }
}

/** Whether a command ends well. */
export function succeeds(command: string, args: readonly string[]): boolean {
  try {
    return new Deno.Command(command, { args: [...args], stdout: "null", stderr: "null" }).outputSync().success;
  } catch {
    return false; // It is not there.
  }
}

/** Whether the tests run in their long form: `deno task durability`. */
export const IS_LONG = Deno.env.get("DURABILITY") === "long";

function isInstalled(program: string): boolean {
  const directories = Deno.env.get("PATH")?.split(":") ?? [];
  return directories.some((directory) => {
    try {
      return Deno.statSync(`${directory}/${program}`).isFile;
    } catch {
      return false; // Whatever the reason is, it cannot be run.
    }
  });
}
