import { useState } from "preact/hooks";
import { CopyButton, Tabs } from "./components.tsx";
import {
  exactText,
  likelyForm,
  PAYLOAD_FORM_NAMES,
  PAYLOAD_FORMS,
  type PayloadForm,
  shownAs,
} from "./payload_bytes.ts";
import { bytes } from "./text.ts";

/** More than this is cut in view; Copy has all. */
const SHOWN_BYTES = 65_536;

const NAMES = PAYLOAD_FORMS.map((form) => [form, PAYLOAD_FORM_NAMES[form]] as const);

/** Payload as text, JSON, hex or base64. */
export function Payload({ data }: { readonly data: Uint8Array }) {
  const [chosen, choose] = useState<PayloadForm>();
  const form = chosen ?? likelyForm(data);
  return (
    <div class="stack">
      <div class="row">
        <Tabs
          label="Form of the payload"
          name={form}
          names={NAMES}
          onName={choose}
        />
        <span class="push">
          <CopyButton text={() => shownAs(form, data) ?? ""} />
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
  if (data.length === 0) return <p class="muted">No bytes</p>;
  const shown = data.length > SHOWN_BYTES ? beginning(data) : data;
  const text = shownAs(form, form === "json" ? data : shown);
  if (text === undefined) {
    return (
      <p class="muted">
        {form === "json" ? "This is not JSON" : "These bytes are not UTF-8"}: see Hex
      </p>
    );
  }
  const isCut = form === "json" ? text.length > SHOWN_BYTES : shown.length < data.length;
  return (
    <>
      <pre
        class={form === "hex" ? "value hex" : "value"}
        tabIndex={0}
        aria-label="Payload"
      >
        <bdi>{form === "json" ? text.slice(0, SHOWN_BYTES) : text}</bdi>
      </pre>
      {isCut && (
        <p class="note">
          The beginning of {bytes(data.length)}; Copy gives all of it
        </p>
      )}
    </>
  );
}

/** First bytes, without a character of UTF-8 that would be cut. */
function beginning(data: Uint8Array): Uint8Array {
  for (let end = SHOWN_BYTES; end > SHOWN_BYTES - 4; end--) {
    if (exactText(data.subarray(0, end)) !== undefined) {
      return data.subarray(0, end);
    }
  }
  return data.subarray(0, SHOWN_BYTES);
}
