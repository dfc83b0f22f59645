import { useApp } from "./app.ts";
import { Button, Name, Pane } from "./components.tsx";
import { Loaded } from "./page.tsx";
import { useNow, useResource } from "./resource.ts";
import type { BanRow } from "./shapes.ts";
import { duration } from "./text.ts";

/** Clients, users and addresses that are refused. */
export function Bans() {
  const app = useApp();
  const now = useNow();
  const bans = useResource(
    "bans",
    (signal) => app.api.get<{ readonly bans: readonly BanRow[] }>(["bans"], { signal }),
    { everyMs: 10_000 },
  );
  const lift = async (ban: BanRow) => {
    await app.api.delete(["bans", { encoded: ban.segment }]);
    app.say({ text: `Lifted the ban of ${nameOf(ban)}` });
    bans.reload();
  };
  return (
    <Pane title="Bans" isFlush>
      <Loaded resource={bans}>
        {({ bans: rows }) => (
          <ul class="lines">
            {rows.length === 0 && (
              <li class="muted">Nobody is banned. The panel of a client, in Clients, has a button for it.</li>
            )}
            {rows.map((ban) => (
              <li key={ban.key}>
                <span>
                  {kindOf(ban)} <Name>{nameOf(ban)}</Name>{" "}
                  <span class="muted">
                    {ban.until === null ? "for ever" : `for ${duration(Math.max(0, Date.parse(ban.until) - now))} more`}
                  </span>
                </span>
                {app.may("operator") && (
                  <span class="push">
                    <Button isSmall onClick={() => void lift(ban).catch(app.fail)}>Lift</Button>
                  </span>
                )}
              </li>
            ))}
          </ul>
        )}
      </Loaded>
    </Pane>
  );
}

function nameOf({ clientId, user, address }: BanRow): string {
  return clientId ?? user ?? address ?? "";
}

function kindOf({ clientId, user }: BanRow): string {
  if (clientId !== undefined) return "Client";
  return user === undefined ? "Address" : "User";
}
