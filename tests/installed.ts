/** What tests need beside Deno, and what becomes of them where it is missing. */

import { fail } from "@std/assert";

/**
 * Gives the function that registers tests. With a reason they are reported as ignored, with a line that says it; in continuous
 * integration (`BROOKLET_CI` is set) they fail instead.
 *
 * @param reason such as `not installed: strace (Debian: strace)`; `undefined`: all is there
 */
export function testsUnless(
  reason: string | undefined,
): (name: string, run: (test: Deno.TestContext) => Promise<void>) => void {
  if (reason === undefined) return (name, run) => Deno.test(name, run);
  if (Deno.env.has("BROOKLET_CI")) return (name) => Deno.test(name, () => fail(reason));
  console.log(`Tests are skipped, because this is ${reason}`);
  return (name, run) => Deno.test({ name, ignore: true, fn: run });
}

/** Whether there is such a program. Debian puts servers where the PATH of a user may not look. */
export function isInstalled(program: string): boolean {
  const directories = [...Deno.env.get("PATH")?.split(":") ?? [], "/usr/sbin"];
  return directories.some((directory) => isFile(`${directory}/${program}`));
}

export function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false; // Whatever the reason is, it cannot be run.
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
