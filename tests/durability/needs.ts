import { isInstalled, testsUnless } from "../installed.ts";

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
  testsUnless(reason)(name, run);
}
