import { useState } from "preact/hooks";
import { useApp } from "./app.ts";
import { Badge, Button, Command, Field, Name, Pane } from "./components.tsx";
import { Loaded } from "./page.tsx";
import { useResource } from "./resource.ts";
import type { TokenRow } from "./shapes.ts";

/** Tokens of programs that use the API. */
export function Tokens() {
  const app = useApp();
  const tokens = useResource(
    "tokens",
    (signal) => app.api.get<{ readonly tokens: readonly TokenRow[] }>(["tokens"], { signal }),
  );
  const [made, setMade] = useState<string>();
  const create = () =>
    app.ask({
      title: "New token",
      effect: "A program sends it as Authorization: Bearer. It is shown once.",
      action: "Make the token",
      fields: <TokenFields />,
      run: async ({ name, role }) => {
        const { token } = await app.api.post<{ readonly token: string }>(["tokens"], { name, role });
        setMade(token);
        tokens.reload();
      },
    });
  const remove = ({ name, segment }: TokenRow) =>
    app.ask({
      title: `Delete the token ${name}?`,
      effect: "Programs that use it are refused from now on.",
      action: "Delete the token",
      isDangerous: true,
      run: async () => {
        await app.api.delete(["tokens", { encoded: segment }]);
        tokens.reload();
      },
    });
  return (
    <Pane title="Tokens" isFlush tools={<Button isSmall onClick={create}>New token…</Button>}>
      {made !== undefined && (
        <div class="pane-body">
          <p class="note">The new token. It is not shown again:</p>
          <Command>{made}</Command>
        </div>
      )}
      <Loaded resource={tokens}>
        {({ tokens: rows }) => (
          <ul class="lines">
            {rows.length === 0 && <li class="muted">No program has a token</li>}
            {rows.map((token) => (
              <li key={token.name}>
                <Name isMono={false}>{token.name}</Name>
                <Badge>{token.role}</Badge>
                {token.isConfigured ? <span class="push note">in the configuration</span> : (
                  <span class="push">
                    <Button isSmall isDangerous onClick={() => remove(token)}>Delete…</Button>
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

function TokenFields() {
  return (
    <div class="fields">
      <Field label="Name of the program">
        <input class="input" name="name" required autocomplete="off" />
      </Field>
      <Field label="Role">
        <select class="input" name="role">
          <option value="viewer">viewer: reads</option>
          <option value="operator">operator: changes clients and topics</option>
          <option value="admin">admin: all</option>
        </select>
      </Field>
    </div>
  );
}
