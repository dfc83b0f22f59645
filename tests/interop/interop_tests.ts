import { isFile, isInstalled, succeeds, testsUnless } from "../installed.ts";
import type { RegisterTest } from "../at_once.ts";
import { BrokerProcess, showingLog, type TestBroker, withBroker } from "./broker_process.ts";

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
  "prometheus-client": "python3-prometheus-client",
  node: "nodejs",
  npm: "npm",
  openssl: "openssl",
  go: "golang-go",
  java: "default-jdk-headless",
  javac: "default-jdk-headless",
  mvn: "maven",
  tshark: "tshark",
  strace: "strace",
  "systemd-analyze": "systemd",
} as const;
type Program = keyof typeof PROGRAMS;

/** Registers tests with a broker. */
export interface InteropTests {
  /** At the process that these tests share: a test leaves nothing there but under names that `broker.named()` gives. */
  (name: string, run: (broker: TestBroker) => Promise<void>): void;
  /** With a process of its own, for a test that ends it, or needs other options. */
  own(name: string, run: (broker: BrokerProcess) => Promise<void>, options?: readonly string[]): void;
}

/**
 * Gives the function that registers tests with a broker; see {@linkcode programTests}.
 *
 * @param options of the process that they share, which starts before the first test of the file
 * @param together such as `testsAtOnce`
 */
export function interopTests(
  needs: readonly Program[],
  options: readonly string[] = [],
  together: (register: RegisterTest) => RegisterTest = (register) => register,
): InteropTests {
  const register = together(programTests(needs));
  let shared: BrokerProcess | undefined;
  let isStarted = missing(needs).length > 0; // Then no test runs, or each fails without a broker.
  const startBeforeTests = () => {
    if (isStarted) return;
    isStarted = true;
    Deno.test.beforeAll(async () => {
      shared = await BrokerProcess.start(options);
    });
    Deno.test.afterAll(() => shared?.stop());
  };
  const test = (name: string, run: (broker: TestBroker) => Promise<void>) => {
    startBeforeTests();
    register(name, async () => {
      if (shared === undefined) throw new Error("The broker of the file has not started");
      const broker = shared.forTest();
      await showingLog(broker, () => run(broker));
    });
  };
  const own = (name: string, run: (broker: BrokerProcess) => Promise<void>, ownOptions = options) => {
    register(name, () => withBroker(run, ownOptions));
  };
  return Object.assign(test, { own });
}

/**
 * Gives the function that registers tests. Where a program is missing they are reported as ignored, with a line that says
 * why; in continuous integration (`BROOKLET_CI` is set) they fail instead.
 */
export function programTests(
  needs: readonly Program[],
): (name: string, run: (test: Deno.TestContext) => Promise<void>) => void {
  const absent = missing(needs);
  if (absent.length === 0) return testsUnless(undefined);
  return testsUnless(
    `not installed: ${absent.map((program) => `${program} (Debian: ${PROGRAMS[program]})`).join(", ")}`,
  );
}

function missing(needs: readonly Program[]): Program[] {
  return needs.filter((program) => !isThere(program));
}

function isThere(program: Program): boolean {
  if (program === "paho-mqtt") return hasModule("paho.mqtt.client");
  if (program === "prometheus-client") return hasModule("prometheus_client.openmetrics.parser");
  // Where there is no Node, Deno puts itself into the PATH under this name.
  if (program === "node" && !succeeds("node", ["--eval", "process.exit('Deno' in globalThis ? 1 : 0)"])) return false;
  return isInstalled(program);
}

function hasModule(name: string): boolean {
  return isFile(PYTHON) && succeeds(PYTHON, ["-c", `import ${name}`]);
}
