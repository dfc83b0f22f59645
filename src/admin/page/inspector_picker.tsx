import { useState } from "preact/hooks";
import type { TraceFacts, TraceTarget } from "../trace/trace_records.ts";
import { type App, useApp, useInspector } from "./app.ts";
import { Select } from "./components.tsx";

const KINDS = {
  next: "the next connection",
  clientId: "a client …",
  topic: "a topic …",
  address: "an address …",
  user: "a user …",
} as const;
type Kind = keyof typeof KINDS;

const FIELDS: Readonly<Record<Exclude<Kind, "next">, { readonly label: string; readonly example: string }>> = {
  clientId: { label: "Client ID", example: "device-77" },
  topic: { label: "Topic Name or Topic Filter", example: "plant/+/temperature" },
  address: { label: "Address of the client, with or without its port", example: "10.0.0.7" },
  user: { label: "User name", example: "kitchen" },
};

/** Choice of what is traced: something new, or a trace that there is already. */
export function TracePicker() {
  const app = useApp();
  const inspector = useInspector();
  const [traces, setTraces] = useState<readonly TraceFacts[]>([]);
  const [, draw] = useState(0);
  const { trace } = inspector;
  const renew = () => {
    app.api.get<{ readonly traces: readonly TraceFacts[] }>(["traces"]).then(({ traces }) => setTraces(traces), () => {
      // The list stays as it was; starting a trace says what is wrong.
    });
  };
  const choose = (value: string) => {
    draw((round) => round + 1); // The select goes back to its first option, which says what is traced.
    const known = traces.find(({ id }) => value === `show ${id}`);
    if (known !== undefined) inspector.show(known);
    else if (value === "stop") void inspector.stop(); // It never rejects.
    else if (value === "next") void inspector.start({ next: true });
    else if (value !== "") askForTarget(app, value as Exclude<Kind, "next">); // One of the options.
  };
  const others = traces.filter(({ id }) => id !== trace?.id);
  return (
    <span onFocusCapture={renew} onPointerEnter={renew}>
      <Select
        label="Trace"
        value=""
        onValue={choose}
        options={[
          ["", trace === undefined ? "Trace …" : `Trace: ${trace.name}`],
          ...Object.entries(KINDS).map(([kind, words]) => [kind, `Trace ${words}`] as const),
          ...others.map(({ id, name, isActive }) =>
            [`show ${id}`, `${isActive ? "Running" : "Ended"}: ${name}`] as const
          ),
          ...trace?.isActive === true ? [["stop", "End this trace"] as const] : [],
        ]}
      />
    </span>
  );
}

/** Asks what is to be traced, and starts the trace. */
export function askForTarget(app: App, kind: Exclude<Kind, "next">): void {
  const { label, example } = FIELDS[kind];
  app.ask({
    title: `Trace ${KINDS[kind].replace(" …", "")}?`,
    effect: "Its packets are kept in memory for at most 10 minutes, passwords overwritten. Events say who started it.",
    action: "Start the trace",
    fields: (
      <label class="field">
        <span class="label">{label}</span>
        <input class="input" name="value" placeholder={example} required autocomplete="off" spellcheck={false} />
      </label>
    ),
    run: async ({ value = "" }) => {
      const target: TraceTarget = { [kind]: value };
      if (!await app.inspector.start(target)) throw app.inspector.problem;
    },
  });
}
