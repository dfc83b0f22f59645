/**
 * Payloads as people write and read them: text, JSON, hex, base64. No way of showing or writing one changes a byte: what
 * cannot be shown in a form, such as bytes that are no UTF-8 as text, is not offered in it.
 */

/** Form of a payload. */
export const PAYLOAD_FORMS = ["text", "json", "hex", "base64"] as const;
/** Form of a payload. */
export type PayloadForm = typeof PAYLOAD_FORMS[number];
/** Names of the forms for people. */
export const PAYLOAD_FORM_NAMES: Readonly<Record<PayloadForm, string>> = {
  text: "Text",
  json: "JSON",
  hex: "Hex",
  base64: "Base64",
};

/** Bytes, or why there are none. */
export type ParsedPayload = { readonly bytes: Uint8Array } | {
  readonly mistake: string;
};

const ENCODER = new TextEncoder();
const HEX_LINE_BYTES = 16;

/** Text of bytes that are UTF-8 and nothing else; undefined if they would change on their way back. */
export function exactText(bytes: Uint8Array): string | undefined {
  try {
    // ignoreBOM keeps a byte order mark, which would be lost otherwise.
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(
      bytes,
    );
  } catch {
    return undefined; // A fatal TextDecoder throws only for bytes that are no UTF-8.
  }
}

/** Indented JSON of bytes, if they are JSON. A number keeps its digits, which JSON.parse would round. */
export function prettyJson(bytes: Uint8Array): string | undefined {
  const text = exactText(bytes);
  if (text === undefined || !isJson(text)) return undefined;
  return indented(text);
}

/** Form in which a received payload is shown at first. */
export function likelyForm(bytes: Uint8Array): PayloadForm {
  const text = exactText(bytes);
  if (text === undefined || hasControls(text)) return "hex";
  return /^\s*[[{]/.test(text) && isJson(text) ? "json" : "text";
}

/** Payload in a form, as it is shown; undefined if it has none in this form. */
export function shownAs(
  form: PayloadForm,
  bytes: Uint8Array,
): string | undefined {
  switch (form) {
    case "text":
      return exactText(bytes);
    case "json":
      return prettyJson(bytes);
    case "hex":
      return hexLines(bytes);
    case "base64":
      return base64OfBytes(bytes);
  }
}

/** Bytes of what was written in a form. */
export function parsePayload(
  form: PayloadForm,
  written: string,
): ParsedPayload {
  switch (form) {
    case "text":
      return { bytes: ENCODER.encode(written) };
    case "json": {
      const mistake = jsonMistake(written);
      return mistake === undefined ? { bytes: ENCODER.encode(written) } : { mistake };
    }
    case "hex":
      return parseHex(written);
    case "base64":
      return parseBase64(written);
  }
}

/**
 * Text for the editor after the form was changed, with the same bytes; or why that cannot be. A text field of a browser
 * turns CR LF into LF, so a payload with CR is not written as text.
 */
export function rewritten(
  from: PayloadForm,
  to: PayloadForm,
  written: string,
): { readonly text: string } | {
  readonly mistake: string;
} {
  const parsed = parsePayload(from, written);
  if ("mistake" in parsed) return parsed;
  const { bytes } = parsed;
  if (to === "hex") return { text: hexOfBytes(bytes, " ") };
  if (to === "base64") return { text: base64OfBytes(bytes) };
  const text = exactText(bytes);
  if (text === undefined) {
    return {
      mistake: "These bytes are not UTF-8: as text they would change. Write them as hex.",
    };
  }
  if (text.includes("\r")) {
    return {
      mistake: "A text field turns CR into LF, so these bytes would change. Write them as hex.",
    };
  }
  return { text };
}

/** Hex of bytes. */
export function hexOfBytes(bytes: Uint8Array, separator = ""): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(
    separator,
  );
}

/** Base64 of bytes. */
export function base64OfBytes(bytes: Uint8Array): string {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}

/** Bytes of base64 that a program wrote. */
export function bytesOfBase64(text: string): Uint8Array {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let index = 0; index < binary.length; index++) {
    bytes[index] = binary.charCodeAt(index);
  }
  return bytes;
}

/** Lines of a hex dump with ASCII, the offsets in hex, as Wireshark copies them ("Copy Bytes as Hex + ASCII Dump"). */
export function hexLines(bytes: Uint8Array): string {
  const lines: string[] = [];
  for (let offset = 0; offset < bytes.length; offset += HEX_LINE_BYTES) {
    const line = bytes.subarray(offset, offset + HEX_LINE_BYTES);
    const isLast = offset + HEX_LINE_BYTES >= bytes.length;
    const hex = Array.from(
      line,
      (byte) => ` ${byte.toString(16).padStart(2, "0")}`,
    ).join("");
    const room = isLast ? hex.padEnd(HEX_LINE_BYTES * 3) : hex;
    lines.push(
      `${offset.toString(16).padStart(4, "0")}  ${room}   ${Array.from(line, asciiOf).join("")}\n`,
    );
  }
  return lines.join("");
}

/** Character of a byte in a dump; a full stop for what cannot be seen. */
export function asciiOf(byte: number): string {
  return byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ".";
}

/** Size for people: `21 B`, `1.4 KB`, `2.0 MB`. */
export function sizeText(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  if (bytes < 1_000_000) return `${(bytes / 1_000).toFixed(1)} KB`;
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}

function parseHex(written: string): ParsedPayload {
  const digits = written.replace(/0x|[\s,:]/gi, "");
  const wrong = /[^\da-f]/i.exec(digits)?.[0];
  if (wrong !== undefined) {
    return {
      mistake: `"${wrong}" is not a hex digit. Write bytes such as 7b 22 61 22 7d.`,
    };
  }
  if (digits.length % 2 !== 0) {
    return {
      mistake: "The last byte has one hex digit. Write two for each byte.",
    };
  }
  return {
    bytes: Uint8Array.from(
      digits.match(/../g) ?? [],
      (byte) => parseInt(byte, 16),
    ),
  };
}

function parseBase64(written: string): ParsedPayload {
  const text = written.replace(/\s/g, "").replaceAll("-", "+").replaceAll(
    "_",
    "/",
  );
  const wrong = /[^A-Za-z\d+/=]/.exec(text)?.[0];
  if (wrong !== undefined) {
    return { mistake: `"${wrong}" is not in the alphabet of base64.` };
  }
  try {
    return { bytes: bytesOfBase64(text) };
  } catch {
    return {
      mistake: "This is not whole base64: its length must be a multiple of 4, with = at the end.",
    }; // atob throws only for that.
  }
}

function isJson(text: string): boolean {
  return jsonMistake(text) === undefined;
}

function jsonMistake(text: string): string | undefined {
  try {
    JSON.parse(text);
    return undefined;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return text.trim() === "" ? "There is no JSON yet." : `This is not JSON: ${error.message}`;
  }
}

function hasControls(text: string): boolean {
  // deno-lint-ignore no-control-regex -- Control characters are what it looks for.
  return /[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/.test(text);
}

/** JSON with line breaks and indents, without a change of its tokens. */
function indented(text: string): string {
  let [result, depth] = ["", 0];
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|[^\s"{}[\],:]+|[{}[\],:]/g) ??
    [];
  for (const [index, token] of tokens.entries()) {
    const next = tokens[index + 1];
    if (token === "{" || token === "[") {
      if (next === "}" || next === "]") result += token;
      else result += `${token}\n${"  ".repeat(depth += 1)}`;
    } else if (token === "}" || token === "]") {
      const previous = tokens[index - 1];
      if (previous === "{" || previous === "[") result += token;
      else result += `\n${"  ".repeat(depth -= 1)}${token}`;
    } else if (token === ",") result += `,\n${"  ".repeat(depth)}`;
    else if (token === ":") result += ": ";
    else result += token;
  }
  return result;
}
