import mqttJs from "mqtt/dist/mqtt.min" with { type: "text" };
import { type Browser, type BrowserServer, chromium, type Page } from "playwright-core";
import { testsAtOnce } from "../at_once.ts";
import { isFile, testsUnless } from "../installed.ts";

const EXECUTABLE = "/usr/bin/chromium";
const DEADLINE_MS = 15_000;
/** The first start reads the browser from the disk. */
const LAUNCH_WITHIN_MS = 60_000;
/** A name of the web that leads to this machine, as DNS rebinding makes one. */
export const REBOUND = "rebound.example";
const ARGUMENTS = [
  "--no-sandbox", // It runs as root in containers.
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  `--host-resolver-rules=MAP ${REBOUND} 127.0.0.1`,
];

/** A browser, and what it shows. */
export class Chromium {
  readonly #server: BrowserServer;
  readonly #browser: Browser;

  constructor(server: BrowserServer, browser: Browser) {
    this.#server = server;
    this.#browser = browser;
  }

  /** A tab with cookies of its own; it takes a certificate of anybody where it is told so. */
  async tab({ ignoreHTTPSErrors = false } = {}): Promise<Page> {
    const context = await this.#browser.newContext({ ignoreHTTPSErrors });
    context.setDefaultTimeout(DEADLINE_MS);
    const page = await context.newPage();
    page.on("pageerror", (error) => console.error("In the page:", error.message));
    return page;
  }

  /** A tab at an empty page of an app on this machine, with MQTT.js as `mqtt`. */
  async tabOf(app: PageApp, options: { readonly ignoreHTTPSErrors?: boolean } = {}): Promise<Page> {
    const page = await this.tab(options);
    await page.goto(app.url());
    return page;
  }

  /** Ends the whole browser as the system does when it is out of memory. */
  async kill(): Promise<void> {
    await this.#server.kill();
  }
}

/** An app with an empty page that has MQTT.js. */
export class PageApp implements AsyncDisposable {
  readonly #server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const isScript = new URL(request.url).pathname === "/mqtt.js";
    const headers = { "content-type": isScript ? "text/javascript" : "text/html" };
    return new Response(isScript ? mqttJs : '<!doctype html><script src="/mqtt.js"></script>', { headers });
  });

  /** Its page, by one of the names of this machine. */
  url(hostname: "127.0.0.1" | "localhost" = "127.0.0.1"): string {
    return `${this.origin(hostname)}/`;
  }

  origin(hostname: "127.0.0.1" | "localhost" = "127.0.0.1"): string {
    return `http://${hostname}:${this.#server.addr.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

/** Registers a test with the browser of its file, at the same time as the others; each has tabs and cookies of its own. */
type RegisterTest = (name: string, run: (chromium: Chromium) => Promise<void>) => void;

interface BrowserTests extends RegisterTest {
  /** Registers one with a browser of its own, which it may kill. */
  own: RegisterTest;
}

/**
 * Gives the function that registers the tests of a file with a browser. Where Chromium is missing they are reported as
 * ignored, with a line that says why; in continuous integration (`BROOKLET_CI` is set) they fail instead.
 */
export function browserTests(): BrowserTests {
  const register = testsUnless(isFile(EXECUTABLE) ? undefined : `not installed: ${EXECUTABLE} (Debian: chromium)`);
  const chromium = Promise.withResolvers<Chromium>();
  const registerAtOnce = testsAtOnce(register, (runAll) =>
    withChromium(async (shared) => {
      chromium.resolve(shared);
      await runAll();
    }));
  return Object.assign(
    ((name, run) => registerAtOnce(name, async () => run(await chromium.promise))) satisfies RegisterTest,
    { own: ((name, run) => register(name, () => withChromium(run))) satisfies RegisterTest },
  );
}

async function withChromium(run: (chromium: Chromium) => Promise<void>): Promise<void> {
  // As a server, it takes its directories away before it says that it has ended, even when it was killed.
  const server = await chromium.launchServer({
    executablePath: EXECUTABLE,
    args: ARGUMENTS,
    timeout: LAUNCH_WITHIN_MS,
  });
  try {
    const browser = await chromium.connect(server.wsEndpoint());
    await run(new Chromium(server, browser));
    await browser.close();
  } finally {
    await server.close();
  }
}
