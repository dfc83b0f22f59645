import { useState } from "preact/hooks";
import type { ProtocolVersion, QoS } from "../../codec/packet.ts";
import { useTool } from "./app.ts";
import { Checkbox, Field, Select, TextInput } from "./components.tsx";
import type { PayloadForm } from "./payload_bytes.ts";
import { FORM_OPTIONS, QOS_OPTIONS } from "./tool_publish_form.tsx";
import type { ToolConnection } from "./tool_connection.ts";
import type { WillSettings } from "./tool_settings.ts";

const OTHER = "other";
const VERSION_OPTIONS = [["5", "MQTT 5"], ["4", "MQTT 3.1.1"], ["3", "MQTT 3.1"]] as const;

interface FormProps {
  readonly connection: ToolConnection;
}

/** Settings of a connection. The password is in memory only. */
export function ConnectForm({ connection, listeners }: FormProps & { readonly listeners: readonly string[] }) {
  useTool();
  const { settings, phase } = connection;
  return (
    <form
      class="tool-form"
      onSubmit={(event) => {
        event.preventDefault();
        void connection.connect();
      }}
    >
      <fieldset disabled={phase === "connecting"}>
        <div class="fields">
          <AddressField connection={connection} listeners={listeners} />
          <Field label="Client ID">
            <TextInput value={settings.clientId} onValue={(clientId) => connection.set({ clientId })} />
          </Field>
          <Field label="Version">
            <Select
              value={`${settings.protocolVersion}`}
              onValue={(version) => connection.set({ protocolVersion: Number(version) as ProtocolVersion })} // An option.
              options={VERSION_OPTIONS}
            />
          </Field>
          <Field label="User name">
            <TextInput value={settings.userName} onValue={(userName) => connection.set({ userName })} />
          </Field>
          <Field label="Password">
            <TextInput
              type="password"
              autoComplete="new-password"
              value={connection.password}
              onValue={(password) => connection.setPassword(password)}
            />
          </Field>
        </div>
        <details class="tool-more">
          <summary>Will, keep alive, session and user properties</summary>
          <SessionFields connection={connection} />
          <WillFields connection={connection} />
        </details>
      </fieldset>
      <button type="submit" hidden>Connect</button>
    </form>
  );
}

/** Address: that of this page, a listener, or any other one. */
function AddressField({ connection, listeners }: FormProps & { readonly listeners: readonly string[] }) {
  const tool = useTool();
  const { address } = connection.settings;
  const known = [tool.ownAddress, ...reachable(listeners).filter((url) => url !== tool.ownAddress)];
  const [isOther, setOther] = useState(!known.includes(address) && address !== tool.ownAddress);
  const choose = (value: string) => {
    setOther(value === OTHER);
    if (value !== OTHER) connection.set({ address: value });
  };
  return (
    <>
      <Field label="Address" isWide>
        <Select
          value={isOther || !known.includes(address) ? OTHER : address}
          onValue={choose}
          options={[
            ...known.map((url) => [url, url === tool.ownAddress ? `${url} (this page)` : url] as const),
            [OTHER, "Another address …"],
          ]}
        />
      </Field>
      {(isOther || !known.includes(address)) && (
        <Field
          label="Another address"
          hint="The page may open its own addresses only: this one has to be a listener of this broker."
          isWide
        >
          <TextInput value={address} onValue={(address) => connection.set({ address })} />
        </Field>
      )}
    </>
  );
}

function SessionFields({ connection }: FormProps) {
  useTool();
  const { settings } = connection;
  const isNew = settings.protocolVersion === 5;
  return (
    <div class="fields">
      <Field label="Keep alive, s">
        <TextInput
          value={settings.keepAliveSeconds}
          onValue={(keepAliveSeconds) => connection.set({ keepAliveSeconds })}
        />
      </Field>
      {isNew && (
        <Field label="Session expiry, s">
          <TextInput
            value={settings.sessionExpirySeconds}
            onValue={(sessionExpirySeconds) => connection.set({ sessionExpirySeconds })}
          />
        </Field>
      )}
      {isNew && (
        <Field label="Receive Maximum">
          <TextInput
            value={settings.receiveMaximum}
            placeholder="1000"
            onValue={(receiveMaximum) => connection.set({ receiveMaximum })}
          />
        </Field>
      )}
      {isNew && (
        <Field label="Topic Alias Maximum">
          <TextInput
            value={settings.topicAliasMaximum}
            placeholder="10"
            onValue={(topicAliasMaximum) => connection.set({ topicAliasMaximum })}
          />
        </Field>
      )}
      <div class="wide">
        <Checkbox isChecked={settings.cleanStart} onChange={(cleanStart) => connection.set({ cleanStart })}>
          {isNew ? "Clean Start: begin without the session that the broker may have" : "Clean session"}
        </Checkbox>
      </div>
      {isNew && (
        <Field label="User properties, one a line, such as site = north" isWide>
          <textarea
            class="input"
            rows={2}
            spellcheck={false}
            value={settings.userProperties}
            onInput={(event) => connection.set({ userProperties: event.currentTarget.value })}
          />
        </Field>
      )}
    </div>
  );
}

function WillFields({ connection }: FormProps) {
  useTool();
  const { will, protocolVersion } = connection.settings;
  const set = (change: Partial<WillSettings>) => connection.set({ will: { ...will, ...change } });
  return (
    <>
      <Checkbox isChecked={will.isOn} onChange={(isOn) => set({ isOn })}>
        Will: a message that the broker publishes if this client disappears
      </Checkbox>
      {will.isOn && (
        <div class="fields">
          <Field label="Topic of the Will" isWide>
            <TextInput value={will.topic} onValue={(topic) => set({ topic })} />
          </Field>
          <Field label="Payload of the Will" isWide>
            <TextInput isMono value={will.payload} onValue={(payload) => set({ payload })} />
          </Field>
          <Field label="Form of the payload">
            <Select<PayloadForm> value={will.form} onValue={(form) => set({ form })} options={FORM_OPTIONS} />
          </Field>
          <Field label="QoS of the Will">
            <Select
              value={`${will.qos}`}
              onValue={(qos) => set({ qos: Number(qos) as QoS })} // An option.
              options={QOS_OPTIONS}
            />
          </Field>
          {protocolVersion === 5 && (
            <Field label="Delay of the Will, s">
              <TextInput value={will.delaySeconds} onValue={(delaySeconds) => set({ delaySeconds })} />
            </Field>
          )}
          <div class="tool-check">
            <Checkbox isChecked={will.retain} onChange={(retain) => set({ retain })}>Retain the Will</Checkbox>
          </div>
        </div>
      )}
    </>
  );
}

/** Listeners that a page can open; one at all addresses is reached by the name in the address bar. */
function reachable(listeners: readonly string[]): string[] {
  return listeners.filter((url) => /^wss?:/.test(url))
    .map((url) => url.replace(/(?<=^wss?:\/\/)(?:0\.0\.0\.0|\[::\]|\*)(?=[:/]|$)/, location.hostname));
}
