import { fail } from "@std/assert";
import { type BrokerProcess, withBroker } from "./broker_process.ts";

export const PYTHON = "/usr/bin/python3";

/** What a test may need beside Deno, and the Debian package that brings it. */
const PROGRAMS = {
  bash: "bash",
  stdbuf: "coreutils",
  script: "bsdutils",
  mosquitto: "mosquitto",
  mosquitto_passwd: "mosquitto",
  mosquitto_pub: "mosquitto-clients",
  mosquitto_sub: "mosquitto-clients",
  mosquitto_rr: "mosquitto-clients",
  "paho-mqtt": "python3-paho-mqtt",
  node: "nodejs",
  openssl: "openssl",
  go: "golang-go",
  java: "default-jdk-headless",
  mvn: "maven",
  tshark: "tshark",
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
export function programTests(needs: readonly Program[]): (name: string, run: () => Promise<void>) => void {
  const missing = needs.filter((program) => !isInstalled(program));
  const reason = missing.map((program) => `${program} (Debian: ${PROGRAMS[program]})`).join(", ");
  if (missing.length === 0) return (name, run) => Deno.test(name, run);
  if (Deno.env.has("BROOKLET_CI")) {
    return (name) => Deno.test(name, () => fail(`not installed: ${reason}`));
  }
  console.log(`Tests are skipped, because this is not installed: ${reason}`);
  return (name, run) => Deno.test({ name, ignore: true, fn: run });
}

function isInstalled(program: Program): boolean {
  if (program === "paho-mqtt") {
    return isFile(PYTHON) && succeeds(PYTHON, ["-c", "import paho.mqtt.client"]);
  }
  // Where there is no Node, Deno puts itself into the PATH under this name.
  if (program === "node" && !succeeds("node", ["--eval", "process.exit('Deno' in globalThis ? 1 : 0)"])) return false;
  // Debian puts servers where the PATH of a user may not look.
  const directories = [...Deno.env.get("PATH")?.split(":") ?? [], "/usr/sbin"];
  return directories.some((directory) => isFile(`${directory}/${program}`));
}

function succeeds(command: string, args: string[]): boolean {
  try {
    return new Deno.Command(command, { args, stderr: "null" }).outputSync().success;
  } catch {
    return false; // It is not there.
  }
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false; // Whatever the reason is, it cannot be run.
  }
}
