/** Output of `deno test`: its summary, and which test is of which file. */

// deno-lint-ignore no-control-regex -- colours.
const COLOURS = /\x1b\[[0-9;]*m/g;

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly ignored: number;
}

export function plus(a: Counts, b: Counts): Counts {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed, ignored: a.ignored + b.ignored };
}

export function textOf({ passed, failed, ignored }: Counts): string {
  return `${passed} passed, ${failed} failed${ignored === 0 ? "" : `, ${ignored} ignored`}`;
}

/** Counts in the line that sums a run up, such as `ok | 12 passed (3 steps) | 0 failed | 1 ignored (5s)`. */
export function countsOf(line: string): Counts | undefined {
  const plain = line.replaceAll(COLOURS, "");
  if (!/^(?:ok|FAILED) \| \d+ passed/.test(plain)) return undefined;
  const count = (word: string) => Number(new RegExp(`(\\d+) ${word}`).exec(plain)?.[1] ?? 0);
  return { passed: count("passed"), failed: count("failed"), ignored: count("ignored") };
}

/** Files by the names of their tests, read from the lines of a run, side by side or not. */
export class FileNames {
  readonly #files = new Map<string, string[]>();
  #file = "";

  read(line: string): void {
    const plain = line.replaceAll(COLOURS, "");
    const running = /^running \d+ tests? from \.\/(\S+)$/.exec(plain)?.[1];
    if (running !== undefined) this.#file = running;
    const [, file = this.#file, name] = /^(?:\.\/(\S+) => )?(\S.*) \.\.\. (?:ok|FAILED|ignored)\b/.exec(plain) ?? [];
    if (name === undefined) return;
    const files = this.#files.get(name);
    if (files === undefined) {
      this.#files.set(name, [file]);
    } else {
      files.push(file);
    }
  }

  /** The file of the next test with that name. */
  take(name: string): string | undefined {
    return this.#files.get(name)?.shift();
  }
}

const CASE = /<testcase name="([^"]*)" classname="[^"]*"/g;

/** JUnit's report with the file of each test as its class name; Deno writes where `Deno.test()` was called from. */
export function withFileNames(junit: string, names: FileNames): string {
  return junit.replaceAll(CASE, (found, name: string) => {
    const file = names.take(unescaped(name));
    return file === undefined ? found : `<testcase name="${name}" classname="${file}"`;
  });
}

/** Files with the seconds that their tests took, in JUnit's reports whose class names are files; the slowest first. */
export function secondsByFile(reports: readonly string[]): [file: string, seconds: number][] {
  const seconds = new Map<string, number>();
  for (const report of reports) {
    for (
      const [, name = "", file = "", time] of report.matchAll(
        /<testcase name="([^"]*)" classname="([^"]*)" time="([^"]*)"/g,
      )
    ) {
      if (name.includes(" &gt; ")) continue; // A step is in the time of its test.
      seconds.set(file, (seconds.get(file) ?? 0) + Number(time));
    }
  }
  return [...seconds].sort(([, a], [, b]) => b - a);
}

function unescaped(text: string): string {
  const named: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
  return text.replaceAll(/&(amp|lt|gt|quot|apos);/g, (_, name: string) => named[name] ?? "");
}
