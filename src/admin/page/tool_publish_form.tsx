import { useState } from "preact/hooks";
import type { QoS, RetainHandling } from "../../codec/packet.ts";
import { printable } from "../../codec/printable.ts";
import { useTool } from "./app.ts";
import { Button, Checkbox, Field, Select, Tabs, TextInput } from "./components.tsx";
import { PAYLOAD_FORM_NAMES, PAYLOAD_FORMS, rewritten } from "./payload_bytes.ts";
import type { ToolConnection } from "./tool_connection.ts";
import type { ToolDraft } from "./tool_draft.ts";

export const QOS_OPTIONS = [["0", "QoS 0"], ["1", "QoS 1"], ["2", "QoS 2"]] as const;
/** Forms of a payload with their words. */
export const FORM_OPTIONS = PAYLOAD_FORMS.map((form) => [form, PAYLOAD_FORM_NAMES[form]] as const);
const RETAIN_HANDLING_OPTIONS = [
  ["0", "Retained messages: send"],
  ["1", "Retained messages: send if new"],
  ["2", "Retained messages: do not send"],
] as const;

interface FormProps {
  readonly connection: ToolConnection;
}

/** Topic Filter with its options, and the subscriptions that there are. */
export function SubscribeForm({ connection }: FormProps) {
  useTool();
  const { draft, subscriptions, outcome, settings } = connection;
  return (
    <form
      class="tool-form"
      onSubmit={(event) => {
        event.preventDefault();
        void connection.subscribeDraft();
      }}
    >
      <div class="row">
        <TextInput
          isGrowing
          label="Topic Filter"
          value={draft.topicFilter}
          onValue={(topicFilter) => connection.setDraft({ topicFilter })}
        />
        <QosSelect
          label="QoS of the subscription"
          value={draft.subscribeQos}
          onValue={(subscribeQos) => connection.setDraft({ subscribeQos })}
        />
        <Button isSubmit>Subscribe</Button>
      </div>
      {settings.protocolVersion === 5 && <SubscribeOptions connection={connection} />}
      <div class="tool-chips row">
        {subscriptions.length === 0 && outcome?.of !== "subscribe" && <span class="note">No subscription yet</span>}
        {subscriptions.length > 0 && (
          <ul class="chips" aria-label="Subscriptions">
            {subscriptions.map(({ topicFilter, grantedQos }) => (
              <li key={topicFilter} class="chip">
                <bdi>{printable(topicFilter)}</bdi>
                <span class="muted">{grantedQos === undefined ? "…" : `QoS ${grantedQos}`}</span>
                <button
                  type="button"
                  aria-label={`Unsubscribe ${topicFilter}`}
                  onClick={() => void connection.unsubscribe(topicFilter)}
                >
                  ×
                </button>
              </li>
            ))}
          </ul>
        )}
        <span class={outcome?.isGood === false ? "note break bad" : "note break"} role="status">
          {outcome?.of === "subscribe" ? outcome.text : ""}
        </span>
      </div>
    </form>
  );
}

function SubscribeOptions({ connection }: FormProps) {
  useTool();
  const { draft } = connection;
  return (
    <details class="tool-more">
      <summary>No local, retain as published, retained messages</summary>
      <div class="row">
        <Checkbox isChecked={draft.noLocal} onChange={(noLocal) => connection.setDraft({ noLocal })}>No local</Checkbox>
        <Checkbox
          isChecked={draft.retainAsPublished}
          onChange={(retainAsPublished) => connection.setDraft({ retainAsPublished })}
        >
          Retain as published
        </Checkbox>
        <Select
          label="Retain Handling"
          value={`${draft.retainHandling}`}
          onValue={(handling) => connection.setDraft({ retainHandling: Number(handling) as RetainHandling })} // An option.
          options={RETAIN_HANDLING_OPTIONS}
        />
      </div>
    </details>
  );
}

/** Topic, payload and properties of what is published. */
export function PublishForm({ connection }: FormProps) {
  useTool();
  const { draft, outcome, settings } = connection;
  const [mistake, setMistake] = useState<string>();
  const published = outcome?.of === "publish" ? outcome : undefined;
  const set = (change: Partial<ToolDraft>) => {
    setMistake(undefined);
    connection.setDraft(change);
  };
  const setForm = (form: ToolDraft["form"]) => {
    const text = rewritten(draft.form, form, draft.payload);
    if ("mistake" in text && draft.payload !== "") setMistake(text.mistake);
    else set({ form, payload: "text" in text ? text.text : "" });
  };
  return (
    <form
      class="tool-form tool-publish"
      onSubmit={(event) => {
        event.preventDefault();
        void connection.publishDraft();
      }}
    >
      <div class="row">
        <TextInput isGrowing label="Topic" value={draft.topic} onValue={(topic) => set({ topic })} />
        <QosSelect label="QoS of the message" value={draft.qos} onValue={(qos) => set({ qos })} />
        <Checkbox isChecked={draft.retain} onChange={(retain) => set({ retain })}>Retain</Checkbox>
      </div>
      <div class="row">
        <Tabs label="Form of the payload" name={draft.form} names={FORM_OPTIONS} onName={setForm} />
      </div>
      <div class="tool-payload">
        <textarea
          class="input"
          aria-label="Payload"
          rows={2}
          spellcheck={false}
          value={draft.payload}
          onInput={(event) => set({ payload: event.currentTarget.value })}
        />
        <Button isSubmit isPrimary>Publish</Button>
      </div>
      {settings.protocolVersion === 5 && <PublishProperties draft={draft} set={set} />}
      <p class={mistake === undefined && published?.isGood !== false ? "note break" : "note break bad"} role="status">
        {mistake ?? published?.text ?? "\u00a0"}
      </p>
    </form>
  );
}

function PublishProperties({ draft, set }: {
  readonly draft: ToolDraft;
  readonly set: (change: Partial<ToolDraft>) => void;
}) {
  return (
    <details class="tool-more">
      <summary>Content type, response topic, expiry and user properties</summary>
      <div class="fields">
        <Field label="Content type">
          <TextInput
            value={draft.contentType}
            placeholder="application/json"
            onValue={(contentType) => set({ contentType })}
          />
        </Field>
        <Field label="Expiry, s">
          <TextInput value={draft.expirySeconds} onValue={(expirySeconds) => set({ expirySeconds })} />
        </Field>
        <Field label="Response topic" isWide>
          <TextInput value={draft.responseTopic} onValue={(responseTopic) => set({ responseTopic })} />
        </Field>
        <Field label="User properties, one a line, such as site = north" isWide>
          <textarea
            class="input"
            rows={2}
            spellcheck={false}
            value={draft.userProperties}
            onInput={(event) => set({ userProperties: event.currentTarget.value })}
          />
        </Field>
      </div>
    </details>
  );
}

function QosSelect({ label, value, onValue }: {
  readonly label: string;
  readonly value: QoS;
  readonly onValue: (qos: QoS) => void;
}) {
  return (
    <Select
      label={label}
      value={`${value}`}
      onValue={(qos) => onValue(Number(qos) as QoS)} // An option.
      options={QOS_OPTIONS}
    />
  );
}
