import type { App, Question } from "./app.ts";
import { Field } from "./components.tsx";
import {
  base64OfBytes,
  likelyForm,
  parsePayload,
  PAYLOAD_FORM_NAMES,
  PAYLOAD_FORMS,
  shownAs,
} from "./payload_bytes.ts";
import { ApiError } from "./api.ts";
import { counted } from "./text.ts";

interface Draft {
  readonly topic: string;
  readonly retain?: boolean;
  /** Payload to begin with. */
  readonly data?: Uint8Array | undefined;
}

interface Published {
  readonly receivers: number;
}

/** Form of a message that the broker publishes. */
export function publishQuestion(
  app: App,
  { topic, retain = false, data }: Draft,
  onDone: () => void,
): Question {
  const form = data === undefined ? "text" : likelyForm(data);
  return {
    title: "Publish a message",
    effect: "Subscribers get it as if a client had sent it.",
    action: "Publish",
    fields: (
      <div class="fields">
        <Field label="Topic" isWide>
          <input
            class="input mono"
            name="topic"
            defaultValue={topic}
            required
            autocomplete="off"
            spellcheck={false}
          />
        </Field>
        <Field label="QoS">
          <select class="input" name="qos">
            <option value="0">0, at most once</option>
            <option value="1">1, at least once</option>
            <option value="2">2, exactly once</option>
          </select>
        </Field>
        <Field label="Payload as">
          <select class="input" name="form" defaultValue={form}>
            {PAYLOAD_FORMS.map((name) => (
              <option key={name} value={name} selected={name === form}>
                {PAYLOAD_FORM_NAMES[name]}
              </option>
            ))}
          </select>
        </Field>
        <Field label="Payload" isWide>
          <textarea
            class="input"
            name="payload"
            rows={6}
            spellcheck={false}
            defaultValue={data === undefined ? "" : shownAs(form, data) ?? ""}
          />
        </Field>
        <label class="check wide">
          <input
            type="checkbox"
            name="retain"
            value="1"
            defaultChecked={retain}
          />
          Retain: keep it as the value of the topic
        </label>
      </div>
    ),
    run: async (values) => {
      const parsed = parsePayload(
        PAYLOAD_FORMS.find((name) => name === values["form"]) ?? "text",
        values["payload"] ?? "",
      );
      if ("mistake" in parsed) {
        throw new ApiError(0, "This is not such a payload", parsed.mistake);
      }
      const { receivers } = await app.api.post<Published>(["messages"], {
        topic: values["topic"],
        base64: base64OfBytes(parsed.bytes),
        qos: Number(values["qos"]),
        retain: values["retain"] === "1",
      });
      app.say({
        text: `Published to ${values["topic"]}: ${counted(receivers, "receiver")}`,
      });
      onDone();
    },
  };
}
