import { isFile, isInstalled, succeeds, testsUnless } from "../installed.ts";
import { type BrokerProcess, withBroker } from "./broker_process.ts";

export const PYTHON = "/usr/bin/python3";

/** What a test may need beside Deno, and the Debian package that brings it. */
const PROGRAMS = {
  bash: "bash",
  zsh: "zsh",
  fish: "fish",
  stdbuf: "coreutils",
  script: "bsdutils",
  mosquitto: "mosquitto",
  mosquitto_passwd: "mosquitto",
  mosquitto_pub: "mosquitto-clients",
  mosquitto_sub: "mosquitto-clients",
  mosquitto_rr: "mosquitto-clients",
  "paho-mqtt": "python3-paho-mqtt",
  node: "nodejs",
  npm: "npm",
  openssl: "openssl",
  go: "golang-go",
  java: "default-jdk-headless",
  mvn: "maven",
  tshark: "tshark",
  strace: "strace",
  "systemd-analyze": "systemd",
} as const;
type Program = keyof typeof PROGRAMS;

export type RegisterTest = (
  name: string,
  run: (broker: BrokerProcess) => Promise<void>,
  options?: readonly string[],
) => void;

/** Gives the function that registers tests with a broker of their own; see {@linkcode programTests}. */
export function interopTests(needs: readonly Program[]): RegisterTest {
  const register = programTests(needs);
  return (name, run, options) => register(name, () => withBroker(run, options));
}

/**
 * Gives the function that registers tests. Where a program is missing they are reported as ignored, with a line that says
 * why; in continuous integration (`BROOKLET_CI` is set) they fail instead.
 */
export function programTests(
  needs: readonly Program[],
): (name: string, run: (test: Deno.TestContext) => Promise<void>) => void {
  const missing = needs.filter((program) => !isThere(program));
  if (missing.length === 0) return testsUnless(undefined);
  return testsUnless(
    `not installed: ${missing.map((program) => `${program} (Debian: ${PROGRAMS[program]})`).join(", ")}`,
  );
}

function isThere(program: Program): boolean {
  if (program === "paho-mqtt") {
    return isFile(PYTHON) && succeeds(PYTHON, ["-c", "import paho.mqtt.client"]);
  }
  // Where there is no Node, Deno puts itself into the PATH under this name.
  if (program === "node" && !succeeds("node", ["--eval", "process.exit('Deno' in globalThis ? 1 : 0)"])) return false;
  return isInstalled(program);
}
