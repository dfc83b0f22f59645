import { useState } from "preact/hooks";
import { CopyButton, Tabs } from "./components.tsx";
import { bytes, fromUtf8, hexLines, toBase64 } from "./text.ts";

const FORMS = ["Text", "JSON", "Hex", "Base64"] as const;

export type PayloadForm = typeof FORMS[number];

/** More than this is cut in view; Copy has all. */
const SHOWN_BYTES = 65_536;

/** Payload as text, JSON, hex and base64; none of them loses a byte: what is no UTF-8 is shown in hex. */
export function Payload({ data }: { readonly data: Uint8Array }) {
  const text = fromUtf8(data);
  const [chosen, choose] = useState<PayloadForm>();
  const form = chosen ??
    (text === undefined ? "Hex" : isJson(text) ? "JSON" : "Text");
  return (
    <div class="stack">
      <div class="row">
        <Tabs
          label="Form of the payload"
          name={form}
          names={FORMS}
          onName={choose}
        />
        <span class="push">
          <CopyButton text={() => payloadIn(form, data)} />
        </span>
      </div>
      <PayloadIn form={form} data={data} />
    </div>
  );
}

/** Payload in one form. */
export function PayloadIn(
  { form, data }: { readonly form: PayloadForm; readonly data: Uint8Array },
) {
  const text = fromUtf8(data);
  if (data.length === 0) return <p class="muted">Empty: no bytes</p>;
  if (text === undefined && (form === "Text" || form === "JSON")) {
    return <p class="muted">{bytes(data.length)} that are not UTF-8: see Hex</p>;
  }
  if (form === "JSON" && text !== undefined && !isJson(text)) {
    return <p class="muted">This is not JSON: see Text</p>;
  }
  const shown = data.subarray(0, SHOWN_BYTES);
  return (
    <>
      <pre
        class={form === "Hex" ? "value hex" : "value"}
        tabIndex={0}
        dir={form === "Text" ? "auto" : "ltr"}
      >
        {payloadIn(form, shown.length < data.length && form !== "Hex" ? wholeCharacters(shown) : shown)}
      </pre>
      {shown.length < data.length && (
        <p class="note">
          The first {bytes(shown.length)} of {bytes(data.length)}
        </p>
      )}
    </>
  );
}

/** Text of a payload in a form; JSON with indentation. */
export function payloadIn(form: PayloadForm, data: Uint8Array): string {
  const text = fromUtf8(data);
  switch (form) {
    case "Text":
      return text ?? "";
    case "JSON":
      return text === undefined || !isJson(text) ? text ?? "" : JSON.stringify(JSON.parse(text), null, 2);
    case "Hex":
      return hexLines(data).join("\n");
    case "Base64":
      return toBase64(data);
  }
}

/** Whether text is JSON. */
export function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false; // The answer to the question.
  }
}

/** Bytes without a character of UTF-8 that is cut at their end. */
function wholeCharacters(data: Uint8Array): Uint8Array {
  let end = data.length;
  while (end > data.length - 4 && ((data[end - 1] ?? 0) & 0xc0) === 0x80) end--;
  return data.subarray(0, Math.max(0, end - 1));
}
