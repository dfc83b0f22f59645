/**
 * Reads TypeScript far enough to see its imports and its identifiers: comments, and what stands inside strings, template
 * text and regular expressions, become spaces of the same length, so a position in the blanked text is one in the source.
 *
 *   source   const a = "Deno"; // Deno      import { b } from "./b.ts";
 *   blanked  const a = "    ";              import { b } from "      ";
 */
export interface ScannedSource {
  /** The source, blanked; quotes stay. */
  readonly code: string;
  readonly imports: readonly string[];
}

export function scanSource(source: string): ScannedSource {
  const code = new Blanker(source).blank();
  const imports = [...code.matchAll(IMPORT)].map((match) => {
    const start = match.index + match[0].length;
    return source.slice(start, code.indexOf(code[start - 1] ?? '"', start));
  });
  return { code, imports };
}

/** The offsets in blanked code that no bracket encloses, as text of the same length. */
export function moduleLevel(code: string): string {
  let depth = 0;
  return code.replace(/[^]/g, (character) => {
    if ("([{".includes(character)) depth++;
    if (")]}".includes(character)) depth--;
    return depth === 0 || character === "\n" ? character : " ";
  });
}

export function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split("\n").length;
}

// `from "x"`, `import "x"`, `import("x")`; the last character is the opening quote. A template is read like a string.
const IMPORT = /(?<![\w$.#])(?:from\s*|import\s*\(?\s*)["'`]/g;
const REGEXP_MAY_FOLLOW =
  /(?:^|[(,=:[!&|?{};+\-*%~^<>}]|\b(?:return|typeof|case|in|of|delete|void|throw|new|else|do|yield|await))\s*$/;

class Blanker {
  readonly #source: string;
  readonly #pieces: string[] = [];
  #at = 0;

  constructor(source: string) {
    this.#source = source;
  }

  blank(): string {
    this.#code(false);
    return this.#pieces.join("");
  }

  /** Up to the end, or to the brace that closes the `${` it was called for. */
  #code(insideTemplate: boolean): void {
    let depth = 0;
    while (this.#at < this.#source.length) {
      const character = this.#source.charAt(this.#at);
      if (insideTemplate && character === "}" && depth === 0) return;
      if (character === "{") depth++;
      if (character === "}") depth--;
      this.#token(character);
    }
  }

  #token(character: string): void {
    if (this.#source.startsWith("//", this.#at)) {
      this.#hide(/[^\n]*/y);
    } else if (this.#source.startsWith("/*", this.#at)) {
      this.#hide(/\/\*[^]*?(?:\*\/|$)/y);
    } else if (character === '"' || character === "'") {
      this.#keep(1);
      this.#hide(
        character === '"' ? /(?:[^"\\\n]|\\[^])*/y : /(?:[^'\\\n]|\\[^])*/y,
      );
      this.#keep(1);
    } else if (character === "`") {
      this.#template();
    } else if (character === "/" && this.#regexpMayFollow()) {
      this.#keep(1);
      this.#hide(/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])*/y);
      this.#keep(1);
    } else {
      this.#keep(1);
    }
  }

  #template(): void {
    this.#keep(1);
    while (this.#at < this.#source.length) {
      this.#hide(/(?:[^`\\$]|\\[^]|\$(?!\{))*/y);
      if (this.#source.charAt(this.#at) === "`") {
        this.#keep(1);
        return;
      }
      this.#keep(2); // "${"
      this.#code(true);
      this.#keep(1);
    }
  }

  #regexpMayFollow(): boolean {
    return REGEXP_MAY_FOLLOW.test(this.#pieces.slice(-200).join("").trimEnd());
  }

  #keep(length: number): void {
    this.#pieces.push(this.#source.slice(this.#at, this.#at + length));
    this.#at += length;
  }

  #hide(pattern: RegExp): void {
    pattern.lastIndex = this.#at;
    const hidden = pattern.exec(this.#source)?.[0] ?? "";
    this.#pieces.push(hidden.replace(/[^\n]/g, " "));
    this.#at += hidden.length;
  }
}
