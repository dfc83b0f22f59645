import type { App, Question } from "./app.ts";
import { Field } from "./components.tsx";
import type { ClientRow } from "./shapes.ts";

type Key = "clientId" | "address" | "user";

/** Question before a client is banned: by which of its names, and for how long. */
export function banQuestion(
  app: App,
  { clientId, address, principal }: ClientRow,
  onDone: () => void,
): Question {
  return {
    title: `Ban ${clientId}?`,
    effect: "It is disconnected, and refused when it comes again, until the ban ends. Settings lists all bans.",
    action: "Ban",
    isDangerous: true,
    fields: (
      <div class="fields">
        <Field label="By">
          <select class="input" name="by">
            <option value="clientId">this Client Identifier</option>
            {address !== null && <option value="address">its address, with all behind it</option>}
            {principal !== null && <option value="user">its user name</option>}
          </select>
        </Field>
        <Field label="For">
          <select class="input" name="seconds">
            <option value="600">10 minutes</option>
            <option value="3600">1 hour</option>
            <option value="86400">1 day</option>
            <option value="">ever</option>
          </select>
        </Field>
      </div>
    ),
    run: async ({ by, seconds }) => {
      const kind = by as Key; // One of the options above.
      const key = { clientId, address: address?.replace(/:\d+$/, ""), user: principal }[kind];
      const until = seconds === "" ? {} : { until: new Date(Date.now() + Number(seconds) * 1000).toISOString() };
      await app.api.post(["bans"], { [kind]: key, ...until });
      app.say({ text: `Banned ${key}` });
      onDone();
    },
  };
}
