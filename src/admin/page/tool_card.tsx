import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { useApp, useTool } from "./app.ts";
import { Banner, Button, CopyButton, Dot, Name, Select } from "./components.tsx";
import { parsePayload } from "./payload_bytes.ts";
import { mqttVersion } from "./text.ts";
import { COMMANDS } from "./tool_commands.ts";
import { ConnectForm } from "./tool_connect_form.tsx";
import type { ToolConnection, ToolPhase } from "./tool_connection.ts";
import { MessageList } from "./tool_message_list.tsx";
import { PublishForm, SubscribeForm } from "./tool_publish_form.tsx";
import { SpecificationLink } from "./specification_link.tsx";

const PHASE_WORDS: Readonly<Record<ToolPhase, string>> = {
  idle: "Not connected",
  connecting: "Connecting …",
  connected: "Connected",
  refused: "Refused",
  lost: "Connection ended",
  closed: "Disconnected",
};
const PHASE_TONES = {
  idle: "none",
  connecting: "warn",
  connected: "good",
  refused: "bad",
  lost: "bad",
  closed: "none",
} as const;

interface ToolCardProps {
  readonly connection: ToolConnection;
  readonly listeners: readonly string[];
  /** Whether it is the only connection, which cannot be removed. */
  readonly isOnly: boolean;
}

/** One connection: its settings while it is not connected, then its subscriptions, messages and publications. */
export function ToolCard({ connection, listeners, isOnly }: ToolCardProps) {
  useTool();
  const { phase } = connection;
  const isConnected = phase === "connected";
  return (
    <section class="card tool-card" aria-label={`Connection ${connection.clientId}`}>
      <CardHead connection={connection} isOnly={isOnly} />
      <Failure connection={connection} />
      {isConnected
        ? (
          <>
            <SubscribeForm connection={connection} />
            <MessageList connection={connection} />
            <PublishForm connection={connection} />
          </>
        )
        : (
          <>
            <ConnectForm connection={connection} listeners={listeners} />
            {connection.log.count > 0 && <MessageList connection={connection} />}
          </>
        )}
      <CardFoot connection={connection} listeners={listeners} />
    </section>
  );
}

function CardHead({ connection, isOnly }: Pick<ToolCardProps, "connection" | "isOnly">) {
  const tool = useTool();
  const { phase, settings } = connection;
  const isOpen = phase === "connected" || phase === "connecting";
  return (
    <div class="tool-head">
      <Dot tone={PHASE_TONES[phase]} />
      <h2>
        <Name isMono={false}>{connection.clientId}</Name>
      </h2>
      <span class="muted cut" role="status">
        {PHASE_WORDS[phase]}
        {phase === "connected" && ` · MQTT ${mqttVersion(settings.protocolVersion)}`}
        {connection.connack?.sessionPresent === true && " · session resumed"}
      </span>
      <span class="push row">
        {isOpen
          ? (
            <Button onClick={() => void connection.disconnect()}>
              {phase === "connecting" ? "Cancel" : "Disconnect"}
            </Button>
          )
          : <Button isPrimary onClick={() => void connection.connect()}>Connect</Button>}
        {!isOnly && <Button label={`Remove ${connection.clientId}`} onClick={() => tool.remove(connection)}>×</Button>}
      </span>
    </div>
  );
}

/** Why the last attempt or connection ended, with the remedy. */
function Failure({ connection }: { readonly connection: ToolConnection }) {
  const app = useApp();
  useTool();
  const { explanation, mistake } = connection;
  if (mistake !== undefined) return <Banner title="This cannot be sent">{mistake}</Banner>;
  if (explanation === undefined) return null;
  const { title, text, remedy, clause } = explanation;
  const showPackets = async () => {
    await app.inspector.start({ clientId: connection.settings.clientId });
    await connection.connect();
    app.router.go("inspector");
  };
  return (
    <Banner title={title}>
      <span class="break">{text}</span>
      {remedy !== undefined && <span class="break">{inCode(remedy)}</span>}
      <span class="row tool-links">
        {app.may("operator") && (
          <button type="button" class="link" onClick={() => void showPackets()}>
            Try again and show its packets
          </button>
        )}
        {clause !== undefined && <SpecificationLink reference={clause} />}
      </span>
    </Banner>
  );
}

function CardFoot({ connection, listeners }: Pick<ToolCardProps, "connection" | "listeners">) {
  const app = useApp();
  useTool();
  const [command, setCommand] = useState("mosquitto_pub");
  const { phase, draft } = connection;
  const copied = () => {
    const parsed = parsePayload(draft.form, draft.payload);
    const payload = "bytes" in parsed ? parsed.bytes : new Uint8Array();
    return COMMANDS[command]?.({
      settings: connection.settings,
      hasPassword: connection.password !== "",
      publication: { topic: draft.topic, payload, qos: draft.qos, retain: draft.retain },
      subscription: { topicFilter: draft.topicFilter, qos: draft.subscribeQos },
      listeners,
    }) ?? "";
  };
  const show = async () => {
    await app.inspector.start({ clientId: connection.clientId });
    app.router.go("inspector");
  };
  return (
    <div class="tool-foot">
      {phase === "connected" && app.may("operator") && (
        <button type="button" class="link" onClick={() => void show()}>Show its packets</button>
      )}
      <span class="push row">
        <span class="note">Same in</span>
        <Select
          label="Program in whose words the settings are copied"
          value={command}
          onValue={setCommand}
          options={Object.keys(COMMANDS).map((name) => [name, name] as const)}
        />
        <CopyButton text={copied} />
      </span>
    </div>
  );
}

/** Text in which what stands in backticks is code. */
function inCode(text: string): ComponentChildren {
  return text.split("`").map((part, index) => index % 2 === 1 ? <code key={index}>{part}</code> : part);
}
